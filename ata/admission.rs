// SPDX-License-Identifier: GPL-2.0

//! Which frames are worth a thought, and which requests may come by broadcast or wildcard.
//!
//! A broadcast comes to every card of a target, and a wildcard address to every target: what
//! changes data would be done several times at different moments, and what carries data would be
//! answered by many at once. What initiators discover targets by is answered however it comes.

use super::opcode;
use crate::aoe::header;
use crate::aoe::header::Command;
use crate::aoe::AoeError;
use crate::aoe::AtaArgument;
use crate::aoe::Header;
use crate::aoe::MaskRequest;
use crate::aoe::ReserveRequest;

/// How a request came to a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// To the MAC of a card and the address of the target.
    Direct,
    /// To all cards, and the address of the target.
    Broadcast,
    /// To an address with a wildcard, whatever the MAC.
    Wildcard,
}

/// How a request may come if it is to be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// In any way: it tells what the target is.
    Any,
    /// Not by a wildcard: it reads data, or edits a list.
    Exact,
    /// Not by a broadcast either: it may change data.
    Direct,
}

impl Scope {
    /// Whether a request with this scope is served if it came so.
    pub const fn admits(self, reach: Reach) -> bool {
        matches!(
            (self, reach),
            (Self::Any, _)
                | (Self::Exact, Reach::Direct | Reach::Broadcast)
                | (Self::Direct, Reach::Direct)
        )
    }
}

/// Whether a frame is to be looked at by the targets that its destination matches. If not, it is
/// ignored without an answer.
///
/// `head` is the frame as far as its longest fixed part, 36 bytes, or less if the frame is
/// shorter. `broadcast` tells whether the frame came to the broadcast MAC.
pub fn admits(header: &Header, head: &[u8], broadcast: bool) -> bool {
    if header.is_response {
        return false;
    }
    if refusal(header).is_some() {
        // An error is told to those who asked this very target.
        return header.destination.is_exact();
    }
    let reach = if !header.destination.is_exact() {
        Reach::Wildcard
    } else if broadcast {
        Reach::Broadcast
    } else {
        Reach::Direct
    };
    scope(header.command, head).is_some_and(|scope| scope.admits(reach))
}

/// Whether an admitted request is answered without the medium, whatever comes of it: it asks what
/// the target is, or is one that it does not understand.
pub fn is_question(header: &Header, head: &[u8]) -> bool {
    refusal(header).is_some() || matches!(scope(header.command, head), Some(Scope::Any))
}

/// The error that answers an admitted request which this target does not understand at all.
pub const fn refusal(header: &Header) -> Option<AoeError> {
    if header.version != header::VERSION {
        return Some(AoeError::UnsupportedVersion);
    }
    match header.command {
        Command::Unknown(_) => Some(AoeError::UnrecognisedCommand),
        _ => None,
    }
}

/// The scope of a request, or [`None`] if it is shorter than its fixed part.
fn scope(command: Command, head: &[u8]) -> Option<Scope> {
    let (fixed, _) = head.split_at_checked(command.fixed_end())?;
    match command {
        Command::Ata => AtaArgument::parse(fixed).map(|argument| opcode::scope(&argument)),
        Command::Config => Some(Scope::Any),
        Command::Mask => MaskRequest::parse(fixed).map(|request| of_list(request.is_read())),
        Command::Reserve => ReserveRequest::parse(fixed).map(|request| of_list(request.is_read())),
        Command::Unknown(_) => None,
    }
}

/// The scope of a request that reads or edits a list of addresses.
const fn of_list(is_read: bool) -> Scope {
    if is_read {
        Scope::Any
    } else {
        Scope::Exact
    }
}
