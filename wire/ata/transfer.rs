// SPDX-License-Identifier: GPL-2.0

//! The commands that name sectors, and the checks before any of them is touched.
//!
//! The order of the checks decides which error a command that is wrong in several ways gets: the
//! write flag, the count, the size of the frame, the range, the write protection.

use super::lba::Capacity;
use super::lba::Extent;
use super::lba::Lba;
use super::lba::Width;
use super::registers::Failure;
use crate::aoe::size;
use crate::aoe::AtaArgument;

/// What a command is checked against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conditions {
    /// The size of the device.
    pub capacity: Capacity,
    /// The most sectors that the answer can carry, by
    /// [`sectors_for_reply`](crate::aoe::sectors_for_reply).
    pub reply_sectors: u32,
    /// The bytes of the frame after the fixed part.
    pub payload: usize,
    /// Whether the device is read-only.
    pub read_only: bool,
    /// Whether the device has TRIM.
    pub trim: bool,
}

/// The sectors of a READ, WRITE or READ VERIFY, not yet checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// The first sector.
    pub first: Lba,
    /// The count register: 0 has a meaning of its own.
    pub count: u8,
    /// How the sectors are named.
    pub width: Width,
    /// Whether the frame says that data goes to the device.
    pub is_write: bool,
}

impl Transfer {
    /// Reads the registers of a command that has LBAs of this width.
    pub const fn read(argument: &AtaArgument, width: Width) -> Self {
        Self {
            first: Lba::read(argument, width),
            count: argument.count,
            width,
            is_write: argument.is_write(),
        }
    }

    /// Checks a READ.
    ///
    /// # Errors
    ///
    /// [`Failure`], which is the answer.
    pub fn check_read(&self, conditions: &Conditions) -> Result<Extent, Failure> {
        if self.is_write || self.count == 0 || u32::from(self.count) > conditions.reply_sectors {
            return Err(Failure::Aborted);
        }
        self.within(conditions.capacity)
    }

    /// Checks a WRITE.
    ///
    /// # Errors
    ///
    /// [`Failure`], which is the answer.
    pub fn check_write(&self, conditions: &Conditions) -> Result<Extent, Failure> {
        if !self.is_write || self.count == 0 || blocks_bytes(self.count) > conditions.payload {
            return Err(Failure::Aborted);
        }
        let extent = self.within(conditions.capacity)?;
        if conditions.read_only {
            return Err(Failure::Aborted);
        }
        Ok(extent)
    }

    /// Checks a READ VERIFY, which moves no data through the frame.
    ///
    /// # Errors
    ///
    /// [`Failure`], which is the answer.
    pub fn check_verify(&self, conditions: &Conditions) -> Result<Extent, Failure> {
        self.within(conditions.capacity)
    }

    /// The answer if the medium cannot give back the sector `bad`, or some sector if it is not
    /// known which.
    pub fn uncorrectable(&self, bad: Option<Lba>) -> Failure {
        Failure::Uncorrectable {
            first_bad: bad.unwrap_or(self.first),
            width: self.width,
        }
    }

    /// The sectors that the registers name, not yet checked.
    pub const fn extent(&self) -> Extent {
        Extent {
            first: self.first,
            sectors: match self.count {
                0 => self.width.sectors_for_zero(),
                count => count as u32,
            },
        }
    }

    fn within(&self, capacity: Capacity) -> Result<Extent, Failure> {
        let extent = self.extent();
        match capacity.check(extent) {
            Ok(()) => Ok(extent),
            Err(first_bad) => Err(Failure::NotFound {
                first_bad,
                width: self.width,
            }),
        }
    }
}

/// The bytes that a count of 512-byte blocks takes up.
pub(super) const fn blocks_bytes(count: u8) -> usize {
    // Cannot saturate: 255 blocks are 130560 bytes.
    (count as usize).saturating_mul(size::SECTOR as usize)
}
