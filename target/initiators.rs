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

use crate::aoe::Mac;
use crate::sync::Moment;

/// Initiators that have a place, at most.
const PLACES: usize = 128;

/// Places that an initiator can have, one behind the other from the one that its address tells.
const REACH: usize = 8;

/// The initiators of a blade.
pub(crate) struct Initiators(KVec<Initiator>);

/// A place in the table.
struct Initiator {
    /// The address of its card as a number; 0 if the place is free.
    card: Atomic<u64>,
    under_way: Atomic<u32>,
    /// Repetitions of those.
    beyond: Atomic<u32>,
    heard: Atomic<usize>,
}

/// A request under way of an initiator, or, by default, none; it is given back with
/// [`Initiators::leave`].
#[derive(Clone, Copy, Default)]
pub(super) enum Seat {
    /// It does not count.
    #[default]
    None,
    /// It counts for the window of the initiator at this place.
    Window(usize),
    /// It counts for what that repeats.
    Beyond(usize),
}

/// A request is not let in, since its initiator has as many under way as it may.
pub(super) struct WindowIsFull;

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
                    beyond: Atomic::new(0),
                    heard: Atomic::new(0),
                },
                GFP_KERNEL,
            )?;
        }
        Ok(Self(places))
    }

    /// Counts a request in, if its initiator has less than `limit` under way. In any context.
    pub(super) fn enter(&self, card: Mac, limit: u32) -> Result<Seat, WindowIsFull> {
        let Some((index, initiator)) = self.find(card) else {
            return Ok(Seat::None);
        };
        initiator.heard.store(Moment::now().to_ticks(), Relaxed);
        if enter(&initiator.under_way, limit) {
            Ok(Seat::Window(index))
        } else {
            Err(WindowIsFull)
        }
    }

    /// Counts a request in that may repeat one of those under way, which are at most `limit`: one for each
    /// of these, and as many that are yet to be compared. In any context.
    pub(super) fn enter_beyond(&self, card: Mac, limit: u32) -> Option<Seat> {
        let (index, initiator) = self.find(card)?;
        enter(&initiator.beyond, limit.saturating_mul(2)).then_some(Seat::Beyond(index))
    }

    /// Counts a request of the window as a repetition, if there is room for it.
    pub(super) fn move_beyond(&self, seat: &mut Seat, limit: u32) {
        let Seat::Window(index) = *seat else {
            return;
        };
        if let Some(initiator) = self.0.get(index) {
            if enter(&initiator.beyond, limit) {
                self.leave(core::mem::replace(seat, Seat::Beyond(index)));
            }
        }
    }

    /// Counts a repetition for the window; false if that is full.
    pub(super) fn move_back(&self, seat: &mut Seat, limit: u32) -> bool {
        let Seat::Beyond(index) = *seat else {
            return true;
        };
        let has_room = self
            .0
            .get(index)
            .is_some_and(|initiator| enter(&initiator.under_way, limit));
        if has_room {
            self.leave(core::mem::replace(seat, Seat::Window(index)));
        }
        has_room
    }

    /// A request has ended. In any context.
    pub(super) fn leave(&self, seat: Seat) {
        let count = match seat {
            Seat::None => None,
            Seat::Window(index) => self.0.get(index).map(|initiator| &initiator.under_way),
            Seat::Beyond(index) => self.0.get(index).map(|initiator| &initiator.beyond),
        };
        if let Some(count) = count {
            let _ = count.fetch_sub(1, Relaxed);
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
            if is_better && initiator.is_idle() {
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

/// Counts one more, if there are less than `limit`.
fn enter(count: &Atomic<u32>, limit: u32) -> bool {
    let has_room = count.fetch_add(1, Relaxed) < limit;
    if !has_room {
        let _ = count.fetch_sub(1, Relaxed);
    }
    has_room
}

impl Initiator {
    fn is_idle(&self) -> bool {
        self.under_way.load(Relaxed) == 0 && self.beyond.load(Relaxed) == 0
    }

    fn is_older_than(&self, other: &Self) -> bool {
        let (own, other) = (self.heard.load(Relaxed), other.heard.load(Relaxed));
        (own.wrapping_sub(other) as isize) < 0
    }
}

#[kunit_tests(kvblade_rs_initiators)]
mod tests {
    use super::*;

    const LIMIT: u32 = 3;

    #[test]
    fn each_has_its_limit() -> Result {
        let initiators = Initiators::new()?;
        let enter = |card| initiators.enter(Mac::from_number(card), LIMIT);
        let seat = enter(1).map_err(|_| EINVAL)?;
        for _ in 1..LIMIT {
            assert!(enter(1).is_ok());
        }
        assert!(enter(1).is_err());
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
    fn repetitions_have_their_own_limit() -> Result {
        let initiators = Initiators::new()?;
        let card = Mac::from_number(1);
        let mut seat = Seat::None;
        for _ in 0..LIMIT {
            seat = initiators.enter(card, LIMIT).map_err(|_| EINVAL)?;
        }
        // One of the window makes room there, and comes back when there is room.
        initiators.move_beyond(&mut seat, LIMIT);
        let other = initiators.enter(card, LIMIT).map_err(|_| EINVAL)?;
        assert!(!initiators.move_back(&mut seat, LIMIT));
        initiators.leave(other);
        assert!(initiators.move_back(&mut seat, LIMIT));
        assert!(initiators.enter(card, LIMIT).is_err());
        for _ in 0..2 * LIMIT {
            assert!(initiators.enter_beyond(card, LIMIT).is_some());
        }
        assert!(initiators.enter_beyond(card, LIMIT).is_none());
        Ok(())
    }

    #[test]
    fn the_forgotten_make_room_and_the_busy_do_not() -> Result {
        let initiators = Initiators::new()?;
        let busy = Mac::from_number(1);
        let seat = initiators.enter(busy, 1).map_err(|_| EINVAL)?;
        for card in 2..10_000 {
            let seat = initiators.enter(Mac::from_number(card), 1);
            initiators.leave(seat.map_err(|_| EINVAL)?);
        }
        assert!(initiators.enter(busy, 1).is_err());
        initiators.leave(seat);
        assert!(initiators.sightings().count() <= PLACES);
        assert!(initiators.enter(Mac::from_number(10_000), 1).is_ok());
        Ok(())
    }
}
