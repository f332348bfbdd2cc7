// SPDX-License-Identifier: GPL-2.0

//! What becomes of a frame: whether it is a request, whether it may, and what is done. The module and
//! the fuzzers call the same, so that the order of the decisions is said here and nowhere else.
//!
//! A request is judged twice. When it comes in: [`receive`], then [`let_in`] by the export that it is
//! for. When its turn has come: [`decide`], by what holds then. Only whether an initiator may write
//! beside others that do is left to who writes ([`Task::Write`], [`Task::Trim`]): it counts as one of them
//! from then on.

use super::access::Access;
use super::access::Right;
use super::access::Verdict;
use super::rules::Rules;
use super::settings::OnConflict;
use crate::aoe;
use crate::aoe::AoeError;
use crate::aoe::Header;
use crate::ata::admission;
use crate::ata::Asked;
use crate::ata::Capacity;
use crate::ata::Conditions;
use crate::ata::Task;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// Nothing that concerns us.
    Nothing,
    /// An answer of another target.
    Response,
    /// A request for the targets that its destination matches.
    Request(Asked),
}

/// Tells what a frame is that has come to one of our NICs or to all.
///
/// `head` is the frame as far as its longest fixed part, `mtu` the interface's. `is_own` tells whether it
/// is from our own NIC, and `broadcast` whether it came to the broadcast MAC.
#[inline]
pub fn receive(header: &Header, head: &[u8], mtu: u32, is_own: bool, broadcast: bool) -> Received {
    if mtu < aoe::MIN_MTU || header.source.is_group() || is_own {
        return Received::Nothing;
    }
    if header.is_response {
        return Received::Response;
    }
    match admission::admit(header, head, broadcast) {
        Some(asked) => Received::Request(asked),
        None => Received::Nothing,
    }
}

/// Tells what access lists make of a request.
#[inline]
pub fn let_in(header: &Header, asked: &Asked, access: &Access) -> Verdict {
    access.judge(Right::needed(asked), header.source)
}

/// What forbids something to someone.
#[derive(Clone, Copy)]
pub struct Restrictions<'a> {
    /// What the initiators have asked for, and whether the export is offline.
    pub rules: &'a Rules,
    /// The access lists, unless everyone may do everything.
    pub access: Option<&'a Access>,
    /// What becomes of ATA commands in view of another target with the address.
    pub conduct: OnConflict,
}

/// Why a request gets no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// Its initiator is not on the mask list.
    Mask,
    /// The access lists do not let it.
    Access,
    /// Another target has the address.
    Conflict,
}

/// What is done about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Nothing, and there is no answer.
    Ignore(Silence),
    /// The answer is this error of the AoE header.
    Refuse(AoeError),
    /// [`Rules::answer`] says what the answer is, and may change the rules.
    Tell {
        /// Whether it is asked to change them.
        changes: bool,
    },
    /// A task of a disk of this size.
    Perform(Task, Capacity),
}

/// Decides on a request whose turn has come.
///
/// `read_only` tells what the access lists said when it came in, and, if there still are any, what they say
/// now. `disk` tells what an ATA command is checked against, and gets to know whether it changes data;
/// [`None`] if the disk is gone.
#[inline]
pub fn decide(
    header: &Header,
    asked: &Asked,
    read_only: &mut bool,
    restrictions: Option<Restrictions<'_>>,
    disk: impl FnOnce(bool) -> Option<Conditions>,
) -> Decision {
    if let Some(restrictions) = &restrictions {
        if restrictions.rules.ignores(header) {
            return Decision::Ignore(Silence::Mask);
        }
        if let Some(access) = restrictions.access {
            match let_in(header, asked, access) {
                Verdict::Serve => *read_only = false,
                Verdict::ReadOnly => *read_only = true,
                Verdict::Ignore => return Decision::Ignore(Silence::Access),
            }
        }
    }
    let operation = match asked {
        Asked::Ata(_, operation) => operation,
        Asked::Config { changes } | Asked::List { changes } => {
            return Decision::Tell { changes: *changes }
        }
        Asked::Unknown(error) => return Decision::Refuse(*error),
    };
    if let Some(restrictions) = &restrictions {
        match restrictions.conduct {
            OnConflict::Report => {}
            OnConflict::Offline => return Decision::Refuse(AoeError::DeviceUnavailable),
            OnConflict::Silent => return Decision::Ignore(Silence::Conflict),
        }
        if let Some(error) = restrictions.rules.refusal(header, operation) {
            return Decision::Refuse(error);
        }
    }
    let Some(mut conditions) = disk(operation.effect().changes_data()) else {
        return Decision::Refuse(AoeError::DeviceUnavailable);
    };
    conditions.read_only |= *read_only;
    Decision::Perform(operation.prepare(&conditions), conditions.capacity)
}
