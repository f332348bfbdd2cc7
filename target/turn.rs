// SPDX-License-Identifier: GPL-2.0

//! Whose turn it is: the worker's book of requests that wait for others.

use kernel::alloc::AllocError;
use kernel::prelude::*;

use super::history::Copied;
use super::history::History;
use super::history::Write;
use super::order::Places;
use super::order::Spans;
use super::request::Batch;
use super::request::Request;
use super::stats::Counter;
use crate::sync::Fifo;
use crate::sync::SlabBox;

/// The requests that wait, and what those under way touch.
pub(super) struct Turns {
    under_way: Spans,
    waiting: Fifo<Request>,
    history: History,
}

impl Turns {
    /// No requests.
    pub(super) fn new() -> Result<Self, AllocError> {
        Ok(Self {
            under_way: Spans::new()?,
            waiting: Fifo::new(),
            history: History::new()?,
        })
    }

    /// Executes what has its turn: of those that waited, then of those that have `arrived`. Returns how
    /// many those are.
    pub(super) fn run(
        &mut self,
        places: &Places,
        arrived: impl Iterator<Item = SlabBox<Request>>,
    ) -> usize {
        let mut count = 0_usize;
        let mut batch = Batch::new();
        self.retry(places, &mut batch);
        for mut request in arrived {
            count = count.saturating_add(1);
            if !request.has_arrived() {
                // It has its place already, and comes for the next step.
                request.execute(&mut batch);
                continue;
            }
            request.span = request.touches();
            let write = request.as_write();
            if let Some(write) = &write {
                request.copied = self.history.judge(write);
            }
            self.start_or_wait(places, request, write, &mut batch);
        }
        if !self.waiting.is_empty() {
            places.await_release(true);
            self.retry(places, &mut batch);
        }
        if self.waiting.is_empty() {
            places.await_release(false);
        }
        count
    }

    fn retry(&mut self, places: &Places, batch: &mut Batch) {
        let mut waited = core::mem::replace(&mut self.waiting, Fifo::new());
        while let Some(request) = waited.pop() {
            let write = request.as_write();
            if let Some(executed) = self.start_or_wait(places, request, write, batch) {
                waited = judge_again(waited, &executed);
            }
        }
    }

    /// Executes a request, unless it must wait for one under way, or for one that waits and came
    /// before it. `write` is what it is as a write, and is returned if that goes to the disk: those
    /// that wait behind it and touch the same sectors have come later.
    fn start_or_wait(
        &mut self,
        places: &Places,
        mut request: SlabBox<Request>,
        write: Option<Write>,
        batch: &mut Batch,
    ) -> Option<Write> {
        let Some(span) = request.span else {
            request.execute(batch);
            return None;
        };
        if request.copied == Copied::Overtaken {
            // Without an answer: whoever waits for one will ask again.
            request.is_retransmission(true);
            request.is_dropped(Counter::DroppedCopy);
            return None;
        }
        let is_behind = self
            .waiting
            .any(|other| other.span.is_some_and(|other| other.conflicts(&span)));
        let place = if is_behind {
            None
        } else {
            self.under_way.claim(places, span)
        };
        let Some(place) = place else {
            self.waiting.push(request);
            return None;
        };
        request.put_in(place);
        if request.copied == Copied::Again {
            request.is_retransmission(false);
        }
        if !request.execute(batch) {
            return None;
        }
        let write = write?;
        self.history.note(write);
        Some(write)
    }
}

/// Judges those that wait, now that a write which came before them is executed.
fn judge_again(mut waiting: Fifo<Request>, executed: &Write) -> Fifo<Request> {
    let mut judged = Fifo::new();
    while let Some(mut request) = waiting.pop() {
        if let Some(write) = request.as_write() {
            request.copied = request.copied.after(&write, executed);
        }
        judged.push(request);
    }
    judged
}
