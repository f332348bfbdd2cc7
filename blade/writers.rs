// SPDX-License-Identifier: GPL-2.0

//! Who writes to a blade. Two clients that write to one file system destroy it, unless it is made for
//! that: so a second writer is told, and refused if the administrator wants that.

use kernel::prelude::*;
use kernel::sync::atomic::Atomic;
use kernel::sync::atomic::Relaxed;

use super::initiators::Initiators;
use super::port::Port;
use crate::aoe::Mac;
use crate::sync::Moment;
use crate::sync::Once;

/// Writers that are remembered, at most.
const TABLE_SIZE: usize = 4;

/// A writer is gone when nothing was heard of it for so many seconds. Linux asks for targets once a
/// minute, so that one that is there but idle is heard twice in this time.
const GONE: u64 = 150;

/// The writers of a blade.
pub(crate) struct Writers {
    /// The MAC of the one that wrote last, as a number, which is all that most writes look at; 0: none.
    latest: Atomic<u64>,
    /// When that wrote last: it is its entry's when another writes.
    latest_wrote: Atomic<usize>,
    all: [Writer; TABLE_SIZE],
}

/// An entry for a writer.
struct Writer {
    /// Its MAC; 0: an entry that is free.
    initiator_mac: Atomic<u64>,
    /// When it wrote last.
    wrote: Atomic<usize>,
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

impl Writer {
    /// An entry that is free.
    const fn none() -> Self {
        Self {
            initiator_mac: Atomic::new(0),
            wrote: Atomic::new(0),
        }
    }

    /// When it wrote last.
    fn wrote(&self) -> Moment {
        Moment::from_ticks(self.wrote.load(Relaxed))
    }

    fn forget(&self) {
        self.initiator_mac.store(0, Relaxed);
    }
}

impl Writers {
    /// None yet.
    pub(super) const fn new() -> Self {
        Self {
            latest: Atomic::new(0),
            latest_wrote: Atomic::new(0),
            all: [const { Writer::none() }; TABLE_SIZE],
        }
    }

    /// Notes that the latest writer has written once more, at that moment; false if it is another.
    #[inline]
    fn note_latest(&self, initiator_mac: Mac, now: Moment) -> bool {
        let is_latest = self.latest.read_once() == initiator_mac.to_number();
        if is_latest {
            self.latest_wrote.write_once(now.to_ticks());
        }
        is_latest
    }

    /// Notes a writer that is not the latest, and writes at that moment. `heard` tells when another was
    /// heard last, if that is known. Where there is to be a single one, it is refused while another is
    /// not gone.
    ///
    /// Of those that find no entry nothing is said: else each would be a second one with each of its
    /// writes.
    fn note(
        &self,
        initiator_mac: Mac,
        now: Moment,
        heard: impl Fn(Mac) -> Option<Moment>,
        is_single: bool,
    ) -> Noted {
        let number = initiator_mac.to_number();
        self.settle();
        let (mut own, mut other, mut free) = (None, None, None);
        for entry in &self.all {
            let holder = entry.initiator_mac.load(Relaxed);
            let mac = Mac::from_number(holder);
            if holder == number {
                own = Some(entry);
                continue;
            }
            let is_gone = holder == 0 || heard(mac).unwrap_or(entry.wrote()).age() > GONE;
            if is_gone {
                entry.forget();
                free = free.or(Some(entry));
            } else {
                other = other.or(Some(mac));
            }
        }
        match other {
            Some(other) if is_single => return Noted::Refused(other),
            _ => {}
        }
        self.latest_wrote.store(now.to_ticks(), Relaxed);
        self.latest.store(number, Relaxed);
        if own.is_some() {
            return Noted::Known;
        }
        let Some(entry) = free else {
            return Noted::Known;
        };
        entry.wrote.store(now.to_ticks(), Relaxed);
        entry.initiator_mac.store(number, Relaxed);
        other.map_or(Noted::Known, Noted::Second)
    }

    /// The entry of the latest writer has when it wrote.
    fn settle(&self) {
        let latest = self.latest.load(Relaxed);
        for entry in &self.all {
            if latest != 0 && entry.initiator_mac.load(Relaxed) == latest {
                entry.wrote.store(self.latest_wrote.load(Relaxed), Relaxed);
            }
        }
    }

    /// Whether this one, as a number, has written.
    pub(super) fn has(&self, number: u64) -> bool {
        self.all
            .iter()
            .any(|entry| entry.initiator_mac.read_once() == number)
    }

    /// Whoever writes next is the first.
    pub(crate) fn forget(&self) {
        for entry in &self.all {
            entry.forget();
        }
        self.latest.store(0, Relaxed);
    }
}

impl Initiators {
    /// Those that have written and are not gone, with the seconds since they were heard.
    pub(crate) fn present_writers(&self) -> impl Iterator<Item = (Mac, u64)> + '_ {
        let writers = self.writers();
        let latest = writers.latest.load(Relaxed);
        writers.all.iter().filter_map(move |entry| {
            let number = entry.initiator_mac.load(Relaxed);
            let wrote = if number == latest {
                Moment::from_ticks(writers.latest_wrote.load(Relaxed))
            } else {
                entry.wrote()
            };
            let initiator_mac = Mac::from_number(number);
            let age = self.heard(initiator_mac).unwrap_or(wrote).age();
            (number != 0 && age <= GONE).then_some((initiator_mac, age))
        })
    }
}

impl Port {
    /// Whether this initiator may write, as far as other writers are concerned, what has come at that
    /// moment: it writes from now on, so nothing else may be against it. Not in softirq context.
    pub(super) fn admits_writer(&self, initiator_mac: Mac, now: Moment) -> bool {
        let writers = self.blade().initiators().writers();
        writers.note_latest(initiator_mac, now) || self.note_writer(initiator_mac, now)
    }

    #[cold]
    fn note_writer(&self, initiator_mac: Mac, now: Moment) -> bool {
        let blade = self.blade();
        let initiators = blade.initiators();
        let is_single = blade.policy().is_single_writer();
        let heard = |other| initiators.heard(other);
        match initiators
            .writers()
            .note(initiator_mac, now, heard, is_single)
        {
            Noted::Known => true,
            Noted::Second(other) => {
                self.log(format_args!("{initiator_mac} writes, and so does {other}"));
                true
            }
            Noted::Refused(other) => {
                if self.second_writers.take() {
                    self.log(format_args!(
                        "writes of {initiator_mac} are refused: {other} writes"
                    ));
                }
                false
            }
        }
    }
}

#[kunit_tests(kvblade_rs_writers)]
mod tests {
    use super::*;
    use crate::blade::initiators::Limits;
    use kernel::time::msecs_to_jiffies;

    /// So long ago that who was heard then is gone.
    fn long_ago() -> Moment {
        let ticks = msecs_to_jiffies(2_000 * GONE as u32);
        Moment::from_ticks(Moment::now().to_ticks().wrapping_sub(ticks))
    }

    #[test]
    fn a_second_one_is_told_once() {
        let writers = Writers::new();
        let now = Moment::now();
        let [one, two] = [1, 2].map(Mac::from_number);
        let note = |initiator_mac| writers.note(initiator_mac, now, |_| Some(now), false);
        assert!(note(one) == Noted::Known && note(one) == Noted::Known);
        assert!(note(two) == Noted::Second(one));
        assert!(note(one) == Noted::Known && note(two) == Noted::Known);
        // More than there are entries for are not told again and again.
        for initiator_mac in 3..20 {
            let told = note(Mac::from_number(initiator_mac));
            assert!(
                told == if initiator_mac <= 4 {
                    Noted::Second(one)
                } else {
                    Noted::Known
                }
            );
            assert!(note(Mac::from_number(initiator_mac)) == Noted::Known);
        }
        writers.forget();
        assert!(note(two) == Noted::Known);
    }

    #[test]
    fn a_single_one_keeps_others_away_until_it_is_gone() {
        let writers = Writers::new();
        let now = Moment::now();
        let [one, two] = [1, 2].map(Mac::from_number);
        let note = |initiator_mac, gone: Option<Mac>| {
            let heard = |it| Some(if Some(it) == gone { long_ago() } else { now });
            writers.note(initiator_mac, now, heard, true)
        };
        assert!(note(one, None) == Noted::Known);
        assert!(note(two, None) == Noted::Refused(one));
        assert!(note(one, None) == Noted::Known);
        assert!(note(two, Some(one)) == Noted::Known);
        assert!(note(one, None) == Noted::Refused(two));
    }

    #[test]
    fn one_of_which_nothing_is_known_is_there_as_long_as_it_writes() {
        let writers = Writers::new();
        let now = Moment::now();
        let [one, two] = [1, 2].map(Mac::from_number);
        let note = |initiator_mac, now| writers.note(initiator_mac, now, |_| None, true);
        assert!(note(one, long_ago()) == Noted::Known);
        assert!(writers.note_latest(one, now));
        assert!(note(two, now) == Noted::Refused(one));
        assert!(writers.note_latest(one, long_ago()) && !writers.note_latest(two, now));
        assert!(note(two, now) == Noted::Known);
    }

    #[test]
    fn one_that_is_silent_is_not_forgotten_for_others() -> Result {
        let initiators = Initiators::new()?;
        let limits = Limits {
            each: 1,
            all: 1,
            is_reserved: false,
        };
        let hear = |initiator_mac| {
            let credit = initiators.enter(Mac::from_number(initiator_mac), limits);
            credit
                .map(|credit| initiators.leave(credit))
                .map_err(|_| EINVAL)
        };
        let writer = Mac::from_number(1);
        hear(1)?;
        let heard = |initiator_mac| initiators.heard(initiator_mac);
        let noted = initiators.writers().note(writer, long_ago(), heard, true);
        assert!(noted == Noted::Known);
        for initiator_mac in 2..10_000 {
            hear(initiator_mac)?;
        }
        assert!(initiators.heard(writer).is_some());
        Ok(())
    }
}
