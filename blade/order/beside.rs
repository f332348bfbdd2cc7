// SPDX-License-Identifier: GPL-2.0

//! Places for writes of parts of blocks that go to the disk together: they share blocks, and have them
//! to themselves until the last of them has ended.

use kernel::prelude::*;

use super::Place;
use super::Places;
use super::Span;
use super::Spans;
use super::WORDS;

/// Some of the places.
pub(in crate::blade) struct Company([u64; WORDS]);

impl Company {
    /// No places.
    pub(in crate::blade) const fn new() -> Self {
        Self([0; WORDS])
    }

    /// One place more.
    pub(in crate::blade) fn add(&mut self, place: Place) {
        if let Some(word) = self.0.get_mut(place.word) {
            *word |= place.mask();
        }
    }
}

impl Spans {
    /// Takes a place for a change that goes to the disk together with those of `company`, so that it
    /// need not wait for them: as [`Spans::claim`] otherwise.
    pub(in crate::blade) fn claim_beside(
        &mut self,
        places: &Places,
        span: Span,
        company: &Company,
    ) -> Option<Place> {
        let words = self.spans.len().div_ceil(super::BITS);
        let others = |word: usize, bits| bits & !company.0.get(word).copied().unwrap_or(0);
        let must_wait = places
            .taken(words, others)
            .filter_map(|place| self.spans.get(place.index()))
            .any(|other| other.conflicts(&span));
        if must_wait {
            return None;
        }
        self.take(places, span)
    }
}

#[kunit_tests(kvblade_rs_beside)]
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
        let (places, mut spans) = (Places::new(), Spans::new()?);
        assert!(spans.claim(&places, write(2, 8)).is_some());
        for first in [0, 1, 7, 10, 15] {
            assert!(spans.claim(&places, write(first, 1)).is_none());
            assert!(spans
                .claim(&places, Span::reading(extent(first, 1)))
                .is_none());
        }
        assert!(spans.claim(&places, write(16, 1)).is_some());
        assert!(spans.claim(&places, Span::reading(extent(24, 1))).is_some());
        Ok(())
    }

    #[test]
    fn who_goes_together_shares_blocks_with_none_else() -> Result {
        let blocks = Blocks::new(4096).ok_or(EINVAL)?;
        let write = |first, sectors| Span::writing(extent(first, sectors)).in_blocks(blocks);
        let (places, mut spans) = (Places::new(), Spans::new()?);
        let mut company = Company::new();
        let one = spans.claim(&places, write(0, 2)).ok_or(EINVAL)?;
        company.add(one);
        let other = spans
            .claim_beside(&places, write(2, 2), &company)
            .ok_or(EINVAL)?;
        // It is none of them yet.
        assert!(spans.claim_beside(&places, write(4, 2), &company).is_none());
        company.add(other);
        let reader = spans
            .claim(&places, Span::reading(extent(8, 1)))
            .ok_or(EINVAL)?;
        assert!(spans.claim_beside(&places, write(4, 8), &company).is_none());
        let _ = places.release(reader);
        assert!(spans.claim_beside(&places, write(4, 8), &company).is_some());
        let _ = places.release(one);
        assert!(spans.claim(&places, write(0, 1)).is_none());
        Ok(())
    }
}
