// SPDX-License-Identifier: GPL-2.0

//! The answers of a blade, in pieces: nothing else runs on a CPU while they are sent one after the
//! other with softirqs held off, or in a softirq, and there may be as many as a blade has requests.

use kernel::sync::Arc;
use kernel::workqueue;
use kernel::workqueue::WorkItem;

use super::exported::Blade;
use super::exported::ASK;
use super::exported::REPLY;
use super::request::Request;
use crate::sync::NoSoftirqs;
use crate::sync::SlabBox;

/// Answers that are sent at most before others get their turn of the CPU.
const PIECE: usize = 64;

impl Blade {
    /// Answers all requests whose I/O has ended, in process context.
    pub(super) fn answer_all(self: &Arc<Self>) {
        let mut ended = self.ended.take();
        while {
            let _piece = NoSoftirqs::begin();
            Self::answer_piece(&mut ended)
        } {}
    }

    /// Answers some requests whose I/O has ended, in softirq context, and leaves the rest for the next
    /// time.
    fn answer_some(self: &Arc<Self>) {
        let mut ended = Iterator::chain(self.late.take(), self.ended.take());
        if !Self::answer_piece(&mut ended) {
            return;
        }
        let mut are_more = false;
        for request in ended {
            are_more = true;
            let _ = self.late.push(request);
        }
        if are_more {
            let _ = workqueue::system_bh().enqueue::<_, REPLY>(self.clone());
        }
    }

    /// Answers some requests whose I/O has ended; true if there may be more.
    fn answer_piece(ended: &mut impl Iterator<Item = SlabBox<Request>>) -> bool {
        for _ in 0..PIECE {
            match ended.next() {
                Some(request) => request.finish(),
                None => return false,
            }
        }
        true
    }

    /// Takes a question in. In any context.
    pub(super) fn ask(self: &Arc<Self>, question: SlabBox<Request>) {
        if self.asked.push(question) {
            let _ = self.prompt.enqueue::<_, ASK>(self.clone());
        }
    }
}

impl WorkItem<REPLY> for Blade {
    type Pointer = Arc<Blade>;

    fn run(this: Arc<Blade>) {
        this.answer_some();
    }
}

impl WorkItem<ASK> for Blade {
    type Pointer = Arc<Blade>;

    fn run(this: Arc<Blade>) {
        for question in this.asked.take() {
            question.tell();
        }
    }
}
