// SPDX-License-Identifier: GPL-2.0

//! How well a blade serves: how long its requests are in flight, and what the disk has failed at.
//!
//! All of it is noted in passing and looked at once a second, or when someone asks.

use kernel::alloc::AllocError;
use kernel::prelude::*;
use kernel::sync::atomic::Atomic;
use kernel::sync::atomic::Relaxed;
use kernel::time::msecs_to_jiffies;
use kernel::time::Msecs;

use super::exported::Blade;
use super::order::InflightSlot;
use super::order::MAX_INFLIGHT;
use crate::sync::Moment;
use crate::sync::Once;
use crate::wire::state::Degraded;

/// The age at which a request that the disk has is late, in milliseconds.
const LATE: Msecs = 5000;

/// Faults are counted by buckets of so many milliseconds, of which so many are remembered: a minute.
const BUCKET: Msecs = 5000;
const BUCKETS: usize = 12;

/// What is noted of a blade.
pub(super) struct Health {
    /// By slot, the timer tick at which the request that has it came in; zero if there is none.
    since: KVec<Atomic<u32>>,
    writes: Recent,
    reads: Recent,
}

impl Health {
    /// Nothing yet.
    pub(super) fn new() -> Result<Self, AllocError> {
        let mut since = KVec::with_capacity(MAX_INFLIGHT, GFP_KERNEL)?;
        // There is room for all.
        while since.push_within_capacity(Atomic::new(0)).is_ok() {}
        Ok(Self {
            since,
            writes: Recent::new(),
            reads: Recent::new(),
        })
    }

    /// A request that came in then has this slot from now on.
    pub(super) fn begin(&self, slot: InflightSlot, received: Moment) {
        if let Some(since) = self.since.get(slot.index()) {
            since.write_once((received.to_ticks() as u32).max(1));
        }
    }

    /// The slot is about to be given back. In any context.
    pub(super) fn end(&self, slot: InflightSlot) {
        if let Some(since) = self.since.get(slot.index()) {
            since.write_once(0);
        }
    }

    /// A request has failed at the disk. In any context.
    pub(super) fn note_fault(&self, is_read: bool) {
        let recent = if is_read { &self.reads } else { &self.writes };
        recent.note(Moment::now());
    }

    /// Requests that are late.
    fn late(&self) -> usize {
        let now = Moment::now().to_ticks() as u32;
        let limit = msecs_to_jiffies(LATE) as i32;
        // One that has come since is from the future.
        let is_late = |since: u32| since != 0 && now.wrapping_sub(since) as i32 > limit;
        let times = self.since.iter().map(|since| since.read_once());
        times
            .filter(|since| is_late(*since))
            .fold(0, |count: usize, _| count.saturating_add(1))
    }
}

impl Blade {
    /// What is wrong, if anything is. Not for softirq context.
    pub(super) fn degraded(&self) -> Option<Degraded> {
        let health = self.health();
        let late = match self.disk().users() {
            0 => 0,
            _ => health.late(),
        };
        let now = Moment::now();
        let (writes, reads) = (health.writes.count(now), health.reads.count(now));
        if late != 0 {
            Some(Degraded::Late(late))
        } else if self.is_locked() {
            Some(Degraded::ReadOnly)
        } else if let Some((now, then)) = self.other_blocks() {
            Some(Degraded::Blocks { now, then })
        } else if writes != 0 || reads != 0 {
            Some(Degraded::Failing { writes, reads })
        } else {
            None
        }
    }
}

/// How often something has happened in the last minute, to within a bucket.
struct Recent([Atomic<u64>; BUCKETS]);

impl Recent {
    fn new() -> Self {
        Self([const { Atomic::new(0) }; BUCKETS])
    }

    /// The number of the bucket that a moment is in, never zero.
    fn bucket_of(now: Moment) -> u32 {
        let bucket = now.to_ticks().checked_div(msecs_to_jiffies(BUCKET));
        (bucket.unwrap_or_default() as u32).max(1)
    }

    /// Counts one. In any context.
    fn note(&self, now: Moment) {
        let bucket = Self::bucket_of(now);
        let Some(entry) = self.0.get(bucket as usize % BUCKETS) else {
            return;
        };
        let mut old = entry.read_once();
        loop {
            // The number of the bucket above that of what has happened in it.
            let count = if old >> 32 == u64::from(bucket) {
                (old as u32).saturating_add(1)
            } else {
                1
            };
            match entry.cmpxchg(old, u64::from(bucket) << 32 | u64::from(count), Relaxed) {
                Ok(_) => return,
                Err(other) => old = other,
            }
        }
    }

    /// How often it has happened.
    fn count(&self, now: Moment) -> u32 {
        let bucket = Self::bucket_of(now);
        let counts = self.0.iter().filter_map(|entry| {
            let entry = entry.read_once();
            let age = bucket.wrapping_sub((entry >> 32) as u32);
            ((age as usize) < BUCKETS).then_some(entry as u32)
        });
        counts.fold(0, u32::saturating_add)
    }
}

#[kunit_tests(kvblade_rs_health)]
mod tests {
    use super::*;
    use crate::ata::Extent;
    use crate::ata::Lba;
    use crate::blade::order::InflightSlots;
    use crate::blade::order::Span;
    use crate::blade::order::Spans;

    #[test]
    fn what_has_come_since_is_not_late() -> Result {
        let health = Health::new()?;
        let (first, sectors) = (Lba(0), 1);
        let span = Span::reading(Extent { first, sectors });
        let slot = Spans::new()?
            .claim(&InflightSlots::new(), span)
            .ok_or(EINVAL)?;
        let now = Moment::now();
        health.begin(slot, now.later(1000));
        assert!(health.late() == 0);
        health.begin(
            slot,
            Moment::from_ticks(now.to_ticks().wrapping_sub(msecs_to_jiffies(LATE + 1000))),
        );
        assert!(health.late() == 1);
        health.end(slot);
        assert!(health.late() == 0);
        Ok(())
    }

    #[test]
    fn a_minute_is_remembered() {
        let recent = Recent::new();
        let after = |seconds: u32| {
            let ticks = msecs_to_jiffies(seconds.saturating_mul(1000));
            Moment::from_ticks(msecs_to_jiffies(1_000_000).wrapping_add(ticks))
        };
        assert!(recent.count(after(0)) == 0);
        for seconds in [0, 1, 30, 59] {
            recent.note(after(seconds));
        }
        assert!(recent.count(after(59)) == 4);
        assert!(recent.count(after(61)) == 2);
        assert!(recent.count(after(95)) == 1);
        assert!(recent.count(after(121)) == 0);
        // The same slots again, long after.
        recent.note(after(600));
        assert!(recent.count(after(600)) == 1);
    }
}
