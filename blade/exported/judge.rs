// SPDX-License-Identifier: GPL-2.0

//! The worker that decides on requests but does not submit them: it never waits for the disk, which may
//! stand still while the other does.

use kernel::sync::Arc;
use kernel::workqueue::WorkItem;

use super::Blade;
use super::JUDGE;
use super::SUBMIT;
use crate::blade::request::Progress;
use crate::blade::request::Request;
use crate::sync::SlabBox;

impl Blade {
    /// Whether there may be requests that have been in flight for a while. In any context.
    pub(in crate::blade) fn may_stall(&self) -> bool {
        self.stall.may_be_there()
    }

    /// Takes a request in that may be a repetition, and is dropped if it is none. In any context.
    #[cold]
    pub(in crate::blade) fn post_beyond(self: &Arc<Self>, request: SlabBox<Request>) {
        let _ = self.arrived.push(request);
        self.wake_judge();
    }

    /// Has someone look at what has arrived who does not wait for the disk.
    fn wake_judge(self: &Arc<Self>) {
        let _ = self.prompt.enqueue::<_, JUDGE>(self.clone());
    }

    /// Takes a request back that has ended after so long that it may have been repeated: who decides on
    /// those that have arrived is to answer it, when he knows of all that came before.
    #[cold]
    pub(in crate::blade) fn post_old(self: &Arc<Self>, mut request: SlabBox<Request>) {
        request.progress = Progress::Ended;
        let _ = self.arrived.push(request);
        self.wake_judge();
    }

    /// Decides on what has arrived, and leaves to others what is to be submitted.
    fn judge(self: &Arc<Self>) {
        let mut turns = self.turns.lock();
        turns.run(&self.slots, &self.stall, self.arrived.take());
        if turns.has_batch() {
            // With the turns locked: what is in the batch keeps the disk open until then, and so the
            // blade its workers.
            let _ = self.queue.enqueue::<_, SUBMIT>(self.clone());
        }
        drop(turns);
        // Who submits may wait for the disk by now, with answers that were left to it.
        self.answer_all();
    }
}

impl WorkItem<JUDGE> for Blade {
    type Pointer = Arc<Blade>;

    fn run(this: Arc<Blade>) {
        this.judge();
    }
}
