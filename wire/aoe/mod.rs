// SPDX-License-Identifier: GPL-2.0

//! ATA over Ethernet as it is on the wire: protocol version 1, specification AoEr11.
//!
//! Each file has one kind of frame or one rule, and the constants that belong to it. All offsets
//! count from the first byte of the Ethernet destination. Nothing here knows of the kernel: the
//! same files are compiled and tested on the host (`wire/`).
//!
//! Parsers take what an initiator sent and must survive any bytes, so nothing here indexes,
//! slices or computes in a way that can panic.

#![forbid(unsafe_code)]

pub mod address;
pub mod ata_argument;
pub mod config;
pub mod error;
pub mod header;
pub mod mac_list;
pub mod mask;
pub mod reserve;
pub mod size;

pub use address::AddressError;
pub use address::Destination;
pub use address::Mac;
pub use address::Shelf;
pub use address::ShelfSlot;
pub use address::Slot;
pub use ata_argument::AtaArgument;
pub use config::ConfigCommand;
pub use config::ConfigDecision;
pub use config::ConfigReply;
pub use config::ConfigRequest;
pub use config::ConfigString;
pub use error::AoeError;
pub use header::Command;
pub use header::Header;
pub use header::ReplyHeader;
pub use header::Tag;
pub use mac_list::MacList;
pub use mac_list::MacListError;
pub use mask::MaskOutcome;
pub use mask::MaskRequest;
pub use reserve::ReserveRequest;
pub use size::padding;
pub use size::sectors_for_mtu;
pub use size::sectors_for_reply;
pub use size::MIN_MTU;
