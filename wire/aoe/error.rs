// SPDX-License-Identifier: GPL-2.0

//! Error codes of the AoE header: AoEr11 section 2.4.
//!
//! An ATA command that fails is no AoE error: it is answered by its ATA registers.

/// Why a request is refused, as the header says it. The value is the code on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum AoeError {
    /// The command is not one that this target knows.
    UnrecognisedCommand = 1,
    /// An argument is not valid.
    BadArgument = 2,
    /// The administrator has put the device offline.
    DeviceUnavailable = 3,
    /// A config string is set already, and it is another one.
    ConfigStringPresent = 4,
    /// The version is not the one that this target speaks.
    UnsupportedVersion = 5,
    /// Other initiators have reserved the target.
    TargetReserved = 6,
}

impl AoeError {
    /// The code on the wire.
    pub const fn code(self) -> u8 {
        self as u8
    }
}
