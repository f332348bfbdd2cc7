// SPDX-License-Identifier: GPL-2.0

//! The argument of command 0, Issue ATA Command: the registers of the command, or of its result.
//! AoEr11 section 3.1.

use super::header;

/// Where the argument ends and the data begins.
pub const END: usize = header::SIZE + SIZE;

/// The size of the argument.
pub const SIZE: usize = 12;

/// Flag: data goes to the device. The other flags mean nothing to this target: a write is always
/// durable when it is answered, and the opcode alone decides how many bits the LBA has.
const WRITE: u8 = 0x01;

/// The registers of an ATA command, or of its result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AtaArgument {
    /// The flags, as they came.
    pub flags: u8,
    /// Features of a command, error register of a result.
    pub feature: u8,
    /// Sector count.
    pub count: u8,
    /// Opcode of a command, status register of a result.
    pub command: u8,
    /// LBA registers, lowest first. With 28 bits, bits 27:24 are the low half of `lba[3]`.
    pub lba: [u8; 6],
}

impl AtaArgument {
    /// Parses the argument of a frame, which begins with the Ethernet header.
    ///
    /// Returns [`None`] if the frame does not hold the fixed part.
    pub fn parse(frame: &[u8]) -> Option<Self> {
        let (_, argument) = frame.split_at_checked(header::SIZE)?;
        let argument: &[u8; SIZE] = argument.first_chunk()?;
        let [flags, feature, count, command, lba @ .., _, _] = *argument;
        Some(Self {
            flags,
            feature,
            count,
            command,
            lba,
        })
    }

    /// The bytes on the wire.
    pub fn to_bytes(self) -> [u8; SIZE] {
        let mut bytes = [0; SIZE];
        bytes[..4].copy_from_slice(&[self.flags, self.feature, self.count, self.command]);
        bytes[4..10].copy_from_slice(&self.lba);
        bytes
    }

    /// All but the LBA, as one number.
    pub const fn registers(&self) -> u32 {
        u32::from_be_bytes([self.flags, self.feature, self.count, self.command])
    }

    /// Whether the frame says that data goes to the device.
    pub const fn is_write(&self) -> bool {
        self.flags & WRITE != 0
    }
}
