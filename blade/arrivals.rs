// SPDX-License-Identifier: GPL-2.0

//! Whether a blade's requests come together or one at a time, which decides who is to submit them.
//!
//! What comes together is best left to a worker of the workqueue: it begins when the scheduler lets
//! it, and finds more by then, which is cheap. For a request that comes alone that is only a delay,
//! at a high price; a real-time thread begins at once.

use kernel::sync::atomic::Atomic;

use super::exported::Blade;
use crate::sync::CpuWorkers;
use crate::sync::Mark;
use crate::sync::Once;

/// So many requests one after the other must have come alone, for the next to be expected to.
const LIKELY: u32 = 16;

/// After so many more one is left to the workqueue all the same: only there can others be seen to
/// come with it.
const TRUSTED: u32 = 64;

/// What is known of how requests come.
pub(super) struct Arrivals {
    /// When the latest hand-over began.
    begun: Atomic<u64>,
    /// How many one after the other were of one request, and followed by no other blade's.
    alone: Atomic<u32>,
}

impl Arrivals {
    /// Nothing is known yet.
    pub(super) fn new() -> Self {
        Self {
            begun: Atomic::new(0),
            alone: Atomic::new(0),
        }
    }

    /// Requests are being handed over, on this CPU: true if it is most likely one, alone. In any
    /// context.
    pub(super) fn begin(&self, cpu_workers: &CpuWorkers<Blade>) -> bool {
        self.begun.write_once(cpu_workers.mark().to_number());
        self.alone.read_once() >= LIKELY
    }

    /// Whether no others have been handed over on that CPU since.
    pub(super) fn are_latest(&self, cpu_workers: &CpuWorkers<Blade>) -> bool {
        cpu_workers.is_latest(Mark::from_number(self.begun.read_once()))
    }

    /// Notes how many there were when they were taken, and whether they were the latest then.
    pub(super) fn note(&self, count: usize, were_latest: bool) {
        let alone = self.alone.read_once();
        let now = match count {
            0 => return,
            1 if were_latest && alone < LIKELY + TRUSTED => alone.saturating_add(1),
            1 if were_latest => LIKELY - 1,
            _ => 0,
        };
        self.alone.write_once(now);
    }
}
