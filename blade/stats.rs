// SPDX-License-Identifier: GPL-2.0

//! What is counted of a port.

use kernel::sync::atomic::Atomic;
use kernel::sync::atomic::Relaxed;

pub(crate) use crate::wire::counters::Counter;

/// The counters of a port.
pub(crate) struct Stats([Atomic<u64>; Counter::COUNT]);

impl Stats {
    /// All at zero.
    pub(super) const fn new() -> Self {
        Self([const { Atomic::new(0) }; Counter::COUNT])
    }

    /// Counts one. In any context.
    pub(super) fn count(&self, counter: Counter) {
        let _ = self.add(counter, 1);
    }

    /// Counts several, and returns how many there were before. In any context.
    pub(super) fn add(&self, counter: Counter, number: u64) -> u64 {
        match self.0.get(counter as usize) {
            Some(value) => value.fetch_add(number, Relaxed),
            None => 0,
        }
    }

    /// The value of a counter.
    pub(crate) fn get(&self, counter: Counter) -> u64 {
        self.0
            .get(counter as usize)
            .map_or(0, |value| value.load(Relaxed))
    }

    /// Sets all to zero.
    pub(crate) fn clear(&self) {
        for value in &self.0 {
            value.store(0, Relaxed);
        }
    }
}
