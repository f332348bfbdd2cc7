// SPDX-License-Identifier: GPL-2.0

//! What kinds of requests there are, and how many a blade lets in of each.
//!
//! A request for the medium keeps its slot as long as the disk wants, so that a disk that is busy,
//! or does not answer, has all of those slots taken. Whoever asks what the target is must have an
//! answer then too, and a change of who may use it must be able to wait its turn.

use super::initiators::Limits;
use super::order;
use crate::ata::Asked;

/// Changes of its lists that a blade has at most, and so many more if questions are counted with them.
/// They are not counted with the requests for the medium, and take nothing from these.
const RESERVED: u32 = 64;

/// Changes of one initiator at most. They may wait as long as the disk wants, so that it must not have
/// all of those slots, whatever it repeats; nor has it half of them by what it may ask.
const RESERVED_EACH: u32 = 16;

/// Questions of one initiator at most, with its changes: as many as the usual buffer count says.
const QUESTIONS_EACH: u32 = 64;

/// The kind of a request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Needs the medium.
    Medium,
    /// Changes the mask list or the reservation, after all that came before it.
    Change,
    /// Is answered at once.
    Question,
}

impl Class {
    /// The kind of a request.
    pub(super) const fn of(asked: &Asked) -> Self {
        match asked {
            _ if asked.is_question() => Self::Question,
            Asked::Ata(..) => Self::Medium,
            Asked::Config { .. } | Asked::List { .. } | Asked::Unknown(_) => Self::Change,
        }
    }

    /// The requests that there may be when one of this kind is let in, where an initiator may have so
    /// many for the medium.
    pub(super) fn limits(self, buffer_count: u32) -> Limits {
        let (each, all) = match self {
            Self::Medium => (buffer_count, order::MAX_INFLIGHT as u32),
            Self::Change => (RESERVED_EACH, RESERVED),
            Self::Question => (QUESTIONS_EACH, 2 * RESERVED),
        };
        Limits {
            each,
            all,
            is_reserved: self != Self::Medium,
        }
    }
}
