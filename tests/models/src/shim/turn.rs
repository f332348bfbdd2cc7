// SPDX-License-Identifier: GPL-2.0

//! Whose turn it is, without histories and repetitions. How it waits is copied from `blade/turn.rs`: see
//! [`COPIED`](crate::mutants::COPIED).

use super::exported::Stall;
use super::order::InflightSlots;
use super::order::Spans;
use super::request::Progress;
use super::request::Request;
use crate::sync::Fifo;
use crate::sync::SlabBox;

pub(super) struct Turns {
    pub(super) in_flight: Spans,
    waiting: Fifo<Request>,
    batch: Batch,
}

/// Requests that are submitted when this is dropped.
#[derive(Default)]
pub(super) struct Batch(Vec<SlabBox<Request>>);

impl Drop for Batch {
    fn drop(&mut self) {
        for request in self.0.drain(..) {
            let blade = request.port.blade().clone();
            // No other may submit meanwhile.
            let submission = blade.submission.get_mut();
            request.submit();
            drop(submission);
        }
    }
}

impl Turns {
    pub(super) fn new() -> Self {
        Self {
            in_flight: Spans::new().unwrap(),
            waiting: Fifo::new(),
            batch: Batch::default(),
        }
    }

    pub(super) fn run(
        &mut self,
        slots: &InflightSlots,
        _stall: &Stall,
        arrived: impl Iterator<Item = SlabBox<Request>>,
    ) -> usize {
        let mut count = 0_usize;
        if !self.waiting.is_empty() {
            self.retry(slots);
        }
        for request in arrived {
            count = count.saturating_add(1);
            match request.progress {
                Progress::Ended => request.answer(),
                Progress::Arrived => self.start_or_wait(slots, request),
            }
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

    pub(super) fn take_batch(&mut self) -> Batch {
        core::mem::take(&mut self.batch)
    }

    pub(super) fn has_batch(&self) -> bool {
        !self.batch.0.is_empty()
    }

    fn retry(&mut self, slots: &InflightSlots) {
        let mut waited = core::mem::take(&mut self.waiting);
        while let Some(request) = waited.pop() {
            self.start_or_wait(slots, request);
        }
    }

    fn start_or_wait(&mut self, slots: &InflightSlots, mut request: SlabBox<Request>) {
        if let Some(span) = request.span {
            let Some(slot) = self.in_flight.claim(slots, span) else {
                return self.waiting.push(request);
            };
            request.inflight_slot = Some(slot);
        }
        self.batch.0.push(request);
    }
}
