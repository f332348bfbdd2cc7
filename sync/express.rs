// SPDX-License-Identifier: GPL-2.0

//! Threads that begin at once.
//!
//! C header: [`include/linux/kthread.h`](srctree/include/linux/kthread.h)

use core::ptr;
use core::ptr::NonNull;

use kernel::cpu;
use kernel::prelude::*;
use kernel::sync::atomic::Acquire;
use kernel::sync::atomic::Atomic;
use kernel::sync::atomic::Full;
use kernel::sync::atomic::Relaxed;
use kernel::sync::atomic::Release;
use kernel::sync::Arc;
use kernel::types::Opaque;

use crate::bindings;

/// What can be done at once.
pub(crate) trait Urgent: Send + Sync + 'static {
    /// Does it, in process context; it may sleep.
    fn run(this: Arc<Self>);
}

/// Real-time threads, one for each CPU that was online when they were made. They run as soon as
/// softirqs have ended, and are woken and put to sleep again at half the price of a workqueue's
/// worker; but they leave no time for more to come that could be done together. Each does one thing
/// at a time: what it cannot do at once is for others, so that no one waits for another's sleep.
pub(crate) struct Express<T: Urgent>(KVec<Option<Pin<KBox<Lane<T>>>>>);

/// A moment on a CPU, as [`Express::mark`] counts them.
#[derive(Clone, Copy)]
pub(crate) struct Mark {
    cpu: u32,
    number: u32,
}

/// A real-time thread that belongs to a CPU.
///
/// # Invariants
///
/// It is a valid kthread worker, ours alone.
struct Thread(NonNull<bindings::kthread_worker>);

/// The thread of a CPU, and what it is to do.
///
/// # Invariants
///
/// `thread` is given nothing but `work`. `item` is null, or from `Arc::into_raw` and the work's.
#[pin_data]
struct Lane<T: Urgent> {
    thread: Thread,
    #[pin]
    work: Opaque<bindings::kthread_work>,
    item: Atomic<*mut T>,
    /// How many marks there have been.
    marks: Atomic<u32>,
}

// SAFETY: Any thread may give it something to do, which is `Send` and `Sync`.
unsafe impl<T: Urgent> Send for Lane<T> {}
// SAFETY: As above.
unsafe impl<T: Urgent> Sync for Lane<T> {}

impl Mark {
    /// The mark as a number.
    pub(crate) const fn to_number(self) -> u64 {
        (self.cpu as u64) << 32 | self.number as u64
    }

    /// The mark of a number.
    pub(crate) const fn from_number(number: u64) -> Self {
        Self {
            cpu: (number >> 32) as u32,
            number: number as u32,
        }
    }
}

impl<T: Urgent> Express<T> {
    /// Starts the threads. `name` has a `%u` for the CPU.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(name: &'static CStr) -> Result<Self> {
        let cpus = cpu::nr_cpu_ids();
        let mut lanes = KVec::with_capacity(cpus as usize, GFP_KERNEL)?;
        for cpu in 0..cpus {
            let lane = match Thread::new(cpu, name)? {
                Some(thread) => Some(KBox::pin_init(Lane::new(thread), GFP_KERNEL)?),
                None => None,
            };
            lanes.push_within_capacity(lane).map_err(|_| ENOMEM)?;
        }
        Ok(Self(lanes))
    }

    fn lane(&self, cpu: u32) -> Option<&Lane<T>> {
        self.0.get(cpu as usize)?.as_deref()
    }

    fn this_cpu() -> u32 {
        // SAFETY: An FFI call without requirements.
        unsafe { bindings::kv_this_cpu() }
    }

    /// Marks that something begins on this CPU.
    pub(crate) fn mark(&self) -> Mark {
        let cpu = Self::this_cpu();
        let number = self
            .lane(cpu)
            .map_or(0, |lane| lane.marks.fetch_add(1, Relaxed).wrapping_add(1));
        Mark { cpu, number }
    }

    /// Whether nothing has been marked on that CPU since.
    pub(crate) fn is_latest(&self, mark: Mark) -> bool {
        self.lane(mark.cpu)
            .is_some_and(|lane| lane.marks.load(Relaxed) == mark.number)
    }

    /// Has the thread of this CPU run something at once. In any context.
    ///
    /// # Errors
    ///
    /// The same, if there is no such thread, or it has not ended what it does, even if it sleeps.
    pub(crate) fn enqueue(&self, item: Arc<T>) -> Result<(), Arc<T>> {
        match self.lane(Self::this_cpu()) {
            Some(lane) => lane.enqueue(item),
            None => Err(item),
        }
    }

    /// Waits until `item` is neither run nor about to be, if it is not enqueued meanwhile. Sleeps.
    pub(crate) fn flush(&self, item: &T) {
        for lane in self.0.iter().flatten() {
            if ptr::eq(lane.item.load(Acquire), item) {
                // SAFETY: The work was initialised.
                unsafe { bindings::kthread_flush_work(lane.work.get()) };
            }
        }
    }
}

impl Thread {
    /// Starts one, if that CPU is online.
    fn new(cpu: u32, name: &'static CStr) -> Result<Option<Self>> {
        // SAFETY: An FFI call in process context, for a CPU that can be; the name stays.
        let worker = unsafe { bindings::kv_express_create(cpu, name.as_char_ptr()) };
        // INVARIANT: It was made for us.
        Ok(NonNull::new(kernel::error::from_err_ptr(worker)?).map(Self))
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        // SAFETY: The worker is valid and ours. It ends what it does before.
        unsafe { bindings::kthread_destroy_worker(self.0.as_ptr()) };
    }
}

impl<T: Urgent> Lane<T> {
    /// A lane with a thread, which is stopped with it.
    fn new(thread: Thread) -> impl PinInit<Self> {
        // INVARIANT: The thread has been given nothing; there is no item.
        pin_init!(Self {
            thread,
            work <- Opaque::ffi_init(|slot| {
                // SAFETY: `slot` is valid for writing and stays in place.
                unsafe { bindings::kv_express_init_work(slot, Some(Self::run)) }
            }),
            item: Atomic::new(ptr::null_mut()),
            marks: Atomic::new(0),
        })
    }

    fn enqueue(&self, item: Arc<T>) -> Result<(), Arc<T>> {
        let item = Arc::into_raw(item).cast_mut();
        // INVARIANT: It was null.
        if self.item.cmpxchg(ptr::null_mut(), item, Full).is_err() {
            // SAFETY: It came from `into_raw` and is not given away.
            return Err(unsafe { Arc::from_raw(item) });
        }
        // SAFETY: The worker is valid by its invariant, and the work was initialised.
        unsafe { bindings::kthread_queue_work(self.thread.0.as_ptr(), self.work.get()) };
        Ok(())
    }

    unsafe extern "C" fn run(work: *mut bindings::kthread_work) {
        // SAFETY: The worker runs nothing but the work of a lane, which stays until it has ended.
        let lane = unsafe { &*kernel::container_of!(Opaque::cast_from(work), Self, work) };
        // SAFETY: By the invariant, and since it was set before the work was enqueued, it is from
        // `into_raw`. No one else takes it.
        T::run(unsafe { Arc::from_raw(lane.item.load(Acquire)) });
        lane.item.store(ptr::null_mut(), Release);
    }
}
