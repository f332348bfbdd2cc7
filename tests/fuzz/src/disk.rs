// SPDX-License-Identifier: GPL-2.0

//! A disk of any size in little memory.

use std::collections::BTreeMap;

/// The bytes of a sector.
pub const SECTOR: usize = 512;

/// A disk. It panics when somebody reaches past its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Disk {
    /// The number of sectors.
    pub capacity: u64,
    /// The sectors that are not zero.
    sectors: BTreeMap<u64, Vec<u8>>,
}

impl Disk {
    /// The sectors from `first` on.
    pub fn read(&self, first: u64, count: u32) -> Vec<u8> {
        self.check(first, count.into());
        (first..first + u64::from(count))
            .flat_map(|lba| match self.sectors.get(&lba) {
                Some(sector) => sector.clone(),
                None => vec![0; SECTOR],
            })
            .collect()
    }

    /// Writes whole sectors from `first` on.
    pub fn write(&mut self, first: u64, data: &[u8]) {
        assert_eq!(data.len() % SECTOR, 0, "a part of a sector");
        self.check(first, (data.len() / SECTOR) as u64);
        for (lba, sector) in (first..).zip(data.chunks(SECTOR)) {
            self.sectors.insert(lba, sector.to_vec());
        }
    }

    /// Makes sectors zero.
    pub fn discard(&mut self, first: u64, count: u32) {
        self.check(first, count.into());
        self.sectors
            .retain(|lba, _| *lba < first || *lba - first >= u64::from(count));
    }

    /// Checks that sectors are on the disk.
    pub fn check(&self, first: u64, count: u64) {
        let end = u128::from(first) + u128::from(count);
        assert!(end <= self.capacity.into(), "past the end: {first}+{count}");
    }
}
