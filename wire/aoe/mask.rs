// SPDX-License-Identifier: GPL-2.0

//! Command 2, MAC Mask List: which initiators the target listens to. AoEr11 section 3.3.

use super::address::Mac;
use super::error::AoeError;
use super::header;
use super::mac_list::MacList;

/// Where the fixed part ends and the directives begin.
pub const END: usize = header::SIZE + SIZE;

/// The size of the fixed part.
pub const SIZE: usize = 4;

/// The size of a directive.
pub const DIRECTIVE: usize = 8;

const READ: u8 = 0;
const EDIT: u8 = 1;

const DIRECTIVE_NONE: u8 = 0;
const DIRECTIVE_ADD: u8 = 1;
const DIRECTIVE_DELETE: u8 = 2;

/// Why a directive failed. The value is the code on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum MaskError {
    /// Something that has no code of its own.
    Unspecified = 1,
    /// The directive is none that this target knows.
    BadDirective = 2,
    /// The list is full.
    Full = 3,
}

/// A MAC Mask List request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaskRequest<'a> {
    /// What to do: 0 read, 1 edit.
    pub command: u8,
    /// The directives, eight bytes each, or [`None`] if they go past the end of the frame.
    directives: Option<&'a [u8]>,
}

/// How a request ended, which decides what the response lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaskOutcome {
    /// It succeeded: the response lists the mask.
    Listed,
    /// A directive failed, those before it stay done: the response has no list.
    Failed {
        /// Why it failed.
        error: MaskError,
        /// Which directive it was, counted from 0.
        index: u8,
    },
    /// The request is refused by the header, with the mask unchanged: the response has no list.
    Refused(AoeError),
}

impl<'a> MaskRequest<'a> {
    /// Parses a request. `frame` begins with the Ethernet header and holds all of the frame.
    ///
    /// Returns [`None`] if the frame does not hold the fixed part.
    pub fn parse(frame: &'a [u8]) -> Option<Self> {
        let (fixed, rest) = frame.split_at_checked(END)?;
        let [_, command, _, count]: [u8; SIZE] = *fixed.last_chunk()?;
        let length = usize::from(count).checked_mul(DIRECTIVE)?;
        Some(Self {
            command,
            directives: rest.get(..length),
        })
    }

    /// Whether the request changes nothing.
    pub const fn is_read(&self) -> bool {
        self.command == READ
    }

    /// Does what the request asks for.
    pub fn apply(&self, list: &mut MacList) -> MaskOutcome {
        match (self.command, self.directives) {
            (READ, _) => MaskOutcome::Listed,
            (EDIT, Some(directives)) => edit(list, directives),
            _ => MaskOutcome::Refused(AoeError::BadArgument),
        }
    }

    /// The fixed part of the response, where `list` is the mask after the request.
    pub const fn reply(&self, outcome: MaskOutcome, list: &MacList) -> [u8; SIZE] {
        let (error, count) = match outcome {
            MaskOutcome::Listed => (0, list.length()),
            MaskOutcome::Failed { error, index } => (error as u8, index),
            MaskOutcome::Refused(_) => (0, 0),
        };
        [0, self.command, error, count]
    }
}

/// An address of the mask as a response lists it.
pub const fn listed(mac: Mac) -> [u8; DIRECTIVE] {
    let [a, b, c, d, e, f] = mac.0;
    [0, DIRECTIVE_NONE, a, b, c, d, e, f]
}

/// Applies directives in order, until one fails.
fn edit(list: &mut MacList, directives: &[u8]) -> MaskOutcome {
    for (index, directive) in (0..=u8::MAX).zip(directives.chunks_exact(DIRECTIVE)) {
        if let Err(error) = apply(list, directive) {
            return MaskOutcome::Failed { error, index };
        }
    }
    MaskOutcome::Listed
}

fn apply(list: &mut MacList, directive: &[u8]) -> Result<(), MaskError> {
    let Some([_, command, mac @ ..]) = directive.first_chunk::<DIRECTIVE>() else {
        return Err(MaskError::Unspecified);
    };
    match *command {
        DIRECTIVE_NONE => Ok(()),
        DIRECTIVE_ADD => list.add(Mac(*mac)).map_err(|_| MaskError::Full),
        DIRECTIVE_DELETE => {
            list.remove(Mac(*mac));
            Ok(())
        }
        _ => Err(MaskError::BadDirective),
    }
}
