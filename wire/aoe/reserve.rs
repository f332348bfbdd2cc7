// SPDX-License-Identifier: GPL-2.0

//! Command 3, Reserve/Release: which initiators may use the target's ATA device. AoEr11 section
//! 3.4.

use super::address::Mac;
use super::error::AoeError;
use super::header;
use super::mac_list;
use super::mac_list::MacList;

/// Where the fixed part ends and the addresses begin.
pub const END: usize = header::SIZE + SIZE;

/// The size of the fixed part.
pub const SIZE: usize = 2;

/// The size of an address.
const MAC: usize = 6;

const READ: u8 = 0;
const SET: u8 = 1;
const FORCE_SET: u8 = 2;

/// A Reserve/Release request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReserveRequest<'a> {
    /// What to do: 0 read, 1 set, 2 force set.
    pub command: u8,
    /// The addresses, six bytes each, or [`None`] if there are too many or they go past the end of
    /// the frame.
    macs: Option<&'a [u8]>,
}

impl<'a> ReserveRequest<'a> {
    /// Parses a request. `frame` begins with the Ethernet header and holds all of the frame.
    ///
    /// Returns [`None`] if the frame does not hold the fixed part.
    pub fn parse(frame: &'a [u8]) -> Option<Self> {
        let (fixed, rest) = frame.split_at_checked(END)?;
        let [command, count]: [u8; SIZE] = *fixed.last_chunk()?;
        let count = usize::from(count);
        let length = count.checked_mul(MAC)?;
        Some(Self {
            command,
            macs: rest.get(..length).filter(|_| count <= mac_list::CAPACITY),
        })
    }

    /// Whether the request changes nothing.
    pub const fn is_read(&self) -> bool {
        self.command == READ
    }

    /// Does what the request of `source` asks for. The response lists the addresses that hold the
    /// reservation after it, also if there is an error.
    ///
    /// # Errors
    ///
    /// [`AoeError`], with the reservation unchanged.
    pub fn apply(&self, list: &mut MacList, source: Mac) -> Result<(), AoeError> {
        match (self.command, self.macs) {
            (READ, _) => Ok(()),
            (SET, Some(_)) if list.excludes(source) => Err(AoeError::TargetReserved),
            (SET | FORCE_SET, Some(macs)) => replace(list, macs),
            _ => Err(AoeError::BadArgument),
        }
    }

    /// The fixed part of the response, where `list` is the reservation after the request.
    pub const fn reply(&self, list: &MacList) -> [u8; SIZE] {
        [self.command, list.length()]
    }
}

fn replace(list: &mut MacList, macs: &[u8]) -> Result<(), AoeError> {
    list.clear();
    for mac in macs.chunks_exact(MAC).filter_map(Mac::read) {
        // Cannot fail: there are no more of them than a list has room for.
        list.add(mac).map_err(|_| AoeError::BadArgument)?;
    }
    Ok(())
}
