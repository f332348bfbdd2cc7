// SPDX-License-Identifier: GPL-2.0

//! The 24 bytes that every AoE frame begins with, Ethernet header included: AoEr11 section 2.
//!
//! ```text
//!  0 Ethernet destination     6 Ethernet source     12 EtherType
//! 14 version, flags          15 error              16 shelf, slot
//! 19 command                 20 tag                24 argument, by command
//! ```

use super::address::Destination;
use super::address::Mac;
use super::address::ShelfSlot;
use super::error::AoeError;

/// The EtherType of AoE.
pub const ETHER_TYPE: u16 = 0x88a2;

/// The size of the header, and the offset of the argument.
pub const SIZE: usize = 24;

/// The protocol version that this target speaks.
pub const VERSION: u8 = 1;

/// Header flag: the frame is a response.
const RESPONSE: u8 = 0x08;

/// Header flag: the response carries an error.
const ERROR: u8 = 0x04;

/// The size of what [`is_mere_response`] looks at.
pub const FIRST_BYTES: usize = 6;

/// Whether a frame with these bytes behind its Ethernet header is a response by which no target tells of
/// itself. On a host that is an initiator too most frames are, and a target drops them first.
pub fn is_mere_response(first: [u8; FIRST_BYTES]) -> bool {
    let [flags, _, _, _, _, command] = first;
    flags & RESPONSE != 0 && Command::from_code(command) != Command::Config
}

/// What a request asks for, in the broadest terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Issue an ATA command.
    Ata,
    /// Query Config Information.
    Config,
    /// MAC Mask List.
    Mask,
    /// Reserve/Release.
    Reserve,
    /// A code that this target does not know.
    Unknown(u8),
}

impl Command {
    /// Makes a command of its code.
    pub const fn from_code(code: u8) -> Self {
        match code {
            0 => Self::Ata,
            1 => Self::Config,
            2 => Self::Mask,
            3 => Self::Reserve,
            code => Self::Unknown(code),
        }
    }

    /// The code on the wire.
    pub const fn code(self) -> u8 {
        match self {
            Self::Ata => 0,
            Self::Config => 1,
            Self::Mask => 2,
            Self::Reserve => 3,
            Self::Unknown(code) => code,
        }
    }
}

/// What the initiator recognises a response by. It means nothing to a target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tag(pub [u8; 4]);

/// The header of a frame that came in.
///
/// The error field and the reserved flags are not kept: in a request they mean nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Ethernet destination: a NIC of this host, or a group.
    pub dst: Mac,
    /// Ethernet source: the initiator.
    pub source: Mac,
    /// Protocol version.
    pub version: u8,
    /// Whether the frame is a response, which is never answered.
    pub is_response: bool,
    /// The target that the request is for.
    pub addr: Destination,
    /// The command.
    pub command: Command,
    /// The tag.
    pub tag: Tag,
}

impl Header {
    /// Parses the header of a frame. `frame` begins with the Ethernet header and may end
    /// anywhere.
    ///
    /// Returns [`None`] if this is no AoE frame or does not hold the header.
    pub fn parse(frame: &[u8]) -> Option<Self> {
        let frame: &[u8; SIZE] = frame.first_chunk()?;
        if u16::from_be_bytes([frame[12], frame[13]]) != ETHER_TYPE {
            return None;
        }
        Some(Self {
            dst: Mac::read(frame)?,
            source: Mac::read(&frame[6..])?,
            version: frame[14] >> 4,
            is_response: frame[14] & RESPONSE != 0,
            addr: Destination {
                shelf: u16::from_be_bytes([frame[16], frame[17]]),
                slot: frame[18],
            },
            command: Command::from_code(frame[19]),
            tag: Tag([frame[20], frame[21], frame[22], frame[23]]),
        })
    }

    /// The address in whose name this is a Query Config response. If it is one of ours, and no NIC
    /// of this host sent it, another target uses our address.
    pub fn claimed(&self) -> Option<ShelfSlot> {
        if self.is_response && self.command == Command::Config {
            self.addr.exact()
        } else {
            None
        }
    }

    /// The header of the answer of the target `address`, out of the NIC with the MAC `own`.
    pub const fn reply(&self, own: Mac, address: ShelfSlot) -> ReplyHeader {
        ReplyHeader {
            dst: self.source,
            source: own,
            error: None,
            address,
            command: self.command,
            tag: self.tag,
        }
    }
}

/// The header of a frame that goes out: a response, asked for or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplyHeader {
    /// Ethernet destination: the initiator.
    pub dst: Mac,
    /// Ethernet source: the NIC that the request came in on.
    pub source: Mac,
    /// The error, if the request is refused.
    pub error: Option<AoeError>,
    /// The target that answers.
    pub address: ShelfSlot,
    /// The command of the request.
    pub command: Command,
    /// The tag of the request.
    pub tag: Tag,
}

impl ReplyHeader {
    /// The header of an announcement: a Query Config response that nobody asked for.
    pub const fn announcement(to: Mac, own: Mac, address: ShelfSlot) -> Self {
        Self {
            dst: to,
            source: own,
            error: None,
            address,
            command: Command::Config,
            tag: Tag([0; 4]),
        }
    }

    /// The same, but refusing the request.
    pub const fn refusing(mut self, error: AoeError) -> Self {
        self.error = Some(error);
        self
    }

    /// The bytes on the wire.
    pub fn to_bytes(self) -> [u8; SIZE] {
        let (flags, error) = match self.error {
            None => (VERSION << 4 | RESPONSE, 0),
            Some(error) => (VERSION << 4 | RESPONSE | ERROR, error.code()),
        };
        frame(
            self.dst,
            self.source,
            [flags, error],
            self.address.to_bytes(),
            self.command,
            self.tag,
        )
    }
}

/// The header of a request that this host sends: a Query Config read to all, which asks who else
/// has the address, or the addresses.
pub(super) fn query(own: Mac, destination: Destination) -> [u8; SIZE] {
    frame(
        Mac::BROADCAST,
        own,
        [VERSION << 4, 0],
        destination.to_bytes(),
        Command::Config,
        Tag([0; 4]),
    )
}

fn frame(
    target: Mac,
    source: Mac,
    flags_and_error: [u8; 2],
    address: [u8; 3],
    command: Command,
    tag: Tag,
) -> [u8; SIZE] {
    // By pieces, since the compiler would move single bytes one by one.
    let mut bytes = [0; SIZE];
    bytes[..6].copy_from_slice(&target.0);
    bytes[6..12].copy_from_slice(&source.0);
    bytes[12..14].copy_from_slice(&ETHER_TYPE.to_be_bytes());
    bytes[14..16].copy_from_slice(&flags_and_error);
    bytes[16..19].copy_from_slice(&address);
    bytes[19] = command.code();
    bytes[20..].copy_from_slice(&tag.0);
    bytes
}
