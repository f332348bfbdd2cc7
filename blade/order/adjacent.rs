// SPDX-License-Identifier: GPL-2.0

//! Slots for writes of parts of blocks that go to the disk together: they share blocks, and have them
//! to themselves until the last of them has ended.

use kernel::prelude::*;

use super::InflightSlot;
use super::InflightSlots;
use super::Span;
use super::Spans;
use super::WORDS;

/// Some of the slots.
pub(in crate::blade) struct Company([u64; WORDS]);

impl Company {
    /// No slots.
    pub(in crate::blade) const fn new() -> Self {
        Self([0; WORDS])
    }

    /// One slot more.
    pub(in crate::blade) fn add(&mut self, slot: InflightSlot) {
        if let Some(word) = self.0.get_mut(slot.word) {
            *word |= slot.mask();
        }
    }
}

impl Spans {
    /// Takes a slot for a change that goes to the disk together with those of `company`, so that it
    /// need not wait for them: as [`Spans::claim`] otherwise.
    pub(in crate::blade) fn claim_adjacent(
        &mut self,
        slots: &InflightSlots,
        span: Span,
        company: &Company,
    ) -> Option<InflightSlot> {
        let words = self.spans.len().div_ceil(super::BITS);
        let others = |word: usize, bits| bits & !company.0.get(word).copied().unwrap_or(0);
        let must_wait = slots
            .taken(words, others)
            .filter_map(|slot| self.spans.get(slot.index()))
            .any(|other| other.conflicts(&span));
        if must_wait {
            return None;
        }
        self.take(slots, span)
    }
}

#[kunit_tests(kvblade_rs_adjacent)]
mod tests {
    use super::*;
    use crate::ata::Extent;
    use crate::ata::Lba;
    use crate::block::Blocks;

    fn extent(first: u64, sectors: u32) -> Extent {
        Extent {
            first: Lba(first),
            sectors,
        }
    }

    #[test]
    fn changes_wait_for_all_of_their_blocks() -> Result {
        let blocks = Blocks::new(4096).ok_or(EINVAL)?;
        let write = |first, sectors| Span::writing(extent(first, sectors)).in_blocks(blocks);
        assert!(write(2, 8).asked() == Span::writing(extent(2, 8)));
        assert!(write(0, 8) == Span::writing(extent(0, 8)));
        assert!(write(1, 1) != write(2, 1));
        let (slots, mut spans) = (InflightSlots::new(), Spans::new()?);
        assert!(spans.claim(&slots, write(2, 8)).is_some());
        for first in [0, 1, 7, 10, 15] {
            assert!(spans.claim(&slots, write(first, 1)).is_none());
            assert!(spans
                .claim(&slots, Span::reading(extent(first, 1)))
                .is_none());
        }
        assert!(spans.claim(&slots, write(16, 1)).is_some());
        assert!(spans.claim(&slots, Span::reading(extent(24, 1))).is_some());
        Ok(())
    }

    #[test]
    fn who_goes_together_shares_blocks_with_none_else() -> Result {
        let blocks = Blocks::new(4096).ok_or(EINVAL)?;
        let write = |first, sectors| Span::writing(extent(first, sectors)).in_blocks(blocks);
        let (slots, mut spans) = (InflightSlots::new(), Spans::new()?);
        let mut company = Company::new();
        let one = spans.claim(&slots, write(0, 2)).ok_or(EINVAL)?;
        company.add(one);
        let other = spans
            .claim_adjacent(&slots, write(2, 2), &company)
            .ok_or(EINVAL)?;
        // It is none of them yet.
        assert!(spans
            .claim_adjacent(&slots, write(4, 2), &company)
            .is_none());
        company.add(other);
        let reader = spans
            .claim(&slots, Span::reading(extent(8, 1)))
            .ok_or(EINVAL)?;
        assert!(spans
            .claim_adjacent(&slots, write(4, 8), &company)
            .is_none());
        let _ = slots.release(reader);
        assert!(spans
            .claim_adjacent(&slots, write(4, 8), &company)
            .is_some());
        let _ = slots.release(one);
        assert!(spans.claim(&slots, write(0, 1)).is_none());
        Ok(())
    }
}
