// SPDX-License-Identifier: GPL-2.0

//! The data of DATA SET MANAGEMENT with TRIM: ranges of sectors whose contents are not needed.
//! ACS, "LBA Range Entry".

use super::lba::Capacity;
use super::lba::Extent;
use super::lba::Lba;
use super::registers::Failure;

/// The bytes of a range.
pub const ENTRY: usize = 8;

/// The ranges of a TRIM command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrimList<'a>(&'a [u8]);

impl<'a> TrimList<'a> {
    /// Takes the data of a command whose ranges are all within the device. `data` has the size
    /// that [`Task::Trim`](super::Task::Trim) tells.
    ///
    /// # Errors
    ///
    /// [`Failure`] if one is not.
    pub fn check(data: &'a [u8], capacity: Capacity) -> Result<Self, Failure> {
        let list = Self(data);
        for extent in list.extents() {
            capacity.check(extent).map_err(|_| Failure::Aborted)?;
        }
        Ok(list)
    }

    /// The ranges, in order, without those that are empty.
    pub fn extents(self) -> impl Iterator<Item = Extent> + 'a {
        self.0.chunks_exact(ENTRY).filter_map(|entry| {
            let [a, b, c, d, e, f, low, high]: [u8; ENTRY] = *entry.first_chunk()?;
            match u16::from_le_bytes([low, high]) {
                0 => None,
                sectors => Some(Extent {
                    first: Lba(u64::from_le_bytes([a, b, c, d, e, f, 0, 0])),
                    sectors: sectors.into(),
                }),
            }
        })
    }
}
