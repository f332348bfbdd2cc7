// SPDX-License-Identifier: GPL-2.0

//! Time as coarse as the kernel's timer tick, and as cheap: good enough for seconds. And a stopwatch
//! for the rest.

use kernel::bindings;
use kernel::prelude::*;
use kernel::sync::atomic::Atomic;
use kernel::sync::atomic::Relaxed;
use kernel::time::Jiffies;
use kernel::time::Msecs;

use crate::bindings::KV_HZ;

use super::once::Once;

/// The timer ticks of a time, a part of one counted as one: the kernel's `msecs_to_jiffies`, which is
/// a call, for a time that is known when this is compiled.
const fn ticks(time: Msecs) -> Jiffies {
    (time as u64).saturating_mul(KV_HZ as u64).div_ceil(1000) as Jiffies
}

/// A moment: the number of a timer tick.
#[derive(Clone, Copy)]
pub(crate) struct Moment(Jiffies);

impl Moment {
    /// The present.
    pub(crate) fn now() -> Self {
        // SAFETY: The kernel's tick counter is always there, and made to be read without lock.
        Self(unsafe { core::ptr::read_volatile(&raw const bindings::jiffies) })
    }

    /// The number of the moment's tick.
    pub(crate) fn to_ticks(self) -> Jiffies {
        self.0
    }

    /// The moment of a tick.
    pub(crate) fn from_ticks(ticks: Jiffies) -> Self {
        Self(ticks)
    }

    /// The moment so many milliseconds after.
    #[inline]
    pub(crate) fn later(self, time: Msecs) -> Self {
        Self(self.0.wrapping_add(ticks(time)))
    }

    /// Whether this is not before `other`.
    pub(crate) fn has_reached(self, other: Self) -> bool {
        self.0.wrapping_sub(other.0) as isize >= 0
    }

    /// The ticks since. A moment that another CPU has just noted may be later than what this one sees of
    /// the tick counter: then there are none.
    #[inline]
    fn ticks_since(self) -> isize {
        (Self::now().0.wrapping_sub(self.0) as isize).max(0)
    }

    /// Seconds since.
    pub(crate) fn age(self) -> u64 {
        let ticks = self.ticks_since() as u64;
        // SAFETY: An FFI call without requirements.
        unsafe { bindings::jiffies64_to_msecs(ticks) / 1000 }
    }

    /// Whether more than `age` has passed since.
    #[inline]
    pub(crate) fn is_older_than(self, age: Msecs) -> bool {
        self.ticks_since() > ticks(age) as isize
    }
}

/// A stopwatch, which runs from when it is made.
#[derive(Clone, Copy)]
pub(crate) struct Stopwatch(bindings::ktime_t);

impl Stopwatch {
    fn now() -> bindings::ktime_t {
        // SAFETY: The clock may be read in all contexts but NMI.
        unsafe { bindings::ktime_get() }
    }

    /// Starts it. Not in NMI context.
    pub(crate) fn start() -> Self {
        Self(Self::now())
    }

    /// Microseconds since the start. Not in NMI context.
    pub(crate) fn micros(self) -> u64 {
        u64::try_from(Self::now().saturating_sub(self.0)).unwrap_or(0) / 1000
    }
}

/// Lets something happen at most once in an interval.
pub(crate) struct Pace {
    interval: Msecs,
    /// When it happened last.
    latest: Atomic<Jiffies>,
}

impl Pace {
    /// A pace at which the first may happen at once.
    pub(crate) fn new(interval: Msecs) -> Self {
        let long_ago = ticks(interval).wrapping_add(1);
        Self {
            interval,
            latest: Atomic::new(Moment::now().0.wrapping_sub(long_ago)),
        }
    }

    /// Whether it may happen now; then it counts as having happened.
    pub(crate) fn take(&self) -> bool {
        let latest = self.latest.read_once();
        Moment(latest).is_older_than(self.interval)
            && self
                .latest
                .cmpxchg(latest, Moment::now().0, Relaxed)
                .is_ok()
    }
}

#[kunit_tests(kvblade_rs_time)]
mod tests {
    use super::*;

    #[test]
    fn what_has_been_is_as_old_as_that() {
        let begun = Moment::from_ticks(Moment::now().0.wrapping_sub(ticks(3500)));
        assert!(begun.age() >= 3 && begun.is_older_than(3000));
        assert!(!begun.is_older_than(3_500_000));
    }

    #[test]
    fn what_another_cpu_has_just_noted_is_not_old() {
        let soon = Moment::now().later(3_600_000);
        assert!(soon.age() == 0);
        assert!(!soon.is_older_than(0) && !soon.is_older_than(1000));
    }
}
