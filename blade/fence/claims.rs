// SPDX-License-Identifier: GPL-2.0

//! Who holds the slots of the requests in flight, and which of them a fence still waits for.

use kernel::prelude::*;
use kernel::sync::atomic::Atomic;

use crate::aoe::Mac;
use crate::blade::order::InflightSlot;
use crate::blade::order::InflightSlots;
use crate::blade::order::MAX_INFLIGHT;
use crate::sync::Once;

/// Whose requests have the slots of [`InflightSlots`].
pub(in crate::blade) struct Claims(KVec<Atomic<u64>>);

/// Who has a slot: the MAC, whether the request changes something, and a number by which
/// requests that follow each other there differ.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::blade) struct Claim(u64);

impl Claim {
    const NUMBER: u64 = (1 << 15) - 1;
    const EXCLUSIVE: u64 = 1 << 15;
    const MAC_SHIFT: u32 = 16;

    /// The claim that follows on this one.
    fn next(self, initiator_mac: Mac, is_exclusive: bool) -> Self {
        // After as many claims of one slot they are the same again, and a fence may wait for one
        // request more.
        let number = self.0.wrapping_add(1) & Self::NUMBER;
        let exclusive = if is_exclusive { Self::EXCLUSIVE } else { 0 };
        Self(initiator_mac.to_number() << Self::MAC_SHIFT | exclusive | number)
    }

    /// The initiator's MAC.
    pub(in crate::blade) fn initiator_mac(self) -> Mac {
        Mac::from_number(self.0 >> Self::MAC_SHIFT)
    }

    /// Whether the request changes something.
    pub(in crate::blade) fn is_exclusive(self) -> bool {
        self.0 & Self::EXCLUSIVE != 0
    }
}

impl Claims {
    /// Nobody's.
    pub(in crate::blade) fn new() -> Result<Self> {
        let mut claims = KVec::with_capacity(MAX_INFLIGHT, GFP_KERNEL)?;
        for _ in 0..MAX_INFLIGHT {
            claims.push(Atomic::new(0), GFP_KERNEL)?;
        }
        Ok(Self(claims))
    }

    /// Notes who has taken a slot. For the worker, who alone takes slots.
    pub(in crate::blade) fn note(
        &self,
        slot: InflightSlot,
        initiator_mac: Mac,
        is_exclusive: bool,
    ) {
        if let Some(claim) = self.0.get(slot.index()) {
            let new = Claim(claim.read_once()).next(initiator_mac, is_exclusive);
            claim.write_once(new.0);
        }
    }

    fn get(&self, slot: InflightSlot) -> Claim {
        // Whoever finds the claim of another here knows that the one before has ended, and is to see what
        // that has done: the slot was taken, fully ordered, before it was noted.
        Claim(self.0.get(slot.index()).map_or(0, |it| it.read_acquire()))
    }
}

/// The requests that a fence waits for.
pub(in crate::blade) struct Fence(KVec<(InflightSlot, Claim)>);

impl Fence {
    /// None yet, with room for all that there may be.
    pub(in crate::blade) fn new() -> Result<Self> {
        Ok(Self(KVec::with_capacity(MAX_INFLIGHT, GFP_KERNEL)?))
    }

    /// Notes the requests in flight that match. The worker must hold still meanwhile.
    pub(in crate::blade) fn note(
        &mut self,
        slots: &InflightSlots,
        claims: &Claims,
        is_such: impl Fn(Claim) -> bool,
    ) {
        for slot in slots.all_taken() {
            let claim = claims.get(slot);
            if is_such(claim) {
                // There is room for all.
                let _ = self.0.push_within_capacity((slot, claim));
            }
        }
    }

    /// How many of them have not ended.
    pub(in crate::blade) fn left(&self, slots: &InflightSlots, claims: &Claims) -> usize {
        // One that has its slot but has not been noted yet looks like the one before, until it is.
        let noted = self.0.iter();
        noted
            .filter(|(slot, claim)| slots.is_taken(*slot) && claims.get(*slot) == *claim)
            .count()
    }
}
