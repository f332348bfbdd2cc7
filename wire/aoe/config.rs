// SPDX-License-Identifier: GPL-2.0

//! Command 1, Query Config Information: AoEr11 section 3.2.
//!
//! Initiators find targets by it, and keep a string there to tell whose a target is.

use core::fmt;

use super::address::Destination;
use super::address::Mac;
use super::error::AoeError;
use super::header;

/// Where the fixed part ends and the string begins.
pub const END: usize = header::SIZE + SIZE;

/// The size of the fixed part.
pub const SIZE: usize = 8;

/// The longest config string.
pub const CAPACITY: usize = 1024;

/// What to do about the config string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigCommand {
    /// Tell it.
    Read,
    /// Answer only if it is the argument.
    Test,
    /// Answer only if it begins with the argument.
    TestPrefix,
    /// Set it if there is none.
    Set,
    /// Set it whatever it is.
    ForceSet,
    /// A code, 5 to 15, that has no meaning.
    Unknown(u8),
}

impl ConfigCommand {
    const fn from_code(code: u8) -> Self {
        match code {
            0 => Self::Read,
            1 => Self::Test,
            2 => Self::TestPrefix,
            3 => Self::Set,
            4 => Self::ForceSet,
            code => Self::Unknown(code),
        }
    }

    const fn code(self) -> u8 {
        match self {
            Self::Read => 0,
            Self::Test => 1,
            Self::TestPrefix => 2,
            Self::Set => 3,
            Self::ForceSet => 4,
            Self::Unknown(code) => code & 0x0f,
        }
    }
}

/// A Query Config request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfigRequest<'a> {
    /// What to do.
    pub command: ConfigCommand,
    /// The string that came with it, or [`None`] if its length is above the limit or past the end
    /// of the frame.
    pub argument: Option<&'a [u8]>,
}

/// What follows from a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigDecision<'a> {
    /// Do not answer.
    Ignore,
    /// Answer with the string as it is.
    Reply,
    /// Make this the string, then answer with it.
    Store(&'a [u8]),
    /// Answer with the string as it is, and this error.
    Refuse(AoeError),
}

impl<'a> ConfigRequest<'a> {
    /// Parses a request. `frame` begins with the Ethernet header and holds all of the frame.
    ///
    /// Returns [`None`] if the frame does not hold the fixed part.
    pub fn parse(frame: &'a [u8]) -> Option<Self> {
        let (fixed, rest) = frame.split_at_checked(END)?;
        let [.., command, high, low]: [u8; SIZE] = *fixed.last_chunk()?;
        let length = usize::from(u16::from_be_bytes([high, low]));
        Some(Self {
            command: ConfigCommand::from_code(command & 0x0f),
            argument: rest.get(..length).filter(|_| length <= CAPACITY),
        })
    }

    /// Decides what follows, where `current` is the string in force.
    pub fn decide(&self, current: &[u8]) -> ConfigDecision<'a> {
        match (self.command, self.argument) {
            (ConfigCommand::Read, _) => ConfigDecision::Reply,
            (ConfigCommand::Test, Some(argument)) if argument == current => ConfigDecision::Reply,
            (ConfigCommand::TestPrefix, Some(argument)) if current.starts_with(argument) => {
                ConfigDecision::Reply
            }
            (ConfigCommand::Test | ConfigCommand::TestPrefix, _) => ConfigDecision::Ignore,
            // Success as well if the string is the same: the request may be a retransmission.
            (ConfigCommand::Set, Some(argument)) if argument == current => ConfigDecision::Reply,
            (ConfigCommand::Set, Some(argument)) if current.is_empty() => {
                ConfigDecision::Store(argument)
            }
            (ConfigCommand::Set, Some(_)) => ConfigDecision::Refuse(AoeError::ConfigStringPresent),
            (ConfigCommand::ForceSet, Some(argument)) => ConfigDecision::Store(argument),
            (ConfigCommand::Set | ConfigCommand::ForceSet, None)
            | (ConfigCommand::Unknown(_), _) => ConfigDecision::Refuse(AoeError::BadArgument),
        }
    }
}

/// The fixed part of a response; the config string follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfigReply {
    /// How many requests of one initiator can wait. Below 2, Linux initiators never send any.
    pub buffer_count: u16,
    /// Firmware version, which nobody interprets.
    pub firmware: u16,
    /// The most sectors per ATA request, by [`sectors_for_mtu`](super::sectors_for_mtu).
    pub sector_count: u8,
    /// The command of the request.
    pub command: ConfigCommand,
    /// The length of the string in force.
    pub string_length: u16,
}

impl ConfigReply {
    /// The bytes on the wire.
    pub const fn to_bytes(self) -> [u8; SIZE] {
        let [buffers_high, buffers_low] = self.buffer_count.to_be_bytes();
        let [firmware_high, firmware_low] = self.firmware.to_be_bytes();
        let [length_high, length_low] = self.string_length.to_be_bytes();
        [
            buffers_high,
            buffers_low,
            firmware_high,
            firmware_low,
            self.sector_count,
            header::VERSION << 4 | self.command.code(),
            length_high,
            length_low,
        ]
    }
}

/// The frame that asks who else has an address, or any of the addresses that `destination` stands for,
/// sent from the NIC `own` to all.
pub fn probe(own: Mac, destination: Destination) -> [u8; END] {
    let mut frame = [0; END];
    for (byte, value) in frame.iter_mut().zip(header::query(own, destination)) {
        *byte = value;
    }
    frame
}

/// The config string of a target: bytes, not text.
///
/// # Invariants
///
/// `length` is at most [`CAPACITY`].
#[derive(Clone)]
pub struct ConfigString {
    length: u16,
    bytes: [u8; CAPACITY],
}

impl ConfigString {
    /// Makes an empty string.
    pub const fn new() -> Self {
        // INVARIANT: 0 is at most the capacity.
        Self {
            length: 0,
            bytes: [0; CAPACITY],
        }
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length.into()).unwrap_or_default()
    }

    /// Makes a string of how it is shown: see the [`Display`](fmt::Display) implementation.
    ///
    /// Returns [`None`] if an escape is not one, or the string would be too long.
    pub fn from_escaped(text: &[u8]) -> Option<Self> {
        let mut string = Self::new();
        let mut rest = text.iter().copied();
        while let Some(byte) = rest.next() {
            let byte = match byte {
                b'\\' => match rest.next()? {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'x' => {
                        let mut digit = || char::from(rest.next()?).to_digit(16);
                        let (high, low) = (digit()?, digit()?);
                        u8::try_from(high << 4 | low).ok()?
                    }
                    quoted @ (b'\\' | b'"' | b'\'') => quoted,
                    _ => return None,
                },
                byte => byte,
            };
            *string.bytes.get_mut(usize::from(string.length))? = byte;
            // INVARIANT: There was a place at `length`, so that the capacity is one more at least.
            string.length = string.length.saturating_add(1);
        }
        Some(string)
    }

    /// How many bytes there are.
    pub const fn length(&self) -> u16 {
        self.length
    }

    /// Makes `string` the string. Returns whether it fits; if not, nothing changes.
    pub fn set(&mut self, string: &[u8]) -> bool {
        let Ok(length) = u16::try_from(string.len()) else {
            return false;
        };
        if string.len() > CAPACITY {
            return false;
        }
        for (byte, value) in self.bytes.iter_mut().zip(string) {
            *byte = *value;
        }
        // INVARIANT: Just checked.
        self.length = length;
        true
    }

    /// Does what a request asks for.
    ///
    /// Returns whether to answer, and with which error. The string after it is the one to send.
    pub fn apply(&mut self, request: &ConfigRequest<'_>) -> Option<Result<(), AoeError>> {
        match request.decide(self.as_bytes()) {
            ConfigDecision::Ignore => None,
            ConfigDecision::Reply => Some(Ok(())),
            ConfigDecision::Store(string) if self.set(string) => Some(Ok(())),
            ConfigDecision::Store(_) => Some(Err(AoeError::BadArgument)),
            ConfigDecision::Refuse(error) => Some(Err(error)),
        }
    }
}

impl Default for ConfigString {
    fn default() -> Self {
        Self::new()
    }
}

/// Printable ASCII is shown as it is, but for quotes and the backslash, which have a backslash
/// before them; other bytes as `\n`, `\r`, `\t` or `\xNN`.
impl fmt::Display for ConfigString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.as_bytes().escape_ascii())
    }
}

impl fmt::Debug for ConfigString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.as_bytes().escape_ascii())
    }
}
