// SPDX-License-Identifier: GPL-2.0

//! Operations on disks whose blocks are larger than a sector: reads of what is asked with the rest of
//! its blocks around it, and writes of parts of blocks. Such a write has room for whole blocks, into
//! which it reads what is to stay, puts what is new, and from where it writes all of it.

use kernel::alloc::AllocError;
use kernel::prelude::*;

use super::Io;
use super::Source;
use super::VectorCount;
use crate::bindings;
use crate::block::SECTOR;

/// What is read of the room for a write.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// All.
    All,
    /// The first block.
    First,
    /// The last block, which is another.
    Last,
}

impl<S: Source> Io<S> {
    /// Makes it a read of the blocks that have these sectors: see [`Io::read`].
    ///
    /// # Errors
    ///
    /// As there.
    pub(super) fn read_blocks(
        &mut self,
        sector: u64,
        sectors: usize,
        may_wait: bool,
    ) -> Result<(), AllocError> {
        let blocks = self.disk.blocks();
        let end = sector.saturating_add(sectors as u64);
        self.sector = blocks.floor(sector);
        let sectors = blocks.ceil(end).saturating_sub(self.sector);
        let len = (sectors as usize).checked_mul(SECTOR).ok_or(AllocError)?;
        self.pages
            .take_whole(self.disk.pools(), self.disk.reserve(), len, may_wait)?;
        self.bytes = self.pages.len();
        Ok(())
    }

    /// Leaves, of the blocks that were read, the sectors that are asked for.
    pub(crate) fn cut(&mut self, sector: u64, sectors: u32) {
        let start = sector.saturating_sub(self.sector) as u32;
        self.pages.cut(
            start.saturating_mul(SECTOR as u32),
            sectors.saturating_mul(SECTOR as u32),
        );
    }

    /// Makes room for so many sectors, which are whole blocks, or for more than there is room for.
    ///
    /// # Errors
    ///
    /// `AllocError` when memory is short or so much is never had; then nothing has changed.
    pub(crate) fn make_room(&mut self, sectors: u64, may_wait: bool) -> Result<(), AllocError> {
        let len = (sectors as usize).checked_mul(SECTOR).ok_or(AllocError)?;
        self.pages
            .extend(self.disk.pools(), self.disk.reserve(), len, may_wait)
    }

    /// Gives the room back. In process context.
    pub(crate) fn drop_room(&mut self) {
        self.pages.clear();
    }

    /// The blocks of the room.
    pub(crate) fn room(&self) -> u32 {
        let bytes = self.disk.blocks().bytes();
        self.pages.len().checked_div(bytes).unwrap_or(0)
    }

    /// Makes it a read of a part of the room, whose first sector is `first`; when that has ended
    /// [`Io::end_part`] is due. The block layer joins it with no other: if a neighbour could not be read
    /// this would fail too, and with it a write of a good block.
    pub(crate) fn read_part(&mut self, first: u64, part: Part) {
        self.operation = bindings::KV_READ | bindings::KV_ALONE;
        let block = self.disk.blocks().bytes();
        let one = VectorCount {
            vectors: 1,
            bytes: block,
        };
        let mut ahead = 0;
        // INVARIANT: They are vectors of its own, from the first on.
        self.all = match part {
            Part::All => self.whole_room(),
            Part::First => {
                self.pages.begin_with_first(block);
                one
            }
            Part::Last => {
                self.pages.begin_with_last(block);
                ahead = u64::from(self.pages.len().saturating_sub(block)) / SECTOR as u64;
                one
            }
        };
        self.sector = first.saturating_add(ahead);
        self.bytes = self.all.bytes;
    }

    /// A part has been read.
    pub(crate) fn end_part(&mut self, part: Part) {
        match part {
            Part::All => {}
            Part::First => self.pages.end_with_first(),
            Part::Last => self.pages.end_with_last(),
        }
    }

    /// Puts `len` bytes of the data that came with this, or with `other`, from `offset` on, `at` so many
    /// bytes of the room.
    ///
    /// # Errors
    ///
    /// If there is not so much data.
    pub(crate) fn put_in_room(
        &mut self,
        other: Option<&Self>,
        offset: usize,
        at: usize,
        len: usize,
    ) -> Result {
        let Self { pages, source, .. } = self;
        let source = other.map_or(source.as_ref(), |other| other.source.as_ref());
        let source = source.ok_or(EFAULT)?;
        pages.fill_part(at, len, |done, memory| {
            source.copy(offset.checked_add(done).ok_or(EFAULT)?, memory)
        })
    }

    /// Makes it a write of the whole room, all of which has been read or put there: see
    /// [`Io::write`]. It goes to the disk by itself, as the reading before.
    pub(crate) fn write_room(&mut self, first: u64, durable: bool) {
        self.operation = if durable {
            bindings::KV_WRITE_DURABLE
        } else {
            bindings::KV_WRITE
        };
        self.keep_alone();
        self.sector = first;
        // INVARIANT: They are its own vectors.
        self.all = self.whole_room();
        self.bytes = self.all.bytes;
    }

    fn whole_room(&self) -> VectorCount {
        VectorCount {
            vectors: self.pages.count(),
            bytes: self.pages.len(),
        }
    }
}
