// SPDX-License-Identifier: GPL-2.0

//! The ATA device that a target shows: which commands it has, what they need to be allowed, and
//! what it says of itself. ATA/ATAPI Command Set (ACS), restricted to what AoE carries.
//!
//! Nothing here does I/O or knows of the kernel: the same files are compiled and tested on the
//! host (`wire/`). The way of a command is [`Asked::parse`], [`Operation::prepare`], then the I/O
//! by whoever has the device, then [`Outcome::answer`].

#![forbid(unsafe_code)]

pub mod admission;
pub mod asked;
pub mod command;
pub mod identify;
pub mod lba;
pub mod registers;
pub mod scope;
pub mod text;
pub mod transfer;
pub mod trim;

pub use asked::Asked;
pub use command::opcode;
pub use command::Effect;
pub use command::Operation;
pub use command::Task;
pub use identify::Identity;
pub use identify::PhysicalSector;
pub use identify::Rotation;
pub use identify::TrimSupport;
pub use identify::Wwn;
pub use lba::Capacity;
pub use lba::Extent;
pub use lba::Lba;
pub use lba::Width;
pub use registers::Failure;
pub use registers::Outcome;
pub use text::check as check_text;
pub use text::Text;
pub use text::TextError;
pub use transfer::Conditions;
pub use trim::TrimList;
