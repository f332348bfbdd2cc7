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
const RING_SIZE: usize = 512;

/// Lists of writes that may be copies of each other.
const LISTS: usize = 256;

/// What tells a write.
#[derive(Clone, Copy)]
pub(super) struct Write {
    source: Mac,
    tag: Tag,
    span: Span,
}

/// A write that has been executed: its number is how many were before it.
struct Executed {
    write: Write,
    at: Moment,
    /// The number of the next older one in the same list, plus one.
    older: u64,
}

/// Whether a write is a copy of one that has been executed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Copied {
    /// It is new.
    No,
    /// It is the newest that its initiator has written there.
    Again,
    /// Its initiator has written there since.
    Overtaken,
}

impl Copied {
    /// The same of a write that has waited, now that one which came before it has been executed.
    pub(super) fn after(self, write: &Write, executed: &Write) -> Self {
        if write.is_copy_of(executed) {
            Self::Again
        } else if self == Self::Again && executed.overtakes(write) {
            Self::Overtaken
        } else {
            self
        }
    }
}

/// The latest writes that have been executed, in a ring. One that was refused has changed nothing,
/// so it is as if it had never been sent.
pub(super) struct History {
    /// The one of number `n` is at `n % RING_SIZE`.
    ring: KVec<Executed>,
    count: u64,
    /// The number of the newest one in each list, plus one.
    newest: KVec<u64>,
}

impl Write {
    /// A write of these sectors.
    pub(super) const fn new(source: Mac, tag: Tag, span: Span) -> Self {
        Self { source, tag, span }
    }

    fn is_copy_of(&self, other: &Self) -> bool {
        self.tag == other.tag && self.source == other.source && self.span == other.span
    }

    /// The sectors that it has written itself: of their blocks others may have written the rest.
    fn asked(&self) -> Span {
        self.span.asked()
    }

    /// Whether this came after `other` from the same initiator, for some of its sectors.
    fn overtakes(&self, other: &Self) -> bool {
        self.source == other.source
            && self.tag != other.tag
            && self.asked().conflicts(&other.asked())
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
            ring: KVec::with_capacity(RING_SIZE, GFP_KERNEL)?,
            count: 0,
            newest: KVec::from_elem(0, LISTS, GFP_KERNEL)?,
        })
    }

    /// What a write is that has arrived just now.
    pub(super) fn judge(&self, write: &Write) -> Copied {
        let newest = self.newest.get(write.list()).copied().unwrap_or_default();
        let Some(original) = self.original(write, newest) else {
            return Copied::No;
        };
        let is_overtaken = (original.saturating_add(1)..self.count)
            .filter_map(|number| self.get(number))
            .any(|newer| newer.write.overtakes(write));
        if is_overtaken {
            Copied::Overtaken
        } else {
            Copied::Again
        }
    }

    /// Remembers a write that goes to the disk just now.
    pub(super) fn note(&mut self, write: Write) {
        let Some(newest) = self.newest.get_mut(write.list()) else {
            return;
        };
        let executed = Executed {
            write,
            at: Moment::now(),
            older: *newest,
        };
        match self.ring.get_mut(Self::place(self.count)) {
            Some(old) => *old = executed,
            // The first time around the places follow each other, and there is room for all.
            None => drop(self.ring.push_within_capacity(executed)),
        }
        self.count = self.count.saturating_add(1);
        *newest = self.count;
    }

    /// The number of the newest write that this one is a copy of, where `next` begins its list.
    fn original(&self, write: &Write, mut next: u64) -> Option<u64> {
        while let Some(number) = next.checked_sub(1) {
            let other = self.get(number)?;
            if other.at.is_older_than(MEMORY) {
                return None;
            }
            if write.is_copy_of(&other.write) {
                return Some(number);
            }
            next = other.older;
        }
        None
    }

    /// The write of this number, unless it has been forgotten.
    fn get(&self, number: u64) -> Option<&Executed> {
        let age = self.count.checked_sub(number)?;
        (age <= RING_SIZE as u64)
            .then(|| self.ring.get(Self::place(number)))
            .flatten()
    }

    const fn place(number: u64) -> usize {
        (number % RING_SIZE as u64) as usize
    }
}

#[kunit_tests(kvblade_rs_history)]
mod tests {
    use super::*;
    use crate::ata::Extent;
    use crate::ata::Lba;
    use crate::block::Blocks;

    /// Eight sectors.
    fn write(mac: u8, tag: u8, first: u64) -> Write {
        let extent = Extent {
            first: Lba(first),
            sectors: 8,
        };
        Write::new(
            Mac([2, 0, 0, 0, 0, mac]),
            Tag([0, 0, 0, tag]),
            Span::writing(extent),
        )
    }

    /// One that is executed as soon as it has come, unless it is to be dropped.
    fn take(history: &mut History, write: Write) -> Copied {
        let copied = history.judge(&write);
        if copied != Copied::Overtaken {
            history.note(write);
        }
        copied
    }

    #[test]
    fn a_copy_counts_until_its_initiator_has_written_there_since() -> Result {
        let mut history = History::new()?;
        assert!(take(&mut history, write(1, 1, 0)) == Copied::No);
        assert!(take(&mut history, write(1, 1, 0)) == Copied::Again);
        // Of another initiator, for other sectors, or under the same tag beside it.
        assert!(take(&mut history, write(2, 2, 0)) == Copied::No);
        assert!(take(&mut history, write(1, 3, 8)) == Copied::No);
        assert!(take(&mut history, write(1, 1, 4)) == Copied::No);
        assert!(take(&mut history, write(1, 1, 0)) == Copied::Again);
        assert!(take(&mut history, write(1, 4, 7)) == Copied::No);
        assert!(take(&mut history, write(1, 1, 0)) == Copied::Overtaken);
        assert!(take(&mut history, write(1, 1, 0)) == Copied::Overtaken);
        assert!(take(&mut history, write(2, 2, 0)) == Copied::Again);
        Ok(())
    }

    #[test]
    fn who_writes_another_part_of_a_block_overtakes_nothing() -> Result {
        let blocks = Blocks::new(4096).ok_or(EINVAL)?;
        let sector = |tag, first| {
            let extent = Extent {
                first: Lba(first),
                sectors: 1,
            };
            Write {
                span: Span::writing(extent).in_blocks(blocks),
                ..write(1, tag, 0)
            }
        };
        let mut history = History::new()?;
        assert!(take(&mut history, sector(1, 0)) == Copied::No);
        assert!(take(&mut history, sector(2, 1)) == Copied::No);
        // The same tag and block, but another sector.
        assert!(take(&mut history, sector(1, 2)) == Copied::No);
        assert!(take(&mut history, sector(1, 0)) == Copied::Again);
        assert!(take(&mut history, sector(3, 0)) == Copied::No);
        assert!(take(&mut history, sector(1, 0)) == Copied::Overtaken);
        Ok(())
    }

    #[test]
    fn so_many_are_remembered_and_no_more() -> Result {
        let mut history = History::new()?;
        assert!(take(&mut history, write(1, 1, 0)) == Copied::No);
        assert!(take(&mut history, write(1, 2, 0)) == Copied::No);
        for number in 2..RING_SIZE as u64 {
            assert!(take(&mut history, write(1, 3, 8 * number)) == Copied::No);
        }
        assert!(take(&mut history, write(1, 1, 0)) == Copied::Overtaken);
        assert!(take(&mut history, write(1, 3, 0)) == Copied::No);
        assert!(take(&mut history, write(1, 1, 0)) == Copied::No);
        Ok(())
    }

    #[test]
    fn what_was_not_executed_overtakes_nothing() -> Result {
        let mut history = History::new()?;
        assert!(take(&mut history, write(1, 1, 0)) == Copied::No);
        assert!(history.judge(&write(1, 2, 0)) == Copied::No);
        assert!(history.judge(&write(1, 2, 0)) == Copied::No);
        assert!(history.judge(&write(1, 1, 0)) == Copied::Again);
        Ok(())
    }

    /// A copy waits behind its original and the write that follows this: it is judged by what
    /// becomes of them.
    #[test]
    fn those_that_wait_are_judged_by_what_is_executed_meanwhile() {
        let (original, newer, other) = (write(1, 1, 0), write(1, 2, 4), write(2, 3, 0));
        let copy = original;
        let copied = Copied::No.after(&copy, &other);
        assert!(copied == Copied::No);
        assert!(Copied::No.after(&copy, &newer) == Copied::No);
        let copied = copied.after(&copy, &original);
        assert!(copied == Copied::Again);
        assert!(copied.after(&copy, &other) == Copied::Again);
        assert!(copied.after(&copy, &write(1, 2, 8)) == Copied::Again);
        let copied = copied.after(&copy, &newer);
        assert!(copied == Copied::Overtaken);
        assert!(copied.after(&copy, &other) == Copied::Overtaken);
    }
}
