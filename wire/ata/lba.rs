// SPDX-License-Identifier: GPL-2.0

//! Where data is: addresses and ranges of 512-byte sectors, and the registers that say them.

use crate::aoe::size;
use crate::aoe::AtaArgument;

/// The highest LBA of 28 bits.
const MAX_28: u64 = (1 << 28) - 1;

/// The highest LBA of 48 bits.
const MAX_48: u64 = (1 << 48) - 1;

/// How many bits of LBA an opcode has. The opcode alone decides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// 28 bits: four registers, of which the fourth has device bits in its upper half.
    Lba28,
    /// 48 bits: six registers.
    Lba48,
}

impl Width {
    /// The sectors that count 0 stands for.
    pub const fn sectors_for_zero(self) -> u32 {
        match self {
            Self::Lba28 => 256,
            Self::Lba48 => 65536,
        }
    }
}

/// The address of a sector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lba(pub u64);

impl Lba {
    /// Reads the address in the registers of a command.
    pub const fn read(argument: &AtaArgument, width: Width) -> Self {
        let [a, b, c, d, e, f] = argument.lba;
        let bytes = match width {
            Width::Lba28 => [a, b, c, d & 0x0f, 0, 0, 0, 0],
            Width::Lba48 => [a, b, c, d, e, f, 0, 0],
        };
        Self(u64::from_le_bytes(bytes))
    }

    /// The registers of a result that hold this address instead of that in `registers`.
    ///
    /// An address that does not fit becomes the highest that does.
    pub fn write(self, registers: [u8; 6], width: Width) -> [u8; 6] {
        let [_, _, _, device, fifth, sixth] = registers;
        match width {
            Width::Lba28 => {
                let [a, b, c, d, ..] = self.0.min(MAX_28).to_le_bytes();
                [a, b, c, device & 0xf0 | d, fifth, sixth]
            }
            Width::Lba48 => {
                let [a, b, c, d, e, f, ..] = self.0.min(MAX_48).to_le_bytes();
                [a, b, c, d, e, f]
            }
        }
    }
}

/// The size of a device in sectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Capacity(pub u64);

impl Capacity {
    /// Checks that a range is within the device.
    ///
    /// # Errors
    ///
    /// The first sector of the range that is not.
    pub const fn check(self, extent: Extent) -> Result<(), Lba> {
        match extent.first.0.checked_add(extent.sectors as u64) {
            Some(end) if end <= self.0 => Ok(()),
            _ if extent.first.0 >= self.0 => Err(extent.first),
            _ => Err(Lba(self.0)),
        }
    }
}

/// A range of sectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The first sector.
    pub first: Lba,
    /// The number of sectors: 1 to 65536 where it comes from a command.
    pub sectors: u32,
}

impl Extent {
    /// The number of bytes: at most 32 MiB where it comes from a command.
    pub const fn bytes(self) -> u64 {
        // Cannot saturate: the factors have 32 and 10 bits.
        (self.sectors as u64).saturating_mul(size::SECTOR as u64)
    }
}
