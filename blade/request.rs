// SPDX-License-Identifier: GPL-2.0

//! A request on its way: from the frame that brought it to the reply that answers it.

use kernel::alloc::Flags;
use kernel::prelude::*;
use kernel::sync::rcu;
use kernel::sync::Arc;
use kernel::time::Msecs;

use super::history::Copied;
use super::initiators::InflightCredit;
use super::initiators::Limits;
use super::order;
use super::order::InflightSlot;
use super::order::Span;
use super::partial::Partial;
use super::port::Port;
use super::repeats::Asking;
use super::stats::Counter;
use crate::aoe::ata_argument;
use crate::aoe::AoeError;
use crate::aoe::AtaArgument;
use crate::aoe::Header;
use crate::ata::Asked;
use crate::ata::Extent;
use crate::ata::Operation;
use crate::ata::Outcome;
use crate::ata::Task;
use crate::block;
use crate::block::DiskUse;
use crate::block::Io;
use crate::net::Frame;
use crate::sync::Fifo;
use crate::sync::InSlab;
use crate::sync::Inbox;
use crate::sync::Link;
use crate::sync::Linked;
use crate::sync::Moment;
use crate::sync::Slab;
use crate::sync::SlabBox;
use crate::sync::Stopwatch;

/// How old a request may be that is tried once more, in milliseconds.
const YOUNG: Msecs = 5_000;

/// The headers of a frame, as far as it has them: up to the end of the longest fixed part.
#[derive(Clone, Copy)]
pub(super) struct Head {
    bytes: [u8; Head::SIZE],
    len: usize,
}

impl Head {
    const SIZE: usize = ata_argument::END;

    /// Reads the head of a frame.
    pub(super) fn of(frame: &Frame) -> Self {
        let mut bytes = [0; Self::SIZE];
        let len = frame.peek(&mut bytes);
        Self { bytes, len }
    }

    /// The bytes there are.
    pub(super) fn bytes(&self) -> &[u8] {
        // The compiler need not know the length, but that it is not too long.
        self.bytes
            .get(..self.len.min(Self::SIZE))
            .unwrap_or_default()
    }
}

/// What a frame says, and what the interface was when it came in.
pub(super) struct Arrival<'a> {
    pub(super) header: &'a Header,
    pub(super) head: &'a Head,
    pub(super) asked: &'a Asked,
    /// The interface's MTU.
    pub(super) mtu: u32,
}

/// A request, admitted: it uses the disk from its arrival to its end.
///
/// It belongs to one at a time: the blade's inbox, the worker, the block layer, the inbox of
/// ended requests, the worker that replies.
pub(super) struct Request {
    link: Link<Request>,
    /// Where it came in, and where the answer goes out.
    pub(super) port: Arc<Port>,
    /// The longest frame that could go out there when it came: bytes that may follow the Ethernet
    /// header.
    pub(super) frame_limit: u32,
    pub(super) header: Header,
    pub(super) received: Moment,
    /// When it came, if it is one of those that are timed.
    pub(super) stopwatch: Option<Stopwatch>,
    pub(super) head: Head,
    /// Whether the initiator may not change the disk's data.
    pub(super) read_only: bool,
    /// What the head asks for.
    pub(super) asked: Asked,
    /// Of a write, whether it is answered when it is durable: decided when it gets its turn, so that it
    /// goes to the disk with those only that it has got it with.
    pub(super) durable: bool,
    /// What is done about it.
    pub(super) task: Task,
    /// Whether it is a copy of a write that has been executed.
    pub(super) copied: Copied,
    /// What it is as one that is repeated, or repeats another.
    pub(super) asking: Asking,
    /// How far it has come.
    pub(super) progress: Progress,
    /// Whether an I/O of it has failed, which is tried once more.
    pub(super) has_failed: bool,
    /// How it ended.
    pub(super) outcome: Outcome,
    /// The error of the AoE header by which it is refused, if it is.
    pub(super) refused: Option<AoeError>,
    /// The sectors that it touches.
    pub(super) span: Option<Span>,
    inflight_slot: Option<InflightSlot>,
    credit: InflightCredit,
    followers: Fifo<Request>,
    // Last, so that it is dropped last: whoever closes the disk waits for this.
    io: Io<Frame>,
}

/// Those that go to the disk together.
pub(super) type Batch = block::Batch<Request>;

/// How far a request has come.
#[derive(Clone, Copy)]
pub(super) enum Progress {
    /// Nothing is decided.
    Arrived,
    /// This is still to be read of a READ VERIFY.
    Verifying(Extent),
    /// A write of parts of blocks has come so far.
    Partial(Partial),
    /// The range of this index is the next to be discarded of a TRIM.
    Trimming(usize),
    /// Its last I/O is in flight.
    Last,
    /// That has failed, but together with the I/O of others, or perhaps so.
    Again,
    /// That has ended, after so long that the initiator may have asked again.
    Ended,
}

impl Request {
    /// Makes a request of a frame, in softirq context, in memory of a slab or of its reserve.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; the caller then gives the credit back.
    pub(super) fn new(
        port: Arc<Port>,
        arrival: &Arrival<'_>,
        frame: Frame,
        disk: DiskUse,
        (credit, over): (InflightCredit, Option<Counter>),
        read_only: bool,
        memory: Flags,
    ) -> Result<SlabBox<Self>> {
        let frame_limit = port.longest_frame(arrival.mtu);
        let now = Moment::now();
        let new = init!(Self {
            link: Link::new(),
            port,
            frame_limit,
            header: *arrival.header,
            received: now,
            stopwatch: None,
            head: *arrival.head,
            read_only,
            asked: *arrival.asked,
            durable: true,
            task: Task::Answer(Outcome::Success),
            copied: Copied::No,
            asking: Asking::new(now, over),
            progress: Progress::Arrived,
            span: None,
            inflight_slot: None,
            credit,
            has_failed: false,
            outcome: Outcome::Success,
            refused: None,
            followers: Fifo::new(),
            io <- Io::new(disk, frame),
        });
        // In place, since copying it would cost as much as all of the checks.
        SlabBox::init(new, memory)
    }

    /// The registers of the ATA command, if it is one.
    pub(super) fn argument(&self) -> AtaArgument {
        match self.asked {
            Asked::Ata(argument, _) => argument,
            _ => AtaArgument::default(),
        }
    }

    /// What it asks for as an ATA command, which is nothing if it is none.
    pub(super) fn operation(&self) -> Operation {
        match self.asked {
            Asked::Ata(_, operation) => operation,
            _ => Operation::Unsupported,
        }
    }

    /// Lets the request go ahead: those that come later and overlap it wait until it is dropped.
    pub(super) fn put_in(&mut self, slot: InflightSlot) {
        let is_exclusive = self.span.is_some_and(|span| span.is_exclusive());
        let blade = self.port.blade();
        blade.claims.note(slot, self.header.source, is_exclusive);
        blade.health().begin(slot, self.received);
        self.inflight_slot = Some(slot);
    }

    /// Where the request goes ahead.
    pub(super) fn slot(&self) -> Option<InflightSlot> {
        self.inflight_slot
    }

    /// The request does not count for what may be in flight, but for what may be repeated meanwhile, if
    /// there is room.
    pub(super) fn move_to_excess(&mut self) {
        let blade = self.port.blade();
        let window = blade.policy().buffer_count().into();
        blade.initiators().move_to_excess(&mut self.credit, window);
    }

    /// The request counts for what may be in flight, though it did not until now.
    ///
    /// # Errors
    ///
    /// Why it is to be dropped: it was let in beyond that, and there is no room now either.
    pub(super) fn come_back(&mut self) -> Result<(), Counter> {
        let blade = self.port.blade();
        let limits = match self.asking.over {
            Some(_) => Limits {
                each: blade.policy().buffer_count().into(),
                all: order::MAX_INFLIGHT as u32,
                is_reserved: false,
            },
            None => Limits {
                each: u32::MAX,
                all: u32::MAX,
                is_reserved: false,
            },
        };
        let has_room = blade.initiators().move_to_window(&mut self.credit, limits);
        match self.asking.over.take() {
            Some(cause) if !has_room => Err(cause),
            _ => Ok(()),
        }
    }

    /// Each counts as the other did.
    pub(super) fn swap_seats(&mut self, other: &mut Self) {
        core::mem::swap(&mut self.credit, &mut other.credit);
    }

    /// The request does not count any more for what may be in flight.
    pub(super) fn leave(&mut self) {
        let credit = core::mem::take(&mut self.credit);
        self.port.blade().initiators().leave(credit);
    }

    /// The disk that the request uses.
    pub(super) fn disk(&self) -> &DiskUse {
        self.io.disk()
    }

    /// The frame.
    ///
    /// # Errors
    ///
    /// `EFAULT` if the answer has replaced it.
    pub(super) fn frame(&self) -> Result<&Frame> {
        self.io.source().ok_or(EFAULT)
    }

    /// Has a copy of the data that another has read.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(super) fn copy_data(&mut self, other: &Self) -> Result {
        self.io.copy_data(&other.io)
    }

    /// The `N` bytes at `offset` of what has been copied out of the frame.
    pub(super) fn loaded<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        self.io.loaded(offset)
    }

    /// The frame, whose memory is free for the answer.
    pub(super) fn take_frame(&mut self) -> Option<Frame> {
        self.io.take_source()
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        if let Some(slot) = self.inflight_slot {
            let blade = self.port.blade();
            blade.health().end(slot);
            blade.release(slot);
        }
        self.leave();
    }
}

/// Where the memory of requests comes from.
static SLAB: Slab = Slab::new();

impl InSlab for Request {
    fn slab() -> &'static Slab {
        &SLAB
    }
}

impl Linked for Request {
    fn link(&mut self) -> &mut Link<Self> {
        &mut self.link
    }
}

impl block::Owner for Request {
    type Source = Frame;

    fn io(&mut self) -> &mut Io<Frame> {
        &mut self.io
    }

    fn followers(&mut self) -> &mut Fifo<Self> {
        &mut self.followers
    }

    fn gathered(this: SlabBox<Self>, batch: &mut Batch) {
        this.begin_partial(false, batch);
    }

    fn keeps_followers(&self) -> bool {
        matches!(self.progress, Progress::Partial(_))
    }

    fn is_young(&self) -> bool {
        !self.received.is_older_than(YOUNG)
    }

    fn again(mut this: SlabBox<Self>) {
        this.progress = Progress::Again;
        this.has_failed = true;
        let guard = rcu::read_lock();
        let port = this.port.clone();
        port.blade().post(this, &guard);
    }

    fn ended(mut this: SlabBox<Self>, result: Result) {
        if let Progress::Partial(partial) = this.progress {
            return this.end_step(partial, result, &rcu::read_lock());
        }
        let is_last = matches!(this.progress, Progress::Last);
        if let Err(error) = result {
            this.fails(error);
        } else {
            this.cut();
            if this.has_failed {
                this.recovers();
            }
            if is_last && this.port.blade().is_submitted_here() {
                let _ = Inbox::push_to(this, |request| &request.port.blade().ended);
                return;
            }
        }
        let guard = rcu::read_lock();
        let port = this.port.clone();
        if result.is_ok() && !is_last {
            port.blade().post(this, &guard);
        } else {
            port.blade().post_ended(this, &guard);
        }
    }
}
