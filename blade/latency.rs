// SPDX-License-Identifier: GPL-2.0

//! How long requests take, from the arrival of the frame to the answer, as a histogram.

use kernel::fmt;
use kernel::sync::atomic::Atomic;
use kernel::sync::atomic::Relaxed;

/// One request of so many is timed: reading the clock twice would be felt in each.
const SAMPLING: u64 = 16;

/// Times from 1 µs to the minute after which nothing is answered.
const CLASSES: usize = 27;

/// What a request is, as far as its time is concerned.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// Reads data, if only to verify it.
    Read,
    /// Changes data, or sees to it that changes last.
    Write,
}

/// A histogram of times, in classes of powers of two.
pub(crate) struct Latency {
    classes: [[Atomic<u64>; CLASSES]; 2],
    /// How long all of each kind took together.
    micros: [Atomic<u64>; 2],
}

impl Latency {
    /// Nothing timed yet.
    pub(super) const fn new() -> Self {
        Self {
            classes: [const { [const { Atomic::new(0) }; CLASSES] }; 2],
            micros: [const { Atomic::new(0) }; 2],
        }
    }

    /// Whether the request of this number is to be timed.
    pub(super) const fn samples(number: u64) -> bool {
        number % SAMPLING == 0
    }

    /// Notes how many microseconds a request has taken.
    pub(super) fn note(&self, kind: Kind, micros: u64) {
        let class = micros.checked_ilog2().unwrap_or(0) as usize;
        if let Some(count) = self.classes[kind as usize].get(class) {
            let _ = count.fetch_add(1, Relaxed);
            let _ = self.micros[kind as usize].fetch_add(micros, Relaxed);
        }
    }

    /// Whether nothing was timed.
    pub(crate) fn is_empty(&self) -> bool {
        let mut counts = self.classes.as_flattened().iter();
        counts.all(|count| count.load(Relaxed) == 0)
    }

    /// How many microseconds reads took together, and writes.
    pub(crate) fn micros(&self) -> [u64; 2] {
        self.micros.each_ref().map(|micros| micros.load(Relaxed))
    }

    /// Forgets all.
    pub(super) fn clear(&self) {
        for count in self.classes.as_flattened().iter().chain(&self.micros) {
            count.store(0, Relaxed);
        }
    }
}

/// A line for each class in which there are any: its least time in microseconds, reads, writes.
impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [reads, writes] = &self.classes;
        let (mut least, mut separator) = (1u64, "");
        for (reads, writes) in reads.iter().zip(writes) {
            let (reads, writes) = (reads.load(Relaxed), writes.load(Relaxed));
            if reads != 0 || writes != 0 {
                write!(f, "{separator}{least} {reads} {writes}")?;
                separator = "\n";
            }
            least = least.saturating_mul(2);
        }
        Ok(())
    }
}
