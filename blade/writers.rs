// SPDX-License-Identifier: GPL-2.0

//! Who writes to a blade. Two clients that write to one file system destroy it, unless it is made for
//! that: so a second writer is told, and refused if the administrator wants that.

use kernel::prelude::*;
use kernel::sync::atomic::Atomic;
use kernel::sync::atomic::Relaxed;

use super::initiators::Initiators;
use super::port::Port;
use crate::aoe::Mac;
use crate::sync::Once;

/// Writers that are remembered, at most.
const PLACES: usize = 4;

/// A writer is gone when nothing was heard of it for so many seconds. Linux asks for targets once a
/// minute, so that one that is there but idle is heard twice in this time.
const GONE: u64 = 150;

/// The writers of a blade.
pub(crate) struct Writers {
    /// The card of the one that wrote last, as a number, which is all that most writes look at; 0: none.
    latest: Atomic<u64>,
    /// Their cards; 0: a place that is free.
    all: [Atomic<u64>; PLACES],
}

/// What there is to say of a writer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Noted {
    /// Nothing.
    Known,
    /// It writes from now on, and this one does so as well.
    Second(Mac),
    /// It must not, since this one does.
    Refused(Mac),
}

impl Writers {
    /// None yet.
    pub(super) const fn new() -> Self {
        Self {
            latest: Atomic::new(0),
            all: [const { Atomic::new(0) }; PLACES],
        }
    }

    /// Notes a writer that is not the latest. `is_gone` tells whether nothing is heard of another any
    /// more; where there is to be a single one, it is refused while another is not gone.
    fn note(&self, card: Mac, is_gone: impl Fn(Mac) -> bool, is_single: bool) -> Noted {
        let number = card.to_number();
        let (mut is_known, mut other, mut free) = (false, None, None);
        for place in &self.all {
            match place.load(Relaxed) {
                0 => free = free.or(Some(place)),
                holder if holder == number => is_known = true,
                holder if is_gone(Mac::from_number(holder)) => {
                    place.store(0, Relaxed);
                    free = free.or(Some(place));
                }
                holder => other = other.or(Some(Mac::from_number(holder))),
            }
        }
        match other {
            Some(other) if is_single => return Noted::Refused(other),
            _ => {}
        }
        self.latest.store(number, Relaxed);
        if is_known {
            return Noted::Known;
        }
        if let Some(place) = free {
            place.store(number, Relaxed);
        }
        other.map_or(Noted::Known, Noted::Second)
    }

    /// Whoever writes next is the first.
    pub(crate) fn forget(&self) {
        for place in &self.all {
            place.store(0, Relaxed);
        }
        self.latest.store(0, Relaxed);
    }

    /// Those that have written and are not gone, with the seconds since they were heard.
    pub(crate) fn present<'a>(
        &'a self,
        initiators: &'a Initiators,
    ) -> impl Iterator<Item = (Mac, u64)> + 'a {
        let cards = self.all.iter().map(|place| place.load(Relaxed));
        cards.filter(|card| *card != 0).filter_map(|card| {
            let card = Mac::from_number(card);
            let age = initiators.heard(card)?.age();
            (age <= GONE).then_some((card, age))
        })
    }
}

impl Port {
    /// Whether this initiator may write now, as far as other writers are concerned. Not in softirq
    /// context.
    pub(super) fn admits_writer(&self, card: Mac) -> bool {
        self.blade().writers().latest.read_once() == card.to_number() || self.note_writer(card)
    }

    #[cold]
    fn note_writer(&self, card: Mac) -> bool {
        let blade = self.blade();
        let is_gone = |other| {
            let heard = blade.initiators().heard(other);
            heard.is_none_or(|heard| heard.age() > GONE)
        };
        let is_single = blade.policy().is_single_writer();
        match blade.writers().note(card, is_gone, is_single) {
            Noted::Known => true,
            Noted::Second(other) => {
                self.log(format_args!("{card} writes, and so does {other}"));
                true
            }
            Noted::Refused(other) => {
                if self.second_writers.take() {
                    self.log(format_args!("writes of {card} are refused: {other} writes"));
                }
                false
            }
        }
    }
}

#[kunit_tests(kvblade_rs_writers)]
mod tests {
    use super::*;

    #[test]
    fn a_second_one_is_told_once() {
        let writers = Writers::new();
        let [one, two] = [1, 2].map(Mac::from_number);
        let note = |card| writers.note(card, |_| false, false);
        assert!(note(one) == Noted::Known && note(one) == Noted::Known);
        assert!(note(two) == Noted::Second(one));
        assert!(note(one) == Noted::Known && note(two) == Noted::Known);
        // More than there are places for are no trouble.
        for card in 3..20 {
            assert!(note(Mac::from_number(card)) == Noted::Second(one));
        }
        writers.forget();
        assert!(note(two) == Noted::Known);
    }

    #[test]
    fn a_single_one_keeps_others_away_until_it_is_gone() {
        let writers = Writers::new();
        let [one, two] = [1, 2].map(Mac::from_number);
        let note = |card, gone: Option<Mac>| writers.note(card, |it| Some(it) == gone, true);
        assert!(note(one, None) == Noted::Known);
        assert!(note(two, None) == Noted::Refused(one));
        assert!(note(one, None) == Noted::Known);
        assert!(note(two, Some(one)) == Noted::Known);
        assert!(note(one, None) == Noted::Refused(two));
    }
}
