// SPDX-License-Identifier: GPL-2.0

//! The initiators of a blade: what each has under way, and all together, when it was heard last, and
//! which of them write.
//!
//! The table is of a fixed size and without lock, since every frame comes by it. Source addresses
//! can be forged, so it can be filled; an initiator that then finds no place is served all the
//! same, within the limit of the blade.

use kernel::alloc::AllocError;
use kernel::prelude::*;
use kernel::sync::atomic::Atomic;
use kernel::sync::atomic::Full;
use kernel::sync::atomic::Relaxed;

use super::order;
use super::stats::Counter;
use super::writers::Writers;
use crate::aoe::Mac;
use crate::sync::Moment;
use crate::sync::Once;

/// Initiators that have a place, at most.
const PLACES: usize = 128;

/// Places that an initiator can have, one behind the other from the one that its address tells.
const REACH: usize = 8;

/// The place of those that find none.
const NOWHERE: usize = PLACES;

/// The initiators of a blade.
pub(crate) struct Initiators {
    places: KVec<Initiator>,
    /// Those that have written.
    writers: Writers,
    /// What all of them have together, with those that have no place.
    all: Counts,
}

/// A place in the table.
struct Initiator {
    /// The address of its card as a number; 0 if the place is free.
    card: Atomic<u64>,
    counts: Counts,
    heard: Atomic<usize>,
}

/// How many requests there are.
struct Counts {
    under_way: Atomic<u32>,
    /// Those that repeat one under way, or are yet to be compared with these. They take nothing from
    /// those that are let in to be executed.
    beyond: Atomic<u32>,
    /// Those that have places of their own, whatever becomes of the medium.
    reserved: Atomic<u32>,
}

/// How many requests there may be when one is let in.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// Of its initiator.
    pub(super) each: u32,
    /// Of all initiators together.
    pub(super) all: u32,
    /// Whether those are counted that have places of their own, or those for the medium.
    pub(super) is_reserved: bool,
}

/// A request that is counted, or, by default, is not; it is given back with [`Initiators::leave`].
#[derive(Clone, Copy, Default)]
pub(super) enum Seat {
    /// It does not count.
    #[default]
    None,
    /// It counts as under way, of the initiator at this place.
    Window(usize),
    /// It counts as one beyond those.
    Beyond(usize),
    /// It counts as one of those that have places of their own.
    Reserved(usize),
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
                    counts: Counts::new(),
                    heard: Atomic::new(0),
                },
                GFP_KERNEL,
            )?;
        }
        Ok(Self {
            places,
            writers: Writers::new(),
            all: Counts::new(),
        })
    }

    /// Those that have written.
    pub(crate) fn writers(&self) -> &Writers {
        &self.writers
    }

    /// Counts a request in, unless there are so many already. In any context.
    ///
    /// # Errors
    ///
    /// Why it is to be dropped.
    pub(super) fn enter(&self, card: Mac, limits: Limits) -> Result<Seat, Counter> {
        let (index, own) = match self.find(card) {
            Some((index, initiator)) => {
                initiator.heard.write_once(Moment::now().to_ticks());
                (index, Some(&initiator.counts))
            }
            None => (NOWHERE, None),
        };
        if limits.is_reserved {
            count_in(own.map(|own| &own.reserved), &self.all.reserved, limits)?;
            return Ok(Seat::Reserved(index));
        }
        count_in(own.map(|own| &own.under_way), &self.all.under_way, limits)?;
        Ok(Seat::Window(index))
    }

    /// Counts a request in that may repeat one of those under way, of which its initiator has at most
    /// `window`: one for each of these, and as many that are yet to be compared. In any context.
    pub(super) fn enter_beyond(&self, card: Mac, window: u32) -> Option<Seat> {
        let index = self.find(card).map_or(NOWHERE, |(index, _)| index);
        let limits = Limits {
            each: window.saturating_mul(2),
            all: order::MOST_BEYOND as u32,
            is_reserved: false,
        };
        self.take(Seat::Beyond(index), limits).ok()
    }

    /// Counts a request that is under way as a repetition, if there is room for it.
    pub(super) fn move_beyond(&self, seat: &mut Seat, window: u32) {
        let Seat::Window(index) = *seat else {
            return;
        };
        let limits = Limits {
            each: window,
            all: order::MOST as u32,
            is_reserved: false,
        };
        if let Ok(new) = self.take(Seat::Beyond(index), limits) {
            self.leave(core::mem::replace(seat, new));
        }
    }

    /// Counts a repetition as under way by itself; false if there are so many already.
    pub(super) fn move_back(&self, seat: &mut Seat, limits: Limits) -> bool {
        let Seat::Beyond(index) = *seat else {
            return true;
        };
        match self.take(Seat::Window(index), limits) {
            Ok(new) => self.leave(core::mem::replace(seat, new)),
            Err(_) => return false,
        }
        true
    }

    /// A request has ended. In any context.
    pub(super) fn leave(&self, seat: Seat) {
        let Some((own, all)) = self.counts(seat) else {
            return;
        };
        if let Some(own) = own {
            let _ = own.fetch_sub(1, Relaxed);
        }
        let _ = all.fetch_sub(1, Relaxed);
    }

    /// Counts a request in.
    ///
    /// # Errors
    ///
    /// There are so many already: what it is to be dropped for.
    fn take(&self, seat: Seat, limits: Limits) -> Result<Seat, Counter> {
        if let Some((own, all)) = self.counts(seat) {
            count_in(own, all, limits)?;
        }
        Ok(seat)
    }

    /// Where a request is counted, if it is: of its initiator, if that has a place, and of all.
    fn counts(&self, seat: Seat) -> Option<(Option<&Atomic<u32>>, &Atomic<u32>)> {
        let of = |index: usize| self.places.get(index).map(|initiator| &initiator.counts);
        match seat {
            Seat::None => None,
            Seat::Window(index) => {
                let own = of(index).map(|counts| &counts.under_way);
                Some((own, &self.all.under_way))
            }
            Seat::Beyond(index) => {
                let own = of(index).map(|counts| &counts.beyond);
                Some((own, &self.all.beyond))
            }
            Seat::Reserved(index) => {
                let own = of(index).map(|counts| &counts.reserved);
                Some((own, &self.all.reserved))
            }
        }
    }

    /// When an initiator was heard last, if it is known.
    pub(super) fn heard(&self, card: Mac) -> Option<Moment> {
        let (_, initiator) = self
            .reach(card)
            .find(|(_, initiator)| initiator.card.read_once() == card.to_number())?;
        Some(Moment::from_ticks(initiator.heard.read_once()))
    }

    /// The places that an initiator can have.
    #[inline]
    fn reach(&self, card: Mac) -> impl Iterator<Item = (usize, &Initiator)> {
        // Cards of one make differ in the lower bytes.
        let start = card.to_number().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        (0..REACH).filter_map(move |step| {
            let index = (start as usize).wrapping_add(step) % PLACES;
            Some((index, self.places.get(index)?))
        })
    }

    /// The place of the initiator with this card: its own, or one that it gets now.
    #[inline]
    fn find(&self, card: Mac) -> Option<(usize, &Initiator)> {
        let number = card.to_number();
        let mut best: Option<(usize, &Initiator, u64)> = None;
        for (index, initiator) in self.reach(card) {
            let holder = initiator.card.read_once();
            if holder == number {
                return Some((index, initiator));
            }
            let is_better = match best {
                Some((_, other, other_holder)) => {
                    other_holder != 0 && (holder == 0 || initiator.is_older_than(other))
                }
                None => true,
            };
            // A writer that says nothing for a while must not be taken for one that is gone.
            let is_kept = || holder != 0 && self.writers.has(holder);
            if is_better && initiator.is_idle() && !is_kept() {
                best = Some((index, initiator, holder));
            }
        }
        let (index, initiator, holder) = best?;
        // Whoever else takes it at the same time is as good; who loses it has nothing under way.
        let _ = initiator.card.cmpxchg(holder, number, Full);
        (initiator.card.read_once() == number).then_some((index, initiator))
    }

    /// Those that were heard, in no order.
    pub(crate) fn sightings(&self) -> impl Iterator<Item = Sighting> + '_ {
        self.places
            .iter()
            .map(|initiator| (initiator, initiator.card.read_once()))
            .filter(|(_, card)| *card != 0)
            .map(|(initiator, card)| Sighting {
                card: Mac::from_number(card),
                under_way: initiator.counts.under_way.read_once(),
                heard: Moment::from_ticks(initiator.heard.read_once()),
            })
    }
}

/// Counts a request in, as one of its initiator, if that has a place, and as one of all.
///
/// # Errors
///
/// There are so many already: what it is to be dropped for.
#[inline]
fn count_in(own: Option<&Atomic<u32>>, all: &Atomic<u32>, limits: Limits) -> Result<(), Counter> {
    if own.is_some_and(|own| !enter(own, limits.each)) {
        return Err(Counter::DroppedWindow);
    }
    if !enter(all, limits.all) {
        if let Some(own) = own {
            let _ = own.fetch_sub(1, Relaxed);
        }
        return Err(Counter::DroppedFull);
    }
    Ok(())
}

/// Counts one more, if there are less than `limit`. One that is refused is not counted for a moment
/// either, in which another might be refused for it.
fn enter(count: &Atomic<u32>, limit: u32) -> bool {
    let mut seen = count.read_once();
    while seen < limit {
        match count.cmpxchg(seen, seen.wrapping_add(1), Relaxed) {
            Ok(_) => return true,
            Err(now) => seen = now,
        }
    }
    false
}

impl Counts {
    /// None.
    const fn new() -> Self {
        Self {
            under_way: Atomic::new(0),
            beyond: Atomic::new(0),
            reserved: Atomic::new(0),
        }
    }
}

impl Initiator {
    fn is_idle(&self) -> bool {
        let Counts {
            under_way,
            beyond,
            reserved,
        } = &self.counts;
        [under_way, beyond, reserved]
            .iter()
            .all(|count| count.read_once() == 0)
    }

    fn is_older_than(&self, other: &Self) -> bool {
        let (own, other) = (self.heard.read_once(), other.heard.read_once());
        (own.wrapping_sub(other) as isize) < 0
    }
}

#[cfg(CONFIG_KUNIT = "y")]
mod tests;
