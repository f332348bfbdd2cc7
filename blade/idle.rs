// SPDX-License-Identifier: GPL-2.0

//! What is given back when nothing has been asked for a while.

use kernel::sync::atomic::Atomic;
use kernel::sync::atomic::Relaxed;
use kernel::sync::Arc;

use super::port::Port;
use super::stats::Counter;

/// Ticks without a request after which memory is not kept at hand any more.
const PATIENCE: u32 = 5;

/// Whether there are requests.
pub(super) struct Idle {
    /// What the ports had counted together at the last tick.
    requests: Atomic<u64>,
    /// Ticks since that has changed.
    ticks: Atomic<u32>,
}

impl Idle {
    /// Nothing has been asked.
    pub(super) fn new() -> Self {
        Self {
            requests: Atomic::new(0),
            ticks: Atomic::new(PATIENCE),
        }
    }

    /// Looks at the ports once more; true if it is time to give memory back, once after each time that
    /// there were requests. When there are no ports any more it is time at once.
    pub(super) fn has_begun(&self, ports: &[Arc<Port>]) -> bool {
        let requests = ports.iter().fold(0, |sum: u64, port| {
            sum.wrapping_add(port.stats().get(Counter::Requests))
        });
        let is_busy = ports.iter().any(|port| port.blade().disk().users() > 0);
        if ports.is_empty() {
            self.requests.store(0, Relaxed);
            return self.ticks.xchg(PATIENCE, Relaxed) < PATIENCE;
        }
        if self.requests.xchg(requests, Relaxed) != requests || is_busy {
            self.ticks.store(0, Relaxed);
            return false;
        }
        let ticks = self.ticks.load(Relaxed);
        self.ticks.store(ticks.saturating_add(1), Relaxed);
        ticks.wrapping_add(1) == PATIENCE
    }
}
