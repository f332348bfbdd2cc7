// SPDX-License-Identifier: GPL-2.0

//! Whether a blade has requests that have been in flight for so long that they may be repeated: only then
//! it is looked whether what arrives is a repetition.

use kernel::sync::atomic::Atomic;
use kernel::time::Msecs;

use super::order::InflightSlots;
use super::repeats::Ask;
use super::repeats::Askers;
use crate::sync::Fifo;
use crate::sync::Moment;
use crate::sync::Once;

/// How often it is looked whether there are such requests, in milliseconds.
const INTERVAL: Msecs = 50;

/// Whether a blade has requests that may be repeated.
pub(super) struct Stall {
    is_there: Atomic<bool>,
    /// When that was looked at last.
    looked: Atomic<usize>,
}

impl Stall {
    /// There are none.
    pub(super) fn new() -> Self {
        Self {
            is_there: Atomic::new(false),
            looked: Atomic::new(Moment::now().to_ticks()),
        }
    }

    /// Whether there may be some. In any context.
    pub(super) fn may_be_there(&self) -> bool {
        self.is_there.read_once()
            || Moment::from_ticks(self.looked.read_once()).is_older_than(INTERVAL)
    }
}

/// How the worker knows of a stall: it looks now and then.
pub(super) struct Watch {
    is_there: bool,
    next: Moment,
}

impl Watch {
    /// Nothing was looked at.
    pub(super) fn new() -> Self {
        Self {
            is_there: false,
            next: Moment::now(),
        }
    }

    /// Whether there may be requests that one which came at this moment repeats.
    pub(super) fn sees<T: Ask>(
        &mut self,
        now: Moment,
        stall: &Stall,
        slots: &InflightSlots,
        askers: &Askers,
        waiting: &mut Fifo<T>,
    ) -> bool {
        if now.has_reached(self.next) {
            self.look(now, stall, slots, askers, waiting);
        }
        self.is_there
    }

    #[cold]
    fn look<T: Ask>(
        &mut self,
        now: Moment,
        stall: &Stall,
        slots: &InflightSlots,
        askers: &Askers,
        waiting: &mut Fifo<T>,
    ) {
        self.is_there =
            askers.any_repeatable(slots) || waiting.any(|other| other.asking().is_repeatable());
        self.next = now.later(INTERVAL);
        stall.is_there.write_once(self.is_there);
        stall.looked.write_once(now.to_ticks());
    }
}
