// SPDX-License-Identifier: GPL-2.0

//! TRIM: its ranges are copied out of the frame once, before the request gets its turn. The copy tells
//! what the request touches, is checked, and is executed, a range at a time.

use kernel::prelude::*;

use super::order::Span;
use super::request::Batch;
use super::request::Progress;
use super::request::Request;
use super::stats::Counter;
use crate::aoe::ata_argument;
use crate::ata::trim;
use crate::ata::Capacity;
use crate::ata::Extent;
use crate::ata::Failure;
use crate::ata::Outcome;
use crate::ata::TrimList;
use crate::block::Owner;
use crate::block::SECTOR;
use crate::sync::SlabBox;

impl Request {
    /// Copies the ranges, in so many blocks, and returns what they span: from the first sector to the
    /// last. `None` if there is no sector, the frame has not so many ranges, or memory is short.
    pub(super) fn trim_span(&mut self, blocks: u8) -> Option<Span> {
        let bytes = usize::from(blocks).saturating_mul(SECTOR);
        self.io().load(ata_argument::END, bytes).ok()?;
        let whole = Capacity(u64::MAX);
        (0..self.trim_entries())
            .filter_map(|index| self.trim_range(index, whole).ok()?)
            .map(Span::writing)
            .reduce(Span::and)
    }

    /// Checks all ranges, before any is touched, and begins with the first. True if there is one.
    pub(super) fn begin_trim(self: SlabBox<Self>, capacity: Capacity, batch: &mut Batch) -> bool {
        let mut all = 0..self.trim_entries();
        match all.try_for_each(|index| self.trim_range(index, capacity).map(|_| ())) {
            Ok(()) if self.may_write() => return self.trim(0, batch),
            Ok(()) => self.refuse_command(Failure::Aborted),
            Err(Some(failure)) => self.refuse_command(failure),
            Err(None) => self.drop_with(Counter::DroppedMemory),
        }
        false
    }

    /// Ends it with what is wrong with a range; `None` if its copy is not there.
    fn end_trim(self: SlabBox<Self>, wrong: Option<Failure>) {
        match wrong {
            Some(failure) => self.end(Outcome::Failed(failure)),
            // Dropped: the initiator will ask again.
            None => self.drop_with(Counter::DroppedMemory),
        }
    }

    /// Discards the blocks within the first range from this index on that has any; the next follows
    /// when that has ended. True if there is one.
    pub(super) fn trim(mut self: SlabBox<Self>, index: usize, batch: &mut Batch) -> bool {
        if self.would_change_read_only() {
            self.end(Outcome::Failed(Failure::Aborted));
            return false;
        }
        // The disk may have another size than when all were checked.
        let capacity = Capacity(self.disk().capacity());
        let (index, extent) = match self.next_range(index, capacity) {
            Ok(Some(range)) => range,
            Ok(None) => {
                self.end(Outcome::Success);
                return false;
            }
            Err(wrong) => {
                self.end_trim(wrong);
                return false;
            }
        };
        // What is wrong with the next is found when it has its turn.
        let from = index.saturating_add(1);
        self.progress = match self.next_range(from, capacity) {
            Ok(None) => Progress::Last,
            Ok(Some((index, _))) => Progress::Trimming(index),
            Err(_) => Progress::Trimming(from),
        };
        self.io().discard(extent.first.0, extent.sectors);
        batch.add_alone(self);
        true
    }

    /// The blocks within the first range from this index on that has any, and its index; `None` if
    /// there is none.
    ///
    /// # Errors
    ///
    /// As for [`Request::trim_range`].
    fn next_range(
        &self,
        from: usize,
        capacity: Capacity,
    ) -> Result<Option<(usize, Extent)>, Option<Failure>> {
        for index in from..self.trim_entries() {
            let range = self.trim_range(index, capacity)?;
            if let Some(extent) = range.and_then(|range| self.blocks_within(range)) {
                return Ok(Some((index, extent)));
            }
        }
        Ok(None)
    }

    fn trim_entries(&self) -> usize {
        usize::from(self.argument().count).saturating_mul(SECTOR / trim::ENTRY)
    }

    /// The range at this index, if it is not empty.
    ///
    /// # Errors
    ///
    /// What is wrong with it; `None` if it could not be copied.
    fn trim_range(
        &self,
        index: usize,
        capacity: Capacity,
    ) -> Result<Option<Extent>, Option<Failure>> {
        let offset = index.saturating_mul(trim::ENTRY);
        let entry: [u8; trim::ENTRY] = self.loaded(offset).ok_or(None)?;
        TrimList::check(&entry, capacity)
            .map(|list| list.extents().next())
            .map_err(Some)
    }
}
