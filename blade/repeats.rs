// SPDX-License-Identifier: GPL-2.0

//! Repetitions: an initiator asks once more for what it has no answer to yet.
//!
//! While a disk holds requests for seconds an initiator sends them again and again, the one of Linux
//! under a new tag each time. Of that it knows the newest tag only; an answer to an earlier one tells
//! it nothing but how long answers take, by which it then waits for minutes with what is lost. And the
//! repetitions would fill its window, and the disk with work that is done already.
//!
//! So a repetition joins the request that it repeats: it waits with it instead of being executed, and
//! is answered with it. If that has taken more than a second, only the newest is answered, and the others
//! are left out. Two that come at the same time may be two readers of one sector: so what comes soon
//! after the first is a request of its own, and what ends within the second is answered under each tag.
//!
//! Whether two are the same is known for certain when both are at hand. What a request in flight has in
//! its frame is not, until it ends; so a write that may be a repetition keeps its slot in the order
//! until then.

use kernel::alloc::AllocError;
use kernel::prelude::*;
use kernel::time::Msecs;

use super::order::InflightSlot;
use super::order::InflightSlots;
use super::order::Span;
use super::order::Spans;
use super::order::MAX_INFLIGHT;
use super::stats::Counter;
use crate::aoe::Mac;
use crate::aoe::Tag;
use crate::sync::Fifo;
use crate::sync::Linked;
use crate::sync::Moment;
use crate::sync::SlabBox;

/// The age, in milliseconds, of a request whose answer is of no use to an initiator that has asked
/// again since.
const OLD: Msecs = 1000;

/// What comes so much later than a request, in milliseconds, may be its repetition.
const APART: Msecs = 100;

/// What tells the requests that may be the same, but for their data.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    /// The initiator's MAC.
    pub(super) source: Mac,
    /// The registers of the ATA command that do not tell the sectors.
    pub(super) registers: u32,
    /// The sectors that it touches.
    pub(super) span: Span,
}

/// What a request may be a repetition of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeats {
    /// None, that is known.
    Nothing,
    /// One that waits, ahead of it.
    Waiting,
    /// One that is in flight, at this slot.
    InFlight(InflightSlot),
}

/// What a request is as one that is repeated, or repeats another.
pub(super) struct Asking {
    /// When its initiator has asked for it first, under whatever tag.
    pub(super) first: Moment,
    /// Whose end it waits for.
    pub(super) repeats: Repeats,
    /// It was let in beyond what may be in flight, as it may be a repetition: if it is none, it is
    /// dropped for this cause.
    pub(super) over: Option<Counter>,
    /// Whether it was counted as a repetition.
    pub(super) is_counted: bool,
    /// Whether it was counted as let in, if it was let in beyond.
    pub(super) is_let_in: bool,
}

/// A request that may be a repetition, or be repeated.
pub(super) trait Ask: Linked {
    /// What tells those that may be the same; `None` if there are none.
    fn key(&self) -> Option<Key>;

    /// The tag under which it is to be answered.
    fn tag(&self) -> Tag;

    /// What it is as a repetition.
    fn asking(&mut self) -> &mut Asking;

    /// Whether it is known as a copy of a frame that came before.
    fn is_copy(&self) -> bool;

    /// Whether it is the same as another that has the same key, in data and all.
    fn is_same(&self, other: &Self) -> bool;

    /// It stands for an older one from here on, which is the same, and has what that was let in
    /// by.
    fn replace(&mut self, older: &mut Self);

    /// It begins to wait for the end of one that is the same, for certain or not.
    fn waits(&mut self, is_certain: bool);
}

/// Who has asked for a request that is in flight.
pub(super) struct Asker {
    first: Moment,
    source: Mac,
    tag: Tag,
    registers: u32,
    /// Whether its initiator has asked for the same since, when it was old.
    is_superseded: bool,
}

/// Those who have asked for what is in flight, by slot. There may be old ones at slots that are free.
pub(super) struct Askers(KVec<Asker>);

/// What is in flight.
pub(super) struct InFlight<'a> {
    pub(super) slots: &'a InflightSlots,
    pub(super) spans: &'a Spans,
    pub(super) askers: &'a mut Askers,
}

/// What becomes of a request that has arrived.
pub(super) enum Judged<T: Linked> {
    /// It is no repetition.
    Own(SlabBox<T>),
    /// It waits for the end of one that it may repeat.
    Waits,
    /// It waits on behalf of these, which are the same, and older.
    Instead(Fifo<T>),
    /// One of the same tag waits already.
    Copy(SlabBox<T>),
}

impl Asking {
    /// A request that has arrived just now.
    pub(super) const fn new(now: Moment, over: Option<Counter>) -> Self {
        Self {
            first: now,
            repeats: Repeats::Nothing,
            over,
            is_counted: false,
            is_let_in: false,
        }
    }

    /// Whether an answer that it gets now is of no use to an initiator that has asked again.
    pub(super) fn is_old(&self) -> bool {
        self.first.is_older_than(OLD)
    }

    /// Whether its initiator may have asked again.
    pub(super) fn is_repeatable(&self) -> bool {
        self.first.is_older_than(APART)
    }
}

impl Asker {
    /// Whoever has asked for it at that moment, under this tag and with these registers.
    pub(super) const fn new(first: Moment, source: Mac, tag: Tag, registers: u32) -> Self {
        Self {
            first,
            source,
            tag,
            registers,
            is_superseded: false,
        }
    }
}

impl Askers {
    /// None yet, with room for all that there may be.
    pub(super) fn new() -> Result<Self, AllocError> {
        Ok(Self(KVec::with_capacity(MAX_INFLIGHT, GFP_KERNEL)?))
    }

    /// Notes who has asked for the request at a slot, which it was just given. The lowest free slot
    /// is always given, so that the first time around they follow each other.
    pub(super) fn note(&mut self, slot: InflightSlot, asker: Asker) {
        match self.0.get_mut(slot.index()) {
            Some(old) => *old = asker,
            None => drop(self.0.push_within_capacity(asker)),
        }
    }

    /// Whether the initiator of the request at a slot has asked for the same since, when it was old.
    pub(super) fn is_superseded(&self, slot: InflightSlot) -> bool {
        self.0
            .get(slot.index())
            .is_some_and(|asker| asker.is_superseded)
    }

    /// Whether a request is in flight that may be repeated by now.
    pub(super) fn any_repeatable(&self, slots: &InflightSlots) -> bool {
        slots
            .all_taken()
            .filter_map(|slot| self.0.get(slot.index()))
            .any(|asker| asker.first.is_older_than(APART))
    }
}

impl InFlight<'_> {
    /// Whether the request at a slot is in flight, and may be the same as one with this key.
    pub(super) fn asks(&self, slot: InflightSlot, key: &Key) -> bool {
        self.slots.is_taken(slot)
            && self.spans.at(slot) == Some(&key.span)
            && self
                .askers
                .0
                .get(slot.index())
                .is_some_and(|asker| asker.source == key.source && asker.registers == key.registers)
    }

    /// Whether one that may be the same as one with this key is in flight under this tag.
    fn has(&self, key: &Key, tag: Tag) -> bool {
        let mut same = self.slots.all_taken().filter(|slot| self.asks(*slot, key));
        same.any(|slot| {
            let asker = self.askers.0.get(slot.index());
            asker.is_some_and(|asker| asker.tag == tag)
        })
    }

    fn first(&self, slot: InflightSlot) -> Option<Moment> {
        Some(self.askers.0.get(slot.index())?.first)
    }

    /// The oldest of those in flight that may be the same, and when it was asked for.
    pub(super) fn oldest(&self, key: &Key) -> Option<(InflightSlot, Moment)> {
        let same = self
            .slots
            .all_taken()
            .filter(|slot| self.asks(*slot, key))
            .filter_map(|slot| Some((slot, self.first(slot)?)));
        same.reduce(|one, other| {
            if other.1.has_reached(one.1) {
                one
            } else {
                other
            }
        })
    }

    /// Their initiator has asked for the same again.
    fn supersede(&mut self, key: &Key) {
        for slot in self.slots.all_taken() {
            if self.asks(slot, key) {
                if let Some(asker) = self.askers.0.get_mut(slot.index()) {
                    asker.is_superseded = true;
                }
            }
        }
    }
}

/// Judges a request that has arrived, by those that wait and those in flight.
pub(super) fn judge<T: Ask>(
    mut new: SlabBox<T>,
    waiting: &mut Fifo<T>,
    in_flight: &mut InFlight<'_>,
) -> Judged<T> {
    let Some(key) = new.key() else {
        return Judged::Own(new);
    };
    // What it repeats, and when that was asked for first.
    let mut earlier = None;
    let mut is_copy = false;
    // Whether the same was asked for under another tag.
    let mut has_other_tag = false;
    waiting.any(|other| {
        if is_repeated(other, &new, &key) {
            let Asking { first, repeats, .. } = *other.asking();
            let has_tag = other.tag() == new.tag();
            is_copy |= repeats != Repeats::Nothing && has_tag;
            has_other_tag |= !has_tag;
            earlier.get_or_insert(match repeats {
                Repeats::InFlight(slot) => (repeats, in_flight.first(slot).unwrap_or(first)),
                _ => (Repeats::Waiting, first),
            });
        }
        false
    });
    // A tag that its initiator has given up for another: a copy of that frame came late.
    if is_copy || has_other_tag && (new.is_copy() || in_flight.has(&key, new.tag())) {
        return Judged::Copy(new);
    }
    let is_waiting = earlier.is_some();
    let found = earlier.or_else(|| {
        let (slot, first) = in_flight.oldest(&key)?;
        Some((Repeats::InFlight(slot), first))
    });
    let Some((repeats, first)) = found.filter(|(_, first)| first.is_older_than(APART)) else {
        return Judged::Own(new);
    };
    let is_old = first.is_older_than(OLD);
    // What changes data may turn out to be another.
    let changes = key.span.is_exclusive();
    if is_old && !changes {
        in_flight.supersede(&key);
    }
    if is_old && is_waiting {
        return Judged::Instead(put_instead(new, &key, waiting));
    }
    new.asking().repeats = repeats;
    new.waits(is_waiting || !changes);
    waiting.push(new);
    Judged::Waits
}

/// Whether a request waits on for the end of one that it may repeat, where `ahead` are those that wait
/// before it.
pub(super) fn waits_on<T: Ask>(
    request: &mut T,
    ahead: &mut Fifo<T>,
    in_flight: &InFlight<'_>,
) -> bool {
    let Some(key) = request.key() else {
        return false;
    };
    let asking = request.asking();
    let repeats = match asking.repeats {
        Repeats::Nothing => Repeats::Nothing,
        Repeats::InFlight(slot) if in_flight.asks(slot, &key) => Repeats::InFlight(slot),
        _ => match in_flight.oldest(&key) {
            Some((slot, _)) => Repeats::InFlight(slot),
            None if ahead.any(|other| other.key() == Some(key)) => Repeats::Waiting,
            None => Repeats::Nothing,
        },
    };
    asking.repeats = repeats;
    repeats != Repeats::Nothing
}

fn is_repeated<T: Ask>(other: &T, new: &T, key: &Key) -> bool {
    other.key().as_ref() == Some(key) && other.is_same(new)
}

/// Puts a repetition where the first one is that it repeats, and takes out all of them.
fn put_instead<T: Ask>(mut new: SlabBox<T>, key: &Key, waiting: &mut Fifo<T>) -> Fifo<T> {
    let mut all = core::mem::take(waiting);
    let (mut behind, mut same) = (Fifo::new(), Fifo::<T>::new());
    while let Some(mut other) = all.pop() {
        if is_repeated(&*other, &new, key) {
            if same.is_empty() {
                new.replace(&mut other);
            }
            same.push(other);
        } else if same.is_empty() {
            waiting.push(other);
        } else {
            behind.push(other);
        }
    }
    waiting.push(new);
    while let Some(other) = behind.pop() {
        waiting.push(other);
    }
    same
}

/// Takes those out that have waited for the end of a request, which is now, and are the same.
pub(super) fn joined<T: Ask>(ended: &mut T, waiting: &mut Fifo<T>) -> Fifo<T> {
    let mut same = Fifo::new();
    let Some(key) = ended.key() else {
        return same;
    };
    // What came too soon to be told from a second one is a repetition after so long, unless something
    // else for these sectors came before it. Only what changes data has waited nevertheless.
    let mut takes_soon = key.span.is_exclusive() && ended.asking().is_old();
    let mut all = core::mem::take(waiting);
    while let Some(mut other) = all.pop() {
        let is_joined = takes_soon || other.asking().repeats != Repeats::Nothing;
        if is_joined && is_repeated(&*other, ended, &key) {
            same.push(other);
        } else {
            takes_soon &= other
                .key()
                .is_some_and(|other| !other.span.conflicts(&key.span));
            waiting.push(other);
        }
    }
    same
}

#[cfg(CONFIG_KUNIT = "y")]
mod tests;
