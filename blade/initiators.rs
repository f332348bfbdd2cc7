// SPDX-License-Identifier: GPL-2.0

//! The initiators of a blade: what each has in flight, and all together, when it was heard last, and
//! which of them write.
//!
//! The table is of a fixed size and without lock, since every frame comes by it. Source addresses
//! can be forged, so it can be filled; an initiator that then finds no entry is served all the
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

/// Entries of the table of initiators.
const TABLE_SIZE: usize = 128;

/// Linear probes for an initiator, from the entry that its MAC hashes to.
const MAX_PROBES: usize = 8;

/// Stands for no entry.
const NO_ENTRY: usize = TABLE_SIZE;

/// The initiators of a blade.
pub(crate) struct Initiators {
    entries: KVec<Initiator>,
    /// Those that have written.
    writers: Writers,
    /// What all of them have together, with those that have no entry.
    all: Counts,
}

/// An entry in the table.
struct Initiator {
    /// Its MAC as a number; 0 if the entry is free.
    initiator_mac: Atomic<u64>,
    counts: Counts,
    heard: Atomic<usize>,
}

/// How many requests there are.
struct Counts {
    in_flight: Atomic<u32>,
    /// Those that repeat one in flight, or are yet to be compared with these. They take nothing from
    /// those that are let in to be executed.
    excess: Atomic<u32>,
    /// Those that have slots of their own, whatever becomes of the medium.
    reserved: Atomic<u32>,
}

/// How many requests there may be when one is let in.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// Of its initiator.
    pub(super) each: u32,
    /// Of all initiators together.
    pub(super) all: u32,
    /// Whether those are counted that have slots of their own, or those for the medium.
    pub(super) is_reserved: bool,
}

/// A request that is counted, or, by default, is not; it is given back with [`Initiators::leave`].
#[derive(Clone, Copy, Default)]
pub(super) enum InflightCredit {
    /// It does not count.
    #[default]
    None,
    /// It counts as in flight, of the initiator at this entry.
    Window(usize),
    /// It counts as one over the window.
    Excess(usize),
    /// It counts as one of those that have slots of their own.
    Reserved(usize),
}

/// What is known of an initiator.
pub(crate) struct Sighting {
    /// Its MAC.
    pub(crate) initiator_mac: Mac,
    /// Requests in flight.
    pub(crate) in_flight: u32,
    /// When it was heard last.
    pub(crate) heard: Moment,
}

impl Initiators {
    /// None yet.
    pub(super) fn new() -> Result<Self, AllocError> {
        let mut entries = KVec::with_capacity(TABLE_SIZE, GFP_KERNEL)?;
        for _ in 0..TABLE_SIZE {
            entries.push(
                Initiator {
                    initiator_mac: Atomic::new(0),
                    counts: Counts::new(),
                    heard: Atomic::new(0),
                },
                GFP_KERNEL,
            )?;
        }
        Ok(Self {
            entries,
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
    pub(super) fn enter(
        &self,
        initiator_mac: Mac,
        limits: Limits,
    ) -> Result<InflightCredit, Counter> {
        let (index, own) = match self.find(initiator_mac) {
            Some((index, initiator)) => {
                initiator.heard.write_once(Moment::now().to_ticks());
                (index, Some(&initiator.counts))
            }
            None => (NO_ENTRY, None),
        };
        if limits.is_reserved {
            count_in(own.map(|own| &own.reserved), &self.all.reserved, limits)?;
            return Ok(InflightCredit::Reserved(index));
        }
        count_in(own.map(|own| &own.in_flight), &self.all.in_flight, limits)?;
        Ok(InflightCredit::Window(index))
    }

    /// Counts a request in that may repeat one of those in flight, of which its initiator has at most
    /// `window`: one for each of these, and as many that are yet to be compared. In any context.
    pub(super) fn enter_excess(&self, initiator_mac: Mac, window: u32) -> Option<InflightCredit> {
        let index = self
            .find(initiator_mac)
            .map_or(NO_ENTRY, |(index, _)| index);
        let limits = Limits {
            each: window.saturating_mul(2),
            all: order::MAX_EXCESS as u32,
            is_reserved: false,
        };
        self.take(InflightCredit::Excess(index), limits).ok()
    }

    /// Counts a request that is in flight as a repetition, if there is room for it.
    pub(super) fn move_to_excess(&self, credit: &mut InflightCredit, window: u32) {
        let InflightCredit::Window(index) = *credit else {
            return;
        };
        let limits = Limits {
            each: window,
            all: order::MAX_INFLIGHT as u32,
            is_reserved: false,
        };
        if let Ok(new) = self.take(InflightCredit::Excess(index), limits) {
            self.leave(core::mem::replace(credit, new));
        }
    }

    /// Counts a repetition as in flight by itself; false if there are so many already.
    pub(super) fn move_to_window(&self, credit: &mut InflightCredit, limits: Limits) -> bool {
        let InflightCredit::Excess(index) = *credit else {
            return true;
        };
        match self.take(InflightCredit::Window(index), limits) {
            Ok(new) => self.leave(core::mem::replace(credit, new)),
            Err(_) => return false,
        }
        true
    }

    /// A request has ended. In any context.
    pub(super) fn leave(&self, credit: InflightCredit) {
        let Some((own, all)) = self.counts(credit) else {
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
    fn take(&self, credit: InflightCredit, limits: Limits) -> Result<InflightCredit, Counter> {
        if let Some((own, all)) = self.counts(credit) {
            count_in(own, all, limits)?;
        }
        Ok(credit)
    }

    /// Where a request is counted, if it is: of its initiator, if that has an entry, and of all.
    fn counts(&self, credit: InflightCredit) -> Option<(Option<&Atomic<u32>>, &Atomic<u32>)> {
        let of = |index: usize| self.entries.get(index).map(|initiator| &initiator.counts);
        match credit {
            InflightCredit::None => None,
            InflightCredit::Window(index) => {
                let own = of(index).map(|counts| &counts.in_flight);
                Some((own, &self.all.in_flight))
            }
            InflightCredit::Excess(index) => {
                let own = of(index).map(|counts| &counts.excess);
                Some((own, &self.all.excess))
            }
            InflightCredit::Reserved(index) => {
                let own = of(index).map(|counts| &counts.reserved);
                Some((own, &self.all.reserved))
            }
        }
    }

    /// When an initiator was heard last, if it is known.
    pub(super) fn heard(&self, initiator_mac: Mac) -> Option<Moment> {
        let (_, initiator) = self.probes(initiator_mac).find(|(_, initiator)| {
            initiator.initiator_mac.read_once() == initiator_mac.to_number()
        })?;
        Some(Moment::from_ticks(initiator.heard.read_once()))
    }

    /// The entries that an initiator can have.
    #[inline]
    fn probes(&self, initiator_mac: Mac) -> impl Iterator<Item = (usize, &Initiator)> {
        // MACs of one make differ in the lower bytes.
        let start = initiator_mac
            .to_number()
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            >> 32;
        (0..MAX_PROBES).filter_map(move |step| {
            let index = (start as usize).wrapping_add(step) % TABLE_SIZE;
            Some((index, self.entries.get(index)?))
        })
    }

    /// The entry of the initiator with this MAC: its own, or one that it gets now.
    #[inline]
    fn find(&self, initiator_mac: Mac) -> Option<(usize, &Initiator)> {
        let number = initiator_mac.to_number();
        let mut best: Option<(usize, &Initiator, u64)> = None;
        for (index, initiator) in self.probes(initiator_mac) {
            let holder = initiator.initiator_mac.read_once();
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
        // Whoever else takes it at the same time is as good; who loses it has nothing in flight.
        let _ = initiator.initiator_mac.cmpxchg(holder, number, Full);
        (initiator.initiator_mac.read_once() == number).then_some((index, initiator))
    }

    /// Those that were heard, in no order.
    pub(crate) fn sightings(&self) -> impl Iterator<Item = Sighting> + '_ {
        self.entries
            .iter()
            .map(|initiator| (initiator, initiator.initiator_mac.read_once()))
            .filter(|(_, initiator_mac)| *initiator_mac != 0)
            .map(|(initiator, initiator_mac)| Sighting {
                initiator_mac: Mac::from_number(initiator_mac),
                in_flight: initiator.counts.in_flight.read_once(),
                heard: Moment::from_ticks(initiator.heard.read_once()),
            })
    }
}

/// Counts a request in, as one of its initiator, if that has an entry, and as one of all.
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
            in_flight: Atomic::new(0),
            excess: Atomic::new(0),
            reserved: Atomic::new(0),
        }
    }
}

impl Initiator {
    fn is_idle(&self) -> bool {
        let Counts {
            in_flight,
            excess,
            reserved,
        } = &self.counts;
        [in_flight, excess, reserved]
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
