// SPDX-License-Identifier: GPL-2.0

//! Operations on their way to the disk, and back to the requests that own them.
//!
//! C header: [`include/linux/blkdev.h`](srctree/include/linux/blkdev.h)

use kernel::bindings as kernel_bindings;
use kernel::prelude::*;
use kernel::types::NotThreadSafe;
use kernel::types::Opaque;

use super::io::Io;
use super::io::Source;
use crate::sync::Fifo;
use crate::sync::Linked;
use crate::sync::SlabBox;

/// `REQ_FUA` of the block layer. A disk without a volatile cache has it taken away.
const FUA: u32 = 1 << kernel_bindings::req_flag_bits___REQ_FUA;

/// A request that owns an operation, and gets it back when it has ended.
pub(crate) trait Owner: Send + Linked {
    /// Where the data of writes comes from.
    type Source: Source;

    /// The operation, always the same one.
    fn io(&mut self) -> &mut Io<Self::Source>;

    /// Where those are kept that go to the disk together with this one; always the same place, for
    /// this use only.
    fn followers(&mut self) -> &mut Fifo<Self>;

    /// The operation has ended. Called in any context, hard interrupts included.
    fn ended(this: SlabBox<Self>, result: Result);

    /// Others have been gathered behind this write of parts of blocks; no more will come.
    fn gathered(this: SlabBox<Self>, batch: &mut Batch<Self>);

    /// Whether those that follow this one have one fate with it: then the end is told of this only, and
    /// they stay where they are.
    fn keeps_followers(&self) -> bool;

    /// Whether it is so young that there is time to try it once more: the answer to an old request is
    /// worth nothing, and a client that waits for too long gives the disk up.
    fn is_young(&self) -> bool;

    /// The operation has failed together with others, or perhaps so, and must be submitted again, by
    /// itself. Called in any context, hard interrupts included.
    fn again(this: SlabBox<Self>);
}

/// Submits the operation of a request and its followers. Sleeps.
fn start<O: Owner>(request: SlabBox<O>) {
    let request = SlabBox::into_raw(request);
    // SAFETY: The pointer came from `SlabBox::into_raw`; from here to `end_io` it is only used for
    // the bio.
    let bio = unsafe { (*request).io().bio() };
    // SAFETY: The bio is complete but for who gets it back. It, its vectors and the memory that they
    // describe lie in the request, in its followers and in their sources, which stay in place until
    // `end_io` takes the request back; and so does the `DiskUse` that keeps the device open.
    unsafe {
        (*bio).bi_private = request.cast();
        (*bio).bi_end_io = Some(end_io::<O>);
        kernel_bindings::submit_bio(bio);
    }
}

unsafe extern "C" fn end_io<O: Owner>(bio: *mut kernel_bindings::bio) {
    // SAFETY: The bio was submitted by `start`, has ended, and is ours again; its private
    // pointer is that of the request that it lies in, which came from `SlabBox::into_raw`.
    let (mut request, result, has_fua) = unsafe {
        let errno = kernel_bindings::blk_status_to_errno((*bio).bi_status);
        let has_fua = (*bio).bi_opf & FUA != 0;
        let request = (*bio).bi_private.cast::<O>();
        kernel_bindings::bio_uninit(bio);
        let result = kernel::error::to_result(errno);
        (SlabBox::from_raw(request), result, has_fua)
    };
    if let Err(error) = result {
        request.io().disk().note_failure();
        // The block layer joins nothing with a write that still has FUA.
        if request.followers().is_empty()
            && !has_fua
            && request.is_young()
            && request.io().may_be_not_its_own(error)
        {
            return O::again(request);
        }
    }
    if request.followers().is_empty() {
        return O::ended(request, result);
    }
    if request.keeps_followers() {
        return O::ended(request, result);
    }
    let mut followers = core::mem::replace(request.followers(), Fifo::new());
    let end = |request| match result {
        Ok(()) => O::ended(request, Ok(())),
        // Whose sectors were bad is not known.
        Err(_) => O::again(request),
    };
    end(request);
    while let Some(follower) = followers.pop() {
        end(follower);
    }
}

/// Operations on their way to one disk: reads and writes that are neighbours go there as one. The block
/// layer merges them too, but at a higher price, and not writes that are to be durable.
///
/// What is collected waits until it is submitted, so this must be done before its task waits for
/// memory.
pub(crate) struct Batch<O: Owner> {
    /// Those that are complete, each with its neighbours as followers.
    complete: Fifo<O>,
    count: usize,
    /// The one that is still to get followers.
    leader: Option<SlabBox<O>>,
    /// Whether memory has been waited for in vain, as far as the owner of the batch knows.
    pub(crate) is_starved: bool,
    /// A write of parts of blocks that is still to get followers.
    gathering: Option<SlabBox<O>>,
}

// What it has is in boxes, which stay where they are.
impl<O: Owner> Unpin for Batch<O> {}

impl<O: Owner> Batch<O> {
    /// So many requests the block layer has at hand at once even for a disk that takes no more than 64.
    const MAX_REQUESTS: usize = 16;

    /// Nothing.
    pub(crate) const fn new() -> Self {
        Self {
            complete: Fifo::new(),
            count: 0,
            leader: None,
            is_starved: false,
            gathering: None,
        }
    }

    /// Whether there is nothing to be submitted.
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0 && self.leader.is_none() && self.gathering.is_none()
    }

    /// Adds a read or write, whose sectors must lie within the disk: else the kernel logs the error
    /// that it returns.
    pub(crate) fn add(&mut self, request: SlabBox<O>) {
        if let Err(mut request) = self.join(request) {
            self.close();
            request.io().lead();
            self.leader = Some(request);
        }
    }

    /// Adds an operation that goes to the disk by itself: the block layer joins it with no other either.
    pub(crate) fn add_alone(&mut self, mut request: SlabBox<O>) {
        self.close();
        request.io().keep_alone();
        request.io().lead();
        self.leader = Some(request);
        self.close();
    }

    /// Makes a request a follower, or gives it back.
    fn join(&mut self, mut request: SlabBox<O>) -> Result<(), SlabBox<O>> {
        let Some(leader) = &mut self.leader else {
            return Err(request);
        };
        if !leader.io().join(request.io()) {
            return Err(request);
        }
        leader.followers().push(request);
        Ok(())
    }

    /// The leader gets no followers any more.
    fn close(&mut self) {
        if let Some(leader) = self.leader.take() {
            self.complete.push(leader);
            self.count = self.count.saturating_add(1);
        }
    }

    /// The write of parts of blocks that those may follow which come behind it.
    pub(crate) fn gathering(&mut self) -> Option<&mut O> {
        self.gathering.as_deref_mut()
    }

    /// Lets others follow this write from here on, instead of the one before.
    pub(crate) fn gather(&mut self, leader: SlabBox<O>) {
        self.end_gathering();
        self.gathering = Some(leader);
    }

    /// No more follow the write that gathers them.
    fn end_gathering(&mut self) {
        if let Some(leader) = self.gathering.take() {
            O::gathered(leader, self);
        }
    }

    /// Adds an operation that has been made ready, and goes to the disk by itself.
    pub(crate) fn add_ready(&mut self, request: SlabBox<O>) {
        self.close();
        self.leader = Some(request);
        self.close();
    }

    /// Submits all that there is. Sleeps.
    pub(crate) fn submit(&mut self) {
        self.end_gathering();
        self.close();
        while self.count > 0 {
            let count = self.count.min(Self::MAX_REQUESTS);
            self.count = self.count.saturating_sub(count);
            if count > 1 {
                pin_init::stack_pin_init!(let _plug = Plug::start(count as u16));
                self.start(count);
            } else {
                self.start(count);
            }
        }
    }

    fn start(&mut self, count: usize) {
        for _ in 0..count {
            if let Some(request) = self.complete.pop() {
                start(request);
            }
        }
    }
}

impl<O: Owner> Drop for Batch<O> {
    fn drop(&mut self) {
        self.submit();
    }
}

/// While it is there, what this task submits is collected; it is sent to the device when it is
/// dropped, or when the task sleeps.
#[pin_data(PinnedDrop)]
struct Plug {
    #[pin]
    plug: Opaque<kernel_bindings::blk_plug>,
    /// A plug belongs to the task that started it.
    _task: NotThreadSafe,
}

impl Plug {
    /// Begins to collect. `count` bios will come, for which the block layer has its own requests
    /// ready at once.
    fn start(count: u16) -> impl PinInit<Self> {
        pin_init!(Self {
            plug <- Opaque::ffi_init(|slot: *mut kernel_bindings::blk_plug| {
                // SAFETY: `slot` is valid for writing and stays in place until it is dropped, on
                // the stack of this task.
                unsafe {
                    kernel_bindings::blk_start_plug(slot);
                    (*slot).nr_ios = count;
                }
            }),
            _task: NotThreadSafe,
        })
    }
}

#[pinned_drop]
impl PinnedDrop for Plug {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: It was started, by this task.
        unsafe { kernel_bindings::blk_finish_plug(self.plug.get()) };
    }
}
