// SPDX-License-Identifier: GPL-2.0

//! The initiators of a blade: what each has under way, and when it was heard last.
//!
//! The table is of a fixed size and without lock, since every frame comes by it. Source addresses
//! can be forged, so it can be filled; an initiator that then finds no place is served all the
//! same, within the limit of the blade.

use kernel::alloc::AllocError;
use kernel::prelude::*;
use kernel::sync::atomic::Atomic;
use kernel::sync::atomic::Full;
use kernel::sync::atomic::Relaxed;
use kernel::time::Msecs;

use crate::aoe::Mac;
use crate::sync::Moment;

/// Initiators that have a place, at most.
const PLACES: usize = 128;

/// Places that an initiator can have, one behind the other from the one that its address tells.
const REACH: usize = 8;

/// Requests to all targets that an initiator may send a second. An answer goes to whom the frame
/// names as its source, who may be the victim of another.
const TO_ALL: u32 = 100;
const SECOND: Msecs = 1000;

/// The initiators of a blade.
pub(crate) struct Initiators(KVec<Initiator>);

/// A place in the table.
struct Initiator {
    /// The address of its card as a number; 0 if the place is free.
    card: Atomic<u64>,
    under_way: Atomic<u32>,
    heard: Atomic<usize>,
    /// Requests to all targets in the second that began then.
    to_all: Atomic<u32>,
    to_all_since: Atomic<usize>,
}

/// A request under way of an initiator, or, by default, none; it is given back with
/// [`Initiators::leave`].
#[derive(Clone, Copy, Default)]
pub(super) struct Seat(Option<usize>);

/// Why a request is not let in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Excess {
    /// The initiator has as many under way as it is told that it may.
    Window,
    /// The initiator has sent too many to all targets.
    ToAll,
}

/// What is known of an initiator.
pub(crate) struct Sighting {
    /// Its card.
    pub(crate) card: Mac,
    /// Requests under way.
    pub(crate) under_way: u32,
    /// When it was heard last.
    pub(crate) heard: Moment,
}

impl Initiators {
    /// None yet.
    pub(super) fn new() -> Result<Self, AllocError> {
        let mut places = KVec::with_capacity(PLACES, GFP_KERNEL)?;
        for _ in 0..PLACES {
            places.push(
                Initiator {
                    card: Atomic::new(0),
                    under_way: Atomic::new(0),
                    heard: Atomic::new(0),
                    to_all: Atomic::new(0),
                    to_all_since: Atomic::new(0),
                },
                GFP_KERNEL,
            )?;
        }
        Ok(Self(places))
    }

    /// Counts a request in, if its initiator has less than `limit` under way. In any context.
    pub(super) fn enter(&self, card: Mac, limit: u32, is_to_all: bool) -> Result<Seat, Excess> {
        let Some((index, initiator)) = self.find(card) else {
            return Ok(Seat(None));
        };
        let now = Moment::now();
        initiator.heard.store(now.to_ticks(), Relaxed);
        if is_to_all && !initiator.may_ask_all(now) {
            return Err(Excess::ToAll);
        }
        if initiator.under_way.fetch_add(1, Relaxed) >= limit {
            let _ = initiator.under_way.fetch_sub(1, Relaxed);
            return Err(Excess::Window);
        }
        Ok(Seat(Some(index)))
    }

    /// A request has ended. In any context.
    pub(super) fn leave(&self, seat: Seat) {
        if let Some(initiator) = seat.0.and_then(|index| self.0.get(index)) {
            let _ = initiator.under_way.fetch_sub(1, Relaxed);
        }
    }

    /// The place of the initiator with this card: its own, or one that it gets now.
    fn find(&self, card: Mac) -> Option<(usize, &Initiator)> {
        let number = card.to_number();
        // Cards of one make differ in the lower bytes.
        let start = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let reach = (0..REACH).filter_map(|step| {
            let index = (start as usize).wrapping_add(step) % PLACES;
            Some((index, self.0.get(index)?))
        });
        let mut best: Option<(usize, &Initiator, u64)> = None;
        for (index, initiator) in reach {
            let holder = initiator.card.load(Relaxed);
            if holder == number {
                return Some((index, initiator));
            }
            let is_better = match best {
                Some((_, other, other_holder)) => {
                    other_holder != 0 && (holder == 0 || initiator.is_older_than(other))
                }
                None => true,
            };
            if is_better && initiator.under_way.load(Relaxed) == 0 {
                best = Some((index, initiator, holder));
            }
        }
        let (index, initiator, holder) = best?;
        // Whoever else takes it at the same time is as good; who loses it has nothing under way.
        let _ = initiator.card.cmpxchg(holder, number, Full);
        (initiator.card.load(Relaxed) == number).then_some((index, initiator))
    }

    /// Those that were heard, in no order.
    pub(crate) fn sightings(&self) -> impl Iterator<Item = Sighting> + '_ {
        self.0
            .iter()
            .map(|initiator| (initiator, initiator.card.load(Relaxed)))
            .filter(|(_, card)| *card != 0)
            .map(|(initiator, card)| Sighting {
                card: Mac::from_number(card),
                under_way: initiator.under_way.load(Relaxed),
                heard: Moment::from_ticks(initiator.heard.load(Relaxed)),
            })
    }
}

impl Initiator {
    fn is_older_than(&self, other: &Self) -> bool {
        let (own, other) = (self.heard.load(Relaxed), other.heard.load(Relaxed));
        (own.wrapping_sub(other) as isize) < 0
    }

    /// Whether it has not sent too much to all targets; this counts as one more.
    fn may_ask_all(&self, now: Moment) -> bool {
        if Moment::from_ticks(self.to_all_since.load(Relaxed)).is_older_than(SECOND) {
            self.to_all_since.store(now.to_ticks(), Relaxed);
            self.to_all.store(0, Relaxed);
        }
        self.to_all.fetch_add(1, Relaxed) < TO_ALL
    }
}

#[kunit_tests(kvblade_rs_initiators)]
mod tests {
    use super::*;

    const LIMIT: u32 = 3;

    #[test]
    fn each_has_its_limit() -> Result {
        let initiators = Initiators::new()?;
        let enter = |card| initiators.enter(Mac::from_number(card), LIMIT, false);
        let seat = enter(1).map_err(|_| EINVAL)?;
        for _ in 1..LIMIT {
            assert!(enter(1).is_ok());
        }
        assert!(enter(1).is_err_and(|excess| excess == Excess::Window));
        assert!(enter(2).is_ok());
        initiators.leave(seat);
        assert!(enter(1).is_ok());
        assert!(enter(1).is_err());
        let counts = |card| {
            let mut all = initiators.sightings();
            all.find(|one| one.card == Mac::from_number(card))
                .map(|one| one.under_way)
        };
        assert!(counts(1) == Some(LIMIT) && counts(2) == Some(1) && counts(3).is_none());
        Ok(())
    }

    #[test]
    fn who_asks_everybody_may_do_so_so_often() -> Result {
        let initiators = Initiators::new()?;
        let mut let_in = 0;
        for _ in 0..TO_ALL * 2 {
            match initiators.enter(Mac::from_number(1), LIMIT, true) {
                Ok(seat) => {
                    let_in += 1;
                    initiators.leave(seat);
                }
                Err(excess) => assert!(excess == Excess::ToAll),
            }
        }
        // If a second ended meanwhile, all.
        assert!(let_in >= TO_ALL);
        assert!(initiators.enter(Mac::from_number(1), LIMIT, false).is_ok());
        Ok(())
    }

    #[test]
    fn the_forgotten_make_room_and_the_busy_do_not() -> Result {
        let initiators = Initiators::new()?;
        let busy = Mac::from_number(1);
        let seat = initiators.enter(busy, 1, false).map_err(|_| EINVAL)?;
        for card in 2..10_000 {
            let seat = initiators.enter(Mac::from_number(card), 1, false);
            initiators.leave(seat.map_err(|_| EINVAL)?);
        }
        assert!(initiators.enter(busy, 1, false).is_err());
        initiators.leave(seat);
        assert!(initiators.sightings().count() <= PLACES);
        assert!(initiators.enter(Mac::from_number(10_000), 1, false).is_ok());
        Ok(())
    }
}
