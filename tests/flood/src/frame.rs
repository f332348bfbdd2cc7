// SPDX-License-Identifier: GPL-2.0

//! What both sides know of a frame: who is who, and what its tag says about it.

use kvblade_fuzz::{BROADCAST, OWN, SHELF, SLOT};

/// The EtherType of AoE.
pub const AOE: u16 = 0x88a2;
/// The bytes of a header.
pub const HEADER: usize = 24;
/// The bytes before an ATA command's data.
pub const ATA: usize = 36;
/// The shelf and slot that hostile frames are for, as in a frame.
pub const TARGET: [u8; 3] = [(SHELF >> 8) as u8, SHELF as u8, SLOT];
/// The shelf and slot of the disk with a well-behaved client.
pub const GOOD: [u8; 3] = [0, 9, 9];
/// That client.
pub const CLIENT: [u8; 6] = [0x02, 0, 0, 0, 0, 0x2a];

/// What may be answered to a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Commands 0 to 3, and those that do not exist.
    Command(u8),
    /// Data of so many sectors.
    Read,
    /// Data of one sector.
    Identify,
    /// A request of the well-behaved client.
    Good,
    /// Nothing.
    Silence,
}

impl Kind {
    /// The kind of a frame, which has a header.
    fn of(frame: &[u8]) -> Self {
        let shortest = match frame[19] {
            0 => ATA,
            1 => 32,
            2 => 28,
            3 => 26,
            _ => HEADER,
        };
        let is_own = frame[..6] == OWN || frame[..6] == BROADCAST;
        let is_usable = frame[6] & 1 == 0 && frame[6..12] != OWN;
        let is_request = frame[12..14] == AOE.to_be_bytes() && frame[14] & 8 == 0;
        let is_short = frame.len() < shortest && frame[14] >> 4 == 1;
        let matches = |address: [u8; 3]| {
            (frame[16..18] == address[..2] || frame[16..18] == [0xff; 2])
                && (frame[18] == address[2] || frame[18] == 0xff)
        };
        if !(is_own && is_usable && is_request && (matches(TARGET) || matches(GOOD))) || is_short {
            return Self::Silence;
        }
        match (frame[19], frame.get(27)) {
            (0, Some(0x20 | 0x24 | 0x25 | 0xc8)) => Self::Read,
            (0, Some(0xec)) => Self::Identify,
            (command, _) => Self::Command(command.min(4)),
        }
    }

    fn encode(self) -> u8 {
        match self {
            Self::Command(command) => command,
            Self::Read => 5,
            Self::Identify => 6,
            Self::Good => 7,
            Self::Silence => 15,
        }
    }
}

/// A tag: the kind of the frame, who sent it, which of his frames it is, its sectors.
///
/// ```text
/// KIND(4) SENDER(2) NUMBER(18) SECTORS(8)
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag {
    /// What may be answered.
    pub kind: Kind,
    /// The thread that sent it.
    pub sender: u8,
    /// Its number among those of the sender.
    pub number: u32,
    /// The sectors that are asked for.
    pub sectors: u8,
}

/// The senders that a tag has room for.
pub const SENDERS: u8 = 4;
/// The frames of one sender that a tag has room for.
pub const NUMBERS: u32 = 1 << 18;

impl Tag {
    /// The tag of a frame, as its sender numbers it.
    pub fn of(frame: &[u8], sender: u8, number: u32) -> Self {
        Self {
            kind: Kind::of(frame),
            sender,
            number,
            sectors: frame.get(26).copied().unwrap_or_default(),
        }
    }

    /// The tag in a frame.
    pub fn in_frame(frame: &[u8]) -> Self {
        let tag = u32::from_be_bytes([frame[20], frame[21], frame[22], frame[23]]);
        Self {
            kind: match tag >> 28 {
                5 => Kind::Read,
                6 => Kind::Identify,
                7 => Kind::Good,
                15 => Kind::Silence,
                command => Kind::Command(command as u8),
            },
            sender: (tag >> 26 & 3) as u8,
            number: tag >> 8 & (NUMBERS - 1),
            sectors: tag as u8,
        }
    }

    /// The four bytes.
    pub fn bytes(self) -> [u8; 4] {
        let kind = u32::from(self.kind.encode()) << 28;
        let sender = u32::from(self.sender) << 26;
        let number = (self.number % NUMBERS) << 8;
        (kind | sender | number | u32::from(self.sectors)).to_be_bytes()
    }
}
