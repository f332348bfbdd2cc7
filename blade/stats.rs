// SPDX-License-Identifier: GPL-2.0

//! What is counted of a port.

use kernel::prelude::*;
use kernel::sync::atomic::Atomic;
use kernel::sync::atomic::Relaxed;

/// What is counted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counter {
    /// Requests let in, whatever became of them.
    Requests,
    /// READ and VERIFY commands that succeeded.
    Reads,
    /// Sectors that they read.
    ReadSectors,
    /// WRITE commands that succeeded.
    Writes,
    /// Sectors that they wrote.
    WrittenSectors,
    /// FLUSH commands that succeeded, and power commands that flush.
    Flushes,
    /// TRIM commands that succeeded.
    Trims,
    /// ATA commands that were answered with an error.
    AtaErrors,
    /// Requests that were answered with an error of the AoE header.
    AoeErrors,
    /// Reads that the disk has failed.
    ReadFaults,
    /// Writes, flushes and TRIMs that the disk has failed.
    WriteFaults,
    /// Writes that had come before under the same tag.
    Retransmits,
    /// Repetitions of requests that had not been answered yet, which took no place and no execution of
    /// their own.
    RepeatedJoined,
    /// Answers that were not sent, since the initiator had asked again meanwhile.
    AnswersSuperseded,
    /// Dropped: the blade had as many requests as it holds.
    DroppedFull,
    /// Dropped: the initiator had more under way than the buffer count allows.
    DroppedWindow,
    /// Dropped: the initiator sent too many requests to all targets.
    DroppedToAll,
    /// Dropped: memory was short.
    DroppedMemory,
    /// Dropped: the initiator is not on the mask list.
    DroppedMask,
    /// Dropped: the access lists do not let the initiator do it.
    DroppedAccess,
    /// Dropped: a copy of a write that a newer one had followed.
    DroppedCopy,
    /// Dropped: another target has the address, and the blade is to be silent then.
    DroppedConflict,
    /// Answers that were not sent, a minute after the request.
    DroppedLate,
    /// Answers that were not sent, since the MTU had become too small for them.
    DroppedMtu,
}

impl Counter {
    /// The name of the cause for which a request is dropped, as that of its file in sysfs.
    pub(super) fn name(self) -> &'static CStr {
        match self {
            Self::DroppedFull => c"dropped_full",
            Self::DroppedWindow => c"dropped_window",
            Self::DroppedToAll => c"dropped_to_all",
            Self::DroppedMemory => c"dropped_memory",
            Self::DroppedMask => c"dropped_mask",
            Self::DroppedAccess => c"dropped_access",
            Self::DroppedCopy => c"dropped_copy",
            Self::DroppedConflict => c"dropped_conflict",
            Self::DroppedLate => c"dropped_late",
            Self::DroppedMtu => c"dropped_mtu",
            Self::AnswersSuperseded => c"answers_superseded",
            _ => c"",
        }
    }
}

/// The counters of a port.
pub(crate) struct Stats([Atomic<u64>; Stats::COUNTERS]);

impl Stats {
    const COUNTERS: usize = Counter::DroppedMtu as usize + 1;

    /// All at zero.
    pub(super) const fn new() -> Self {
        Self([const { Atomic::new(0) }; Self::COUNTERS])
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
