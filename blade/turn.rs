// SPDX-License-Identifier: GPL-2.0

//! Whose turn it is: the worker's book of requests that wait for others.

use kernel::alloc::AllocError;
use kernel::prelude::*;

use super::history::Copied;
use super::history::History;
use super::history::Write;
use super::order::InflightSlots;
use super::order::Spans;
use super::repeats::Askers;
use super::repeats::Repeats;
use super::request::Batch;
use super::request::Progress;
use super::request::Request;
use super::stall::Stall;
use super::stall::Watch;
use super::stats::Counter;
use crate::sync::Fifo;
use crate::sync::SlabBox;

/// The requests that wait, and what those in flight touch.
pub(super) struct Turns {
    pub(super) in_flight: Spans,
    pub(super) askers: Askers,
    pub(super) waiting: Fifo<Request>,
    history: History,
    watch: Watch,
    /// What is to be submitted, when no one else needs this: that may take as long as the disk stands
    /// still.
    pub(super) batch: Batch,
}

impl Turns {
    /// No requests.
    pub(super) fn new() -> Result<Self, AllocError> {
        Ok(Self {
            in_flight: Spans::new()?,
            askers: Askers::new()?,
            waiting: Fifo::new(),
            history: History::new()?,
            watch: Watch::new(),
            batch: Batch::new(),
        })
    }

    /// Executes what has its turn: of those that waited, then of those that have `arrived`. Returns how
    /// many those are.
    pub(super) fn run(
        &mut self,
        slots: &InflightSlots,
        stall: &Stall,
        arrived: impl Iterator<Item = SlabBox<Request>>,
    ) -> usize {
        let mut count = 0_usize;
        self.batch.is_starved = false;
        if !self.waiting.is_empty() {
            self.retry(slots);
        }
        for mut request in arrived {
            count = count.saturating_add(1);
            match request.progress {
                Progress::Arrived => {}
                Progress::Ended => {
                    self.end(request);
                    continue;
                }
                // It has its slot already, and comes for the next step.
                _ => {
                    request.execute(&mut self.batch);
                    continue;
                }
            }
            request.span = request.touches();
            let write = request.as_write();
            if let Some(write) = &write {
                request.copied = self.history.judge(write);
            }
            let is_repeatable = self.watch.sees(
                request.received,
                stall,
                slots,
                &self.askers,
                &mut self.waiting,
            );
            // What is overtaken is dropped, and joins nothing.
            let may_join = request.copied != Copied::Overtaken;
            if may_join && (is_repeatable || request.asking.over.is_some()) {
                match self.join(slots, request) {
                    Some(own) => request = own,
                    None => continue,
                }
            }
            self.start_or_wait(slots, request, write);
        }
        if !self.waiting.is_empty() {
            slots.await_release(true);
            self.retry(slots);
        }
        if self.waiting.is_empty() {
            slots.await_release(false);
        }
        count
    }

    /// Takes what is to be submitted.
    pub(super) fn take_batch(&mut self) -> Batch {
        core::mem::replace(&mut self.batch, Batch::new())
    }

    /// Whether there is something to be submitted.
    pub(super) fn has_batch(&self) -> bool {
        !self.batch.is_empty()
    }

    fn retry(&mut self, slots: &InflightSlots) {
        let mut waited = core::mem::take(&mut self.waiting);
        while let Some(request) = waited.pop() {
            let write = request.as_write();
            if let Some(executed) = self.start_or_wait(slots, request, write) {
                waited = judge_again(waited, &executed);
            }
        }
    }

    /// Executes a request, unless it must wait for one in flight, or for one that waits and came
    /// before it. `write` is what it is as a write, and is returned if that goes to the disk: those
    /// that wait behind it and touch the same sectors have come later.
    fn start_or_wait(
        &mut self,
        slots: &InflightSlots,
        mut request: SlabBox<Request>,
        write: Option<Write>,
    ) -> Option<Write> {
        let Some(span) = request.span else {
            request.execute(&mut self.batch);
            return None;
        };
        if request.copied == Copied::Overtaken {
            // Without an answer: whoever waits for one will ask again.
            request.is_retransmission(true);
            request.drop_with(Counter::DroppedCopy);
            return None;
        }
        if request.asking.repeats != Repeats::Nothing {
            request = self.still_own(slots, request)?;
        }
        if write.is_some() {
            request.durable = request.is_to_be_durable();
        }
        let is_behind = self
            .waiting
            .any(|other| other.span.is_some_and(|other| other.conflicts(&span)));
        let slot = if is_behind {
            None
        } else {
            self.in_flight
                .claim(slots, span)
                .or_else(|| self.claim_adjacent(slots, &mut request, span))
        };
        let Some(slot) = slot else {
            self.waiting.push(request);
            return None;
        };
        request.put_in(slot);
        self.askers.note(slot, request.asker());
        if request.copied == Copied::Again {
            request.is_retransmission(false);
        }
        if !request.execute(&mut self.batch) {
            return None;
        }
        let write = write?;
        self.history.note(write);
        Some(write)
    }

    /// Remembers a write that is as good as executed, by another that was the same.
    pub(super) fn note_executed(&mut self, write: Write) {
        self.history.note(write);
        self.waiting = judge_again(core::mem::take(&mut self.waiting), &write);
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
