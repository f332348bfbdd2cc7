// SPDX-License-Identifier: GPL-2.0

//! The worker that decides on requests and submits them, and how requests come to it and from it.

use kernel::sync::atomic::Full;
use kernel::sync::rcu;
use kernel::sync::Arc;
use kernel::workqueue;
use kernel::workqueue::WorkItem;

use super::Blade;
use super::REPLY;
use super::SUBMIT;
use crate::blade::order::InflightSlot;
use crate::blade::request::Request;
use crate::sync;
use crate::sync::Once;
use crate::sync::SlabBox;
use crate::sync::Urgent;

impl Blade {
    /// A request has ended. In any context.
    pub(in crate::blade) fn release(self: &Arc<Self>, slot: InflightSlot) {
        if self.slots.release(slot) {
            self.wake(&rcu::read_lock());
        }
    }

    fn wake(self: &Arc<Self>, guard: &rcu::Guard) {
        if self.arrivals.begin(&self.cpu_workers)
            && self.cpu_workers.enqueue(self.clone(), guard).is_ok()
        {
            return;
        }
        // If it is queued already it will see what there is.
        let _ = self.queue.enqueue::<_, SUBMIT>(self.clone());
    }

    /// Takes a request in. In any context; it may have ended before this returns, and the blade be
    /// closed but for the guard.
    pub(in crate::blade) fn post(self: &Arc<Self>, request: SlabBox<Request>, guard: &rcu::Guard) {
        if self.arrived.push(request) {
            self.wake(guard);
        }
    }

    /// Whether this is the context of the task that submits, if only as an interrupt: it answers what ends
    /// now, and keeps the blade.
    pub(in crate::blade) fn is_submitted_here(&self) -> bool {
        self.submitter.read_once() & !Self::WANTED == sync::this_task()
    }

    /// Takes a request back whose I/O has ended. As [`Blade::post`].
    pub(in crate::blade) fn post_ended(
        self: &Arc<Self>,
        request: SlabBox<Request>,
        _guard: &rcu::Guard,
    ) {
        let is_first = self.ended.push(request);
        let submitter = self.submitter.read_once() & !Self::WANTED;
        // The submitter may sleep, so it is waited for only by what ends in its context, and so most
        // likely while it runs.
        if submitter != sync::this_task() && (is_first || submitter != 0) {
            let _ = workqueue::system_bh().enqueue::<_, REPLY>(self.clone());
        }
    }

    /// Submits what has its turn, as one batch.
    fn submit(&self) {
        let are_latest = self.arrivals.are_latest(&self.cpu_workers);
        let mut turns = self.turns.lock();
        let count = turns.run(&self.slots, &self.stall, self.arrived.take());
        let batch = turns.take_batch();
        drop(turns);
        self.arrivals.note(count, are_latest);
        drop(batch);
    }

    /// In `submitter`: another task has come to submit meanwhile, and has left that to this one.
    const WANTED: usize = 1;

    /// Begins to submit, as the only one: two would not know whose context an answer is left to. False
    /// if another task is at it, which then looks once more.
    fn begin_work(&self) -> bool {
        let mut seen = self.submitter.read_once();
        loop {
            let new = match seen {
                0 => sync::this_task(),
                _ => seen | Self::WANTED,
            };
            match self.submitter.cmpxchg(seen, new, Full) {
                Ok(_) => return seen == 0,
                Err(now) => seen = now,
            }
        }
    }

    /// Submits, and answers what has ended by then. True if there is more to be submitted, which is for
    /// the caller.
    fn work(self: &Arc<Self>) -> bool {
        if !self.begin_work() {
            // Who submits may wait for the disk by now, with answers that were left to it.
            self.answer_all();
            return false;
        }
        self.submit();
        // Whoever has put a request into the empty inbox before this was in our context, if only
        // as an interrupt, and leaves the answers to us: memory-backed disks are done at once,
        // and a wake-up would cost more than they do. What comes later finds another to answer.
        let was = self.submitter.xchg(0, Full);
        self.answer_all();
        was & Self::WANTED != 0
    }

    /// Has another answer what is left to one that submits, which may wait for the disk meanwhile, and
    /// none come that would see it.
    pub(in crate::blade) fn answer_left(self: &Arc<Self>) {
        // What has not been answered keeps the disk open, and so, with this, the blade its workers.
        let _guard = rcu::read_lock();
        if !self.ended.is_empty() {
            let _ = workqueue::system_bh().enqueue::<_, REPLY>(self.clone());
        }
    }
}

impl WorkItem<SUBMIT> for Blade {
    type Pointer = Arc<Blade>;

    fn run(this: Arc<Blade>) {
        while this.work() {}
    }
}

impl Urgent for Blade {
    fn run(this: Arc<Blade>) {
        if this.work() {
            // Others come: a thread that no one else of its CPU can interrupt is not for what is busy.
            let _ = this.queue.enqueue::<_, SUBMIT>(this.clone());
        }
    }
}
