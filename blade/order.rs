// SPDX-License-Identifier: GPL-2.0

//! The order of requests that touch the same sectors.
//!
//! An initiator that gets no answer in time sends a request again, under a new tag, while the
//! target may still have the first copy. If a newer write to the same sectors could overtake the
//! older copy, the old data would win. So of two requests that overlap, unless both only read,
//! the later one waits until the earlier one has ended. Requests that do not overlap are not
//! held up.
//!
//! A disk with blocks of several sectors reads the rest of a block before it writes a part of it. So a
//! change waits for all that touches its blocks, and they for it.

use kernel::alloc::AllocError;
use kernel::prelude::*;
use kernel::sync::atomic::Atomic;
use kernel::sync::atomic::Full;

use crate::ata::Extent;
use crate::block::Blocks;
use crate::sync::Once;

mod adjacent;

pub(super) use adjacent::Company;

/// The sectors that a request touches, and how.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    start: u64,
    end: u64,
    exclusive: bool,
    /// Sectors that are not asked for, but are in the same blocks as those that are.
    before: u8,
    behind: u8,
}

impl Span {
    /// Reads these sectors.
    pub(super) fn reading(extent: Extent) -> Self {
        Self {
            start: extent.first.0,
            end: extent.first.0.saturating_add(extent.sectors.into()),
            exclusive: false,
            before: 0,
            behind: 0,
        }
    }

    /// Changes these sectors.
    pub(super) fn writing(extent: Extent) -> Self {
        Self {
            exclusive: true,
            ..Self::reading(extent)
        }
    }

    /// Waits for all changes.
    pub(super) const fn all_changes() -> Self {
        Self {
            start: 0,
            end: u64::MAX,
            exclusive: false,
            before: 0,
            behind: 0,
        }
    }

    /// Waits for everything.
    pub(super) const fn everything() -> Self {
        Self {
            exclusive: true,
            ..Self::all_changes()
        }
    }

    /// The first sector, or that of its block.
    pub(super) fn start(&self) -> u64 {
        self.start
    }

    /// The smallest span that has both.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            start: self.start.min(other.start),
            end: self.end.max(other.end),
            exclusive: self.exclusive || other.exclusive,
            before: 0,
            behind: 0,
        }
    }

    /// The blocks of a disk that have these sectors. What is asked for stays known, and tells two
    /// spans apart.
    pub(super) fn in_blocks(self, blocks: Blocks) -> Self {
        let (start, end) = (blocks.floor(self.start), blocks.ceil(self.end));
        Self {
            start,
            end,
            exclusive: self.exclusive,
            before: self.start.saturating_sub(start) as u8,
            behind: end.saturating_sub(self.end) as u8,
        }
    }

    /// What is asked for, without the rest of its blocks.
    pub(super) fn asked(self) -> Self {
        Self {
            start: self.start.saturating_add(self.before.into()),
            end: self.end.saturating_sub(self.behind.into()),
            exclusive: self.exclusive,
            before: 0,
            behind: 0,
        }
    }

    /// Whether it is changed what is there.
    pub(super) fn is_exclusive(&self) -> bool {
        self.exclusive
    }

    /// Whether the later of two requests waits for the end of the earlier.
    pub(super) fn conflicts(&self, other: &Self) -> bool {
        (self.exclusive || other.exclusive) && self.start < other.end && other.start < self.end
    }
}

/// Requests that a blade has at the same time, at most, all initiators together.
pub(super) const MAX_INFLIGHT: usize = WORDS * BITS;

/// Requests beyond those, at most: one for each, which repeats it, and some that are yet to be compared.
pub(super) const MAX_EXCESS: usize = MAX_INFLIGHT + BITS;

const WORDS: usize = 8;
const BITS: usize = 64;

/// The slots of requests in flight. The worker takes them; they are given back in any context.
pub(super) struct InflightSlots {
    taken: [Atomic<u64>; WORDS],
    /// Whether a request waits for another's end.
    awaited: Atomic<bool>,
}

/// The slot of a request in flight.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct InflightSlot {
    word: usize,
    bit: u32,
}

impl InflightSlot {
    const fn mask(self) -> u64 {
        1_u64.wrapping_shl(self.bit)
    }

    /// The number of the slot, less than [`MAX_INFLIGHT`].
    pub(super) const fn index(self) -> usize {
        self.word.wrapping_mul(BITS).wrapping_add(self.bit as usize)
    }
}

impl InflightSlots {
    /// Slots, all free.
    pub(super) fn new() -> Self {
        Self {
            taken: [const { Atomic::new(0) }; WORDS],
            awaited: Atomic::new(false),
        }
    }

    /// Gives a slot back. True if the worker is to look whom that lets go.
    pub(super) fn release(&self, slot: InflightSlot) -> bool {
        if let Some(word) = self.taken.get(slot.word) {
            // Fully ordered: it is seen free by a worker whose `await_release` is not seen here.
            let _ = word.fetch_sub(slot.mask(), Full);
        }
        self.awaited.read_once()
    }

    /// Tells whether somebody waits for requests to end. The worker looks at the slots once more
    /// after it has said so, for those given back before it was heard.
    pub(super) fn await_release(&self, awaited: bool) {
        let _ = self.awaited.xchg(awaited, Full);
    }

    /// The slots taken, in the words before `words` and of those only the ones that `filter`
    /// leaves of a word.
    fn taken<'a>(
        &'a self,
        words: usize,
        filter: impl Fn(usize, u64) -> u64 + 'a,
    ) -> impl Iterator<Item = InflightSlot> + 'a {
        // Counting as it goes, as `enumerate` does it, compiles to arithmetic that can panic.
        let all = (0..words).filter_map(|word| Some((word, self.taken.get(word)?)));
        all.flat_map(move |(word, bits)| {
            let mut left = filter(word, bits.read_acquire());
            core::iter::from_fn(move || {
                let bit = left.trailing_zeros();
                let slot = (left != 0).then_some(InflightSlot { word, bit });
                left &= left.wrapping_sub(1);
                slot
            })
        })
    }

    /// The slots taken; each is looked at once, at its own time.
    pub(super) fn all_taken(&self) -> impl Iterator<Item = InflightSlot> + '_ {
        self.taken(WORDS, |_, bits| bits)
    }

    /// Whether a slot is taken.
    pub(super) fn is_taken(&self, slot: InflightSlot) -> bool {
        let bits = self.taken.get(slot.word).map(|bits| bits.read_acquire());
        bits.is_some_and(|bits| bits & slot.mask() != 0)
    }

    fn free(&self) -> Option<InflightSlot> {
        self.taken.iter().enumerate().find_map(|(word, bits)| {
            let bit = bits.read_acquire().trailing_ones();
            (bit < u64::BITS).then_some(InflightSlot { word, bit })
        })
    }
}

/// The spans of requests in flight, which only the worker knows.
pub(super) struct Spans {
    /// By slot; there may be old ones at slots that are free.
    spans: KVec<Span>,
    /// Slots whose spans are exclusive: those that only read need not look at others.
    exclusive: [u64; WORDS],
}

impl Spans {
    /// None yet, with room for all that there may be.
    pub(super) fn new() -> Result<Self, AllocError> {
        Ok(Self {
            spans: KVec::with_capacity(MAX_INFLIGHT, GFP_KERNEL)?,
            exclusive: [0; WORDS],
        })
    }

    /// What the request at a slot touches.
    pub(super) fn at(&self, slot: InflightSlot) -> Option<&Span> {
        self.spans.get(slot.index())
    }

    /// Takes a slot for a request that may go ahead; `None` if it must wait for another that is
    /// in flight.
    pub(super) fn claim(&mut self, slots: &InflightSlots, span: Span) -> Option<InflightSlot> {
        // No slot behind these has ever been taken.
        let words = self.spans.len().div_ceil(BITS);
        let filter = |word: usize, bits| match self.exclusive.get(word) {
            Some(exclusive) if !span.exclusive => bits & exclusive,
            _ => bits,
        };
        let is_free = !slots
            .taken(words, filter)
            .filter_map(|slot| self.spans.get(slot.index()))
            .any(|other| other.conflicts(&span));
        if !is_free {
            return None;
        }
        self.take(slots, span)
    }

    /// Takes a slot for a request that may go ahead.
    #[inline]
    fn take(&mut self, slots: &InflightSlots, span: Span) -> Option<InflightSlot> {
        let slot = slots.free()?;
        match self.spans.get_mut(slot.index()) {
            Some(old) => *old = span,
            // The lowest free slot is the next new one, for which there is room.
            None => self.spans.push_within_capacity(span).ok()?,
        }
        let exclusive = self.exclusive.get_mut(slot.word)?;
        *exclusive = *exclusive & !slot.mask() | if span.exclusive { slot.mask() } else { 0 };
        let _ = slots.taken.get(slot.word)?.fetch_add(slot.mask(), Full);
        Some(slot)
    }
}

#[kunit_tests(kvblade_rs_order)]
mod tests {
    use super::*;
    use crate::ata::Lba;

    /// Numbers in no order, the same ones each time.
    struct Random(u64);

    impl Random {
        fn below(&mut self, limit: u64) -> u64 {
            self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            (self.0 >> 33) % limit
        }
    }

    fn extent(first: u64, sectors: u32) -> Extent {
        Extent {
            first: Lba(first),
            sectors,
        }
    }

    #[test]
    fn those_that_overlap_wait_unless_all_read() -> Result {
        let slots = InflightSlots::new();
        let mut spans = Spans::new()?;
        let reader = spans.claim(&slots, Span::reading(extent(0, 8)));
        assert!(reader.is_some());
        assert!(spans.claim(&slots, Span::reading(extent(4, 8))).is_some());
        assert!(spans.claim(&slots, Span::writing(extent(3, 1))).is_none());
        assert!(spans.claim(&slots, Span::writing(extent(12, 1))).is_some());
        assert!(spans.claim(&slots, Span::reading(extent(12, 1))).is_none());
        assert!(spans.claim(&slots, Span::all_changes()).is_none());
        let _ = slots.release(reader.ok_or(EINVAL)?);
        assert!(spans.claim(&slots, Span::writing(extent(3, 1))).is_some());
        Ok(())
    }

    #[test]
    fn the_worker_is_told_of_ends_while_some_wait() -> Result {
        let slots = InflightSlots::new();
        let mut spans = Spans::new()?;
        let one = spans.claim(&slots, Span::everything()).ok_or(EINVAL)?;
        slots.await_release(true);
        assert!(slots.release(one));
        let other = spans.claim(&slots, Span::everything()).ok_or(EINVAL)?;
        slots.await_release(false);
        assert!(!slots.release(other));
        Ok(())
    }

    /// Beside a plain list of what is in flight.
    #[test]
    fn just_those_wait_that_conflict_or_find_no_place() -> Result {
        let slots = InflightSlots::new();
        let mut spans = Spans::new()?;
        let mut in_flight: KVec<(InflightSlot, Span)> =
            KVec::with_capacity(MAX_INFLIGHT, GFP_KERNEL)?;
        let mut random = Random(1);
        let (mut refused, mut full) = (0, 0);
        for _ in 0..50_000 {
            if random.below(8) == 0 {
                // Some at once, so that there are few again.
                for _ in 0..random.below(15) {
                    let index = random.below(MAX_INFLIGHT as u64) as usize;
                    if let Ok((slot, _)) = in_flight.remove(index) {
                        let _ = slots.release(slot);
                    }
                }
            }
            let extent = extent(random.below(1 << 16), 1 + random.below(32) as u32);
            let span = match random.below(4) {
                0 => Span::writing(extent),
                _ => Span::reading(extent),
            };
            let conflicts = in_flight.iter().any(|(_, other)| other.conflicts(&span));
            let is_full = in_flight.len() == MAX_INFLIGHT;
            refused += i32::from(conflicts);
            full += i32::from(is_full);
            match spans.claim(&slots, span) {
                Some(slot) => {
                    assert!(!conflicts && !is_full);
                    assert!(in_flight
                        .iter()
                        .all(|(other, _)| other.index() != slot.index()));
                    in_flight
                        .push_within_capacity((slot, span))
                        .map_err(|_| EINVAL)?;
                }
                None => assert!(conflicts || is_full),
            }
        }
        assert!(refused > 1000 && full > 100);
        Ok(())
    }
}
