// SPDX-License-Identifier: GPL-2.0

//! The backend: block devices, and reading, writing and flushing them by bios.
//!
//! A small safe interface over the C one. It knows nothing of AoE or of the network.

mod batch;
mod blocks;
mod disk;
mod io;
mod open;
mod pages;
mod pool;
mod reserve;
mod users;

pub(crate) use batch::Batch;
pub(crate) use batch::Owner;
pub(crate) use blocks::Blocks;
pub(crate) use disk::Disk;
pub(crate) use disk::DiskUse;
pub(crate) use io::Io;
pub(crate) use io::Part;
pub(crate) use io::Source;
pub(crate) use open::number_of;
pub(crate) use open::OpenError;
pub(crate) use open::OpenMode;
pub(crate) use pages::Pages;
pub(crate) use pages::Vectors;
pub(crate) use pool::PagePools;
pub(crate) use users::Stage;

/// Bytes in a sector, the unit of capacities and addresses here, whatever the device's blocks.
pub(crate) const SECTOR: usize = 512;
