// SPDX-License-Identifier: GPL-2.0

//! Access lists: what the administrator lets which initiators do.
//!
//! Pure like `rules.rs`: it knows nothing of the kernel, and the host tests and fuzzes it.

use core::fmt;

use crate::aoe::Mac;
use crate::aoe::MacList;
use crate::ata::Asked;

/// What a request needs to be permitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// To find the target: Query Config that changes nothing, and reading the lists.
    Discover,
    /// To change the config string, the mask list or the reservation.
    Configure,
    /// ATA commands that do not change the disk's data.
    Read,
    /// ATA commands that do: WRITE, TRIM.
    Write,
}

impl Right {
    /// All rights.
    pub const ALL: [Self; 4] = [Self::Discover, Self::Configure, Self::Read, Self::Write];

    /// The right that a request needs.
    pub const fn needed(asked: &Asked) -> Self {
        match asked {
            Asked::Ata(_, operation) if operation.effect().changes_data() => Self::Write,
            Asked::Ata(..) => Self::Read,
            Asked::Config { changes: true } | Asked::List { changes: true } => Self::Configure,
            Asked::Config { changes: false }
            | Asked::List { changes: false }
            | Asked::Unknown(_) => Self::Discover,
        }
    }

    const fn place(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Discover => "discovery",
            Self::Configure => "a change of the configuration",
            Self::Read => "a read",
            Self::Write => "a write",
        })
    }
}

/// Who has a right: those listed, or all but them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessList {
    /// Whether those on the list have the right, and not the others.
    only: bool,
    macs: MacList,
}

impl AccessList {
    /// Everyone has the right.
    pub const fn open() -> Self {
        Self::all_but(MacList::new())
    }

    /// Those listed have the right, and nobody else.
    pub const fn only(macs: MacList) -> Self {
        Self { only: true, macs }
    }

    /// All but those listed have the right.
    pub const fn all_but(macs: MacList) -> Self {
        Self { only: false, macs }
    }

    /// Whether an initiator has the right.
    pub fn permits(&self, mac: Mac) -> bool {
        self.macs.contains(mac) == self.only
    }

    /// Whether everyone has it.
    pub const fn is_open(&self) -> bool {
        !self.only && self.macs.is_empty()
    }

    /// Those who have it, if it is known who they are.
    pub fn named(&self) -> Option<&[Mac]> {
        self.only.then_some(self.macs.as_slice())
    }
}

/// `all`, `none`, `only MAC MAC...` or `all but MAC MAC...`.
impl fmt::Display for AccessList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.only, self.macs.is_empty()) {
            (false, true) => "all",
            (true, true) => "none",
            (true, false) => "only",
            (false, false) => "all but",
        })?;
        for mac in self.macs.as_slice() {
            write!(f, " {mac}")?;
        }
        Ok(())
    }
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is served.
    Serve,
    /// It is answered as by a read-only disk, to one who may read it.
    ReadOnly,
    /// It is not answered.
    Ignore,
}

/// The access lists of an export, one for each right.
#[derive(Clone, Debug)]
pub struct Access([AccessList; Right::ALL.len()]);

impl Access {
    /// Everyone may do everything.
    pub const fn open() -> Self {
        Self([const { AccessList::open() }; Right::ALL.len()])
    }

    /// The list for a right.
    pub fn list(&self, right: Right) -> &AccessList {
        // There is one for each.
        &self.0[right.place()]
    }

    /// Sets the list for a right.
    pub fn set(&mut self, right: Right, list: AccessList) {
        self.0[right.place()] = list;
    }

    /// Whether everyone may do everything.
    pub fn is_open(&self) -> bool {
        self.0.iter().all(AccessList::is_open)
    }

    /// What becomes of an initiator's request that needs this right.
    pub fn judge(&self, right: Right, initiator: Mac) -> Verdict {
        if self.list(right).permits(initiator) {
            Verdict::Serve
        } else if right == Right::Write && self.list(Right::Read).permits(initiator) {
            Verdict::ReadOnly
        } else {
            Verdict::Ignore
        }
    }
}
