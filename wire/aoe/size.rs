// SPDX-License-Identifier: GPL-2.0

//! Sizes: how many sectors a frame carries at an MTU, and the padding of short frames.
//!
//! An MTU counts the bytes after the 14 bytes of the Ethernet header.

use super::ata_argument;

/// Bytes of a sector on the wire, whatever the device has.
pub const SECTOR: u32 = 512;

/// The smallest MTU that carries two sectors by [`ADVERTISED_OVERHEAD`]. With less, a config
/// string does not fit either, and some initiators always use two sectors.
pub const MIN_MTU: u32 = ADVERTISED_OVERHEAD + 2 * SECTOR;

/// The smallest frame that Ethernet carries, without its checksum. Virtual links carry shorter
/// ones, but common tools discard them.
pub const MIN_FRAME: usize = 60;

/// What initiators expect to be taken off the MTU: it is more than needed.
const ADVERTISED_OVERHEAD: u32 = 36;

/// The size of the Ethernet header.
const ETHERNET: u32 = 14;

/// What is really taken off the MTU.
const OVERHEAD: u32 = ata_argument::END as u32 - ETHERNET;

/// The number of sectors per request to advertise at an MTU, 2 to 255, for a disk with physical
/// blocks of `block` sectors: whole blocks where one fits. Initiators cut long requests into frames
/// of so many sectors, and a disk must read a block before it writes a part of it.
///
/// Returns [`None`] if the MTU is too small for AoE.
pub fn sectors_for_mtu(mtu: u32, block: u32) -> Option<u8> {
    if mtu < MIN_MTU {
        return None;
    }
    let most = (mtu.checked_sub(ADVERTISED_OVERHEAD)? / SECTOR).min(u8::MAX.into());
    let rest = most.checked_rem(block).filter(|rest| *rest < most);
    most.checked_sub(rest.unwrap_or(0))?.try_into().ok()
}

/// The most sectors that a response can carry at an MTU. It may be one more than advertised.
pub const fn sectors_for_reply(mtu: u32) -> u32 {
    mtu.saturating_sub(OVERHEAD) / SECTOR
}

/// The number of zero bytes to send after a frame of `length` bytes.
pub const fn padding(length: usize) -> usize {
    MIN_FRAME.saturating_sub(length)
}
