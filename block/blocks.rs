// SPDX-License-Identifier: GPL-2.0

//! The blocks of a disk: the least that it reads or writes. Initiators know sectors only.

use kernel::page::PAGE_SIZE;
use kernel::prelude::*;

use super::SECTOR;

/// Blocks of a power of two of sectors, up to a page, which begin with sector 0.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Blocks {
    /// The sectors of one, less one.
    mask: u64,
}

impl Blocks {
    /// Blocks of one sector.
    pub(crate) const SECTORS: Self = Self { mask: 0 };

    /// Blocks of so many bytes; `None` if they cannot be served.
    pub(crate) fn new(bytes: u32) -> Option<Self> {
        let bytes = bytes as usize;
        let are_served = bytes.is_power_of_two() && (SECTOR..=PAGE_SIZE).contains(&bytes);
        let mask = ((bytes / SECTOR) as u64).checked_sub(1)?;
        are_served.then_some(Self { mask })
    }

    /// Bytes of one.
    pub(crate) fn bytes(self) -> u32 {
        (self.mask as u32)
            .saturating_add(1)
            .saturating_mul(SECTOR as u32)
    }

    /// Whether a block is a sector.
    #[inline]
    pub(crate) fn are_sectors(self) -> bool {
        self.mask == 0
    }

    /// Sectors of a block beside one of them.
    #[inline]
    pub(crate) fn others(self) -> u32 {
        self.mask as u32
    }

    /// Where the block begins that has this sector.
    #[inline]
    pub(crate) fn floor(self, sector: u64) -> u64 {
        sector & !self.mask
    }

    /// The first beginning of a block from this sector on.
    #[inline]
    pub(crate) fn ceil(self, sector: u64) -> u64 {
        sector.saturating_add(self.mask) & !self.mask
    }

    /// Whether a block begins with this sector.
    #[inline]
    pub(crate) fn begin_at(self, sector: u64) -> bool {
        sector & self.mask == 0
    }

    /// Whether so many sectors from `first` on are whole blocks.
    #[inline]
    pub(crate) fn are_whole(self, first: u64, sectors: u32) -> bool {
        self.begin_at(first | u64::from(sectors))
    }
}

#[kunit_tests(kvblade_rs_blocks)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_two_up_to_a_page_are_served() {
        for bytes in [0, 1, 256, 511, 513, 520, 3072, 4104, 2 * PAGE_SIZE as u32] {
            assert!(Blocks::new(bytes).is_none());
        }
        for bytes in [512, 1024, 2048, PAGE_SIZE as u32] {
            let blocks = Blocks::new(bytes);
            let others = bytes / SECTOR as u32 - 1;
            assert!(blocks.is_some_and(|blocks| blocks.others() == others));
            assert!(blocks.is_some_and(|blocks| blocks.are_sectors() == (bytes == 512)));
        }
    }

    #[test]
    fn sectors_are_widened_to_blocks() -> Result {
        let blocks = Blocks::new(4096).ok_or(EINVAL)?;
        for (sector, floor, ceil) in [(0, 0, 0), (1, 0, 8), (7, 0, 8), (8, 8, 8), (9, 8, 16)] {
            assert!(blocks.floor(sector) == floor && blocks.ceil(sector) == ceil);
        }
        assert!(blocks.are_whole(8, 16));
        assert!(!blocks.are_whole(8, 17) && !blocks.are_whole(9, 16) && !blocks.are_whole(4, 4));
        assert!(Blocks::SECTORS.are_whole(3, 5));
        assert!(blocks.floor(u64::MAX) == u64::MAX - 7 && blocks.ceil(u64::MAX) == u64::MAX - 7);
        Ok(())
    }
}
