// SPDX-License-Identifier: GPL-2.0

//! What has been written lately, so that an exact copy of a frame that comes too late does no harm.
//!
//! Networks can duplicate a frame, and some initiators retransmit under the same tag. A copy of a
//! write is executed like the first, since the answer to that may have been lost; but not if the
//! initiator has written to the same sectors since under another tag: then the copy is older than
//! what is there, and is dropped.
//!
//! The tag, the initiator and the sectors tell a copy, not the data. An initiator that uses a tag
//! for two different writes to the same sectors, with another one between them, within
//! [`MEMORY`], has the second dropped until that time is over: late, but not lost, since it
//! retransmits what is not answered.

use kernel::alloc::AllocError;
use kernel::prelude::*;
use kernel::time::Msecs;

use super::order::Span;
use crate::aoe::Mac;
use crate::aoe::Tag;
use crate::sync::Moment;

/// How long a write is remembered, in milliseconds.
const MEMORY: Msecs = 5000;

/// How many writes are remembered at most, of all initiators.
const MOST: usize = 512;

/// Lists of writes that may be copies of each other.
const LISTS: usize = 256;

/// A write: its number is how many were before it.
#[derive(Clone, Copy)]
pub(super) struct Write {
    source: Mac,
    tag: Tag,
    span: Span,
    at: Moment,
    /// The number of the next older one in the same list, plus one.
    older: u64,
}

/// Whether a write is a copy of one that has come before.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Copied {
    /// It is new.
    No,
    /// It is the newest that its initiator has written there.
    Again,
    /// Its initiator has written there since.
    Overtaken,
}

/// The latest writes, in a ring.
pub(super) struct History {
    /// The one of number `n` is at `n % MOST`.
    ring: KVec<Write>,
    count: u64,
    /// The number of the newest one in each list, plus one.
    newest: KVec<u64>,
}

impl Write {
    /// A write that has arrived just now.
    pub(super) fn new(source: Mac, tag: Tag, span: Span) -> Self {
        Self {
            source,
            tag,
            span,
            at: Moment::now(),
            older: 0,
        }
    }

    fn is_copy_of(&self, other: &Self) -> bool {
        self.tag == other.tag && self.source == other.source && self.span == other.span
    }

    /// Whether this came after `other` from the same initiator, for some of its sectors.
    fn overtakes(&self, other: &Self) -> bool {
        self.source == other.source && self.tag != other.tag && self.span.conflicts(&other.span)
    }

    fn list(&self) -> usize {
        let Tag(tag) = self.tag;
        let key = u64::from(u32::from_ne_bytes(tag)) ^ self.source.to_number() ^ self.span.start();
        // Multiplicative hashing: the upper bits depend on all of the key.
        (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as usize
    }
}

impl History {
    /// None yet, with room for all that there may be.
    pub(super) fn new() -> Result<Self, AllocError> {
        Ok(Self {
            ring: KVec::with_capacity(MOST, GFP_KERNEL)?,
            count: 0,
            newest: KVec::from_elem(0, LISTS, GFP_KERNEL)?,
        })
    }

    /// What a write is; unless it is a copy that has been overtaken it is remembered.
    pub(super) fn take(&mut self, mut write: Write) -> Copied {
        let list = write.list();
        let newest = self.newest.get(list).copied().unwrap_or_default();
        let original = self.original(&write, newest);
        let is_overtaken = original.is_some_and(|number| {
            let since = number.saturating_add(1)..self.count;
            since
                .filter_map(|number| self.get(number))
                .any(|newer| newer.overtakes(&write))
        });
        if is_overtaken {
            return Copied::Overtaken;
        }
        write.older = newest;
        match self.ring.get_mut(Self::place(self.count)) {
            Some(old) => *old = write,
            // The first time around the places follow each other, and there is room for all.
            None => drop(self.ring.push_within_capacity(write)),
        }
        self.count = self.count.saturating_add(1);
        if let Some(newest) = self.newest.get_mut(list) {
            *newest = self.count;
        }
        if original.is_some() {
            Copied::Again
        } else {
            Copied::No
        }
    }

    /// The number of the newest write that this one is a copy of, where `next` begins its list.
    fn original(&self, write: &Write, mut next: u64) -> Option<u64> {
        while let Some(number) = next.checked_sub(1) {
            let other = self.get(number)?;
            if other.at.is_older_than(MEMORY) {
                return None;
            }
            if write.is_copy_of(other) {
                return Some(number);
            }
            next = other.older;
        }
        None
    }

    /// The write of this number, unless it has been forgotten.
    fn get(&self, number: u64) -> Option<&Write> {
        let age = self.count.checked_sub(number)?;
        (age <= MOST as u64)
            .then(|| self.ring.get(Self::place(number)))
            .flatten()
    }

    const fn place(number: u64) -> usize {
        (number % MOST as u64) as usize
    }
}

#[kunit_tests(kvblade_rs_history)]
mod tests {
    use super::*;
    use crate::ata::Extent;
    use crate::ata::Lba;

    /// Eight sectors.
    fn write(card: u8, tag: u8, first: u64) -> Write {
        let extent = Extent {
            first: Lba(first),
            sectors: 8,
        };
        Write::new(
            Mac([2, 0, 0, 0, 0, card]),
            Tag([0, 0, 0, tag]),
            Span::writing(extent),
        )
    }

    #[test]
    fn a_copy_counts_until_its_initiator_has_written_there_since() -> Result {
        let mut history = History::new()?;
        assert!(history.take(write(1, 1, 0)) == Copied::No);
        assert!(history.take(write(1, 1, 0)) == Copied::Again);
        // Of another initiator, for other sectors, or under the same tag beside it.
        assert!(history.take(write(2, 2, 0)) == Copied::No);
        assert!(history.take(write(1, 3, 8)) == Copied::No);
        assert!(history.take(write(1, 1, 4)) == Copied::No);
        assert!(history.take(write(1, 1, 0)) == Copied::Again);
        assert!(history.take(write(1, 4, 7)) == Copied::No);
        assert!(history.take(write(1, 1, 0)) == Copied::Overtaken);
        assert!(history.take(write(1, 1, 0)) == Copied::Overtaken);
        assert!(history.take(write(2, 2, 0)) == Copied::Again);
        Ok(())
    }

    #[test]
    fn so_many_are_remembered_and_no_more() -> Result {
        let mut history = History::new()?;
        assert!(history.take(write(1, 1, 0)) == Copied::No);
        assert!(history.take(write(1, 2, 0)) == Copied::No);
        for number in 2..MOST as u64 {
            assert!(history.take(write(1, 3, 8 * number)) == Copied::No);
        }
        assert!(history.take(write(1, 1, 0)) == Copied::Overtaken);
        assert!(history.take(write(1, 3, 0)) == Copied::No);
        assert!(history.take(write(1, 1, 0)) == Copied::No);
        Ok(())
    }
}
