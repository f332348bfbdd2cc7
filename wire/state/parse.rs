// SPDX-License-Identifier: GPL-2.0

//! States from their texts, for programs that read the file `state`.

use super::Cause;
use super::Degraded;
use super::Down;
use super::State;
use super::Taker;
use super::Word;
use super::BLOCKS;
use super::BLOCKS_THEN;
use super::CLOSING;
use super::FAILING;
use super::IP;
use super::LATE;
use super::OPEN_VSWITCH;
use super::PORT_OF;
use super::READ_ERROR;
use super::READ_ONLY;
use super::TAP;
use super::WRITE_FAULT;
use crate::aoe::Mac;
use crate::interface::InterfaceName;

impl Word {
    /// The word that the text of a state begins with, also of a state with a reason that is not known
    /// here.
    pub fn of_state(text: &str) -> Option<Self> {
        Self::of(text.split(':').next()?)
    }
}

impl State {
    /// The state with this text; nothing if it is none that is known here.
    pub fn parse(text: &str) -> Option<Self> {
        let (word, reason) = match text.split_once(": ") {
            Some((word, reason)) => (word, Some(reason)),
            None => (text, None),
        };
        match (Word::of(word)?, reason) {
            (Word::Up, None) => Some(Self::Up),
            (Word::Offline, None) => Some(Self::Offline(None)),
            (Word::Offline, Some(reason)) => Some(Self::Offline(Some(Down::parse(reason)?))),
            (Word::Closing, Some(CLOSING)) => Some(Self::Closing),
            (Word::Down, Some(reason)) => Down::parse(reason).map(Self::Down),
            (Word::Degraded, Some(reason)) => Degraded::parse(reason).map(Self::Degraded),
            (Word::Conflict, Some(mac)) => Mac::parse(mac).map(Self::Conflict),
            _ => None,
        }
    }
}

impl Down {
    fn parse(reason: &str) -> Option<Self> {
        if let Some(cause) = Cause::of(reason) {
            return Some(Self::By(cause));
        }
        Some(Self::Taken(match reason {
            OPEN_VSWITCH => Taker::OpenVSwitch,
            TAP => Taker::Tap,
            IP => Taker::Ip,
            _ => Taker::Interface(InterfaceName::new(reason.strip_prefix(PORT_OF)?)?),
        }))
    }
}

impl Degraded {
    fn parse(reason: &str) -> Option<Self> {
        if reason == READ_ONLY {
            return Some(Self::ReadOnly);
        }
        if let Some(late) = reason.strip_suffix(LATE) {
            return counted(late, "request").map(Self::Late);
        }
        if let Some(sizes) = reason.strip_prefix(BLOCKS) {
            let (now, then) = sizes.split_once(BLOCKS_THEN)?;
            return Some(Self::Blocks {
                now: now.parse().ok()?,
                then: then.parse().ok()?,
            });
        }
        let failures = reason.strip_suffix(FAILING)?;
        let (writes, reads) = match failures.split_once(", ") {
            Some((writes, reads)) => (counted(writes, WRITE_FAULT)?, counted(reads, READ_ERROR)?),
            None => match counted(failures, WRITE_FAULT) {
                Some(writes) => (writes, 0),
                None => (0, counted(failures, READ_ERROR)?),
            },
        };
        Some(Self::Failing { writes, reads })
    }
}

/// How many of something a text says, as the module writes it.
fn counted<T: core::str::FromStr>(text: &str, what: &str) -> Option<T> {
    let (count, counted) = text.split_once(' ')?;
    let rest = counted.strip_prefix(what)?;
    matches!(rest, "" | "s").then(|| count.parse().ok())?
}
