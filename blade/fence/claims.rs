// SPDX-License-Identifier: GPL-2.0

//! Who has the places of the requests under way, and which of them a fence still waits for.

use kernel::prelude::*;
use kernel::sync::atomic::Atomic;

use crate::aoe::Mac;
use crate::blade::order::Place;
use crate::blade::order::Places;
use crate::blade::order::MOST;
use crate::sync::Once;

/// Whose requests have the places of [`Places`].
pub(in crate::blade) struct Claims(KVec<Atomic<u64>>);

/// Who has a place: the card, whether the request changes something, and a number by which
/// requests that follow each other there differ.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::blade) struct Claim(u64);

impl Claim {
    const NUMBER: u64 = (1 << 15) - 1;
    const EXCLUSIVE: u64 = 1 << 15;
    const CARD_SHIFT: u32 = 16;

    /// The claim that follows on this one.
    fn next(self, card: Mac, is_exclusive: bool) -> Self {
        // After as many claims of one place they are the same again, and a fence may wait for one
        // request more.
        let number = self.0.wrapping_add(1) & Self::NUMBER;
        let exclusive = if is_exclusive { Self::EXCLUSIVE } else { 0 };
        Self(card.to_number() << Self::CARD_SHIFT | exclusive | number)
    }

    /// The initiator's card.
    pub(in crate::blade) fn card(self) -> Mac {
        Mac::from_number(self.0 >> Self::CARD_SHIFT)
    }

    /// Whether the request changes something.
    pub(in crate::blade) fn is_exclusive(self) -> bool {
        self.0 & Self::EXCLUSIVE != 0
    }
}

impl Claims {
    /// Nobody's.
    pub(in crate::blade) fn new() -> Result<Self> {
        let mut claims = KVec::with_capacity(MOST, GFP_KERNEL)?;
        for _ in 0..MOST {
            claims.push(Atomic::new(0), GFP_KERNEL)?;
        }
        Ok(Self(claims))
    }

    /// Notes who has taken a place. For the worker, who alone takes places.
    pub(in crate::blade) fn note(&self, place: Place, card: Mac, is_exclusive: bool) {
        if let Some(claim) = self.0.get(place.index()) {
            let new = Claim(claim.read_once()).next(card, is_exclusive);
            claim.write_once(new.0);
        }
    }

    fn get(&self, place: Place) -> Claim {
        // Whoever finds the claim of another here knows that the one before has ended, and is to see what
        // that has done: the place was taken, fully ordered, before it was noted.
        Claim(self.0.get(place.index()).map_or(0, |it| it.read_acquire()))
    }
}

/// The requests that a fence waits for.
pub(in crate::blade) struct Fence(KVec<(Place, Claim)>);

impl Fence {
    /// None yet, with room for all that there may be.
    pub(in crate::blade) fn new() -> Result<Self> {
        Ok(Self(KVec::with_capacity(MOST, GFP_KERNEL)?))
    }

    /// Notes those under way now that are such. The worker must not be at it.
    pub(in crate::blade) fn note(
        &mut self,
        places: &Places,
        claims: &Claims,
        is_such: impl Fn(Claim) -> bool,
    ) {
        for place in places.all_taken() {
            let claim = claims.get(place);
            if is_such(claim) {
                // There is room for all.
                let _ = self.0.push_within_capacity((place, claim));
            }
        }
    }

    /// How many of them have not ended.
    pub(in crate::blade) fn left(&self, places: &Places, claims: &Claims) -> usize {
        // One that has its place but has not been noted yet looks like the one before, until it is.
        let noted = self.0.iter();
        noted
            .filter(|(place, claim)| places.is_taken(*place) && claims.get(*place) == *claim)
            .count()
    }
}
