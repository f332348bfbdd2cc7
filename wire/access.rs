// SPDX-License-Identifier: GPL-2.0

//! Access lists: what the administrator lets which initiators do.
//!
//! Pure like `rules.rs`: it knows nothing of the kernel, and the host tests and fuzzes it.

use core::ffi::CStr;
use core::fmt;

use crate::aoe::Mac;
use crate::aoe::MacList;
use crate::aoe::MacListError;
use crate::ata::Asked;

/// What a request needs to be permitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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

    /// Its list in the folder of an export in sysfs.
    pub const fn file(self) -> &'static str {
        match self {
            Self::Discover => "access/discover",
            Self::Configure => "access/config",
            Self::Read => "access/read",
            Self::Write => "access/write",
        }
    }

    /// Its key in the table `access` of kvblade.conf, which is that of its list in the folder `access`.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Discover => "discover",
            Self::Configure => "config",
            Self::Read => "read",
            Self::Write => "write",
        }
    }

    /// The same with a zero byte behind it, for C.
    pub const fn file_name(self) -> &'static CStr {
        match self {
            Self::Discover => c"discover",
            Self::Configure => c"config",
            Self::Read => c"read",
            Self::Write => c"write",
        }
    }

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

/// Why a text is no access list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessListError<'a> {
    /// It does not begin like one.
    Form,
    /// It has no address where one must be.
    Empty,
    /// What follows is no list of addresses.
    Macs(MacListError<'a>),
}

impl AccessList {
    /// The access list in a text of the form that is shown.
    ///
    /// # Errors
    ///
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, AccessListError<'_>> {
        let text = text.trim_ascii();
        if text == words(false, true) {
            return Ok(Self::open());
        }
        if text == words(true, true) {
            return Ok(Self::only(MacList::new()));
        }
        let behind = |only| text.strip_prefix(words(only, false))?.strip_prefix(' ');
        let (only, list) = match (behind(true), behind(false)) {
            (Some(list), _) => (true, list),
            (_, Some(list)) => (false, list),
            _ => return Err(AccessListError::Form),
        };
        let macs = MacList::parse(list).map_err(AccessListError::Macs)?;
        if macs.is_empty() {
            return Err(AccessListError::Empty);
        }
        Ok(Self { only, macs })
    }

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

    /// Those listed, whether they have it or all others.
    pub fn listed(&self) -> &[Mac] {
        self.macs.as_slice()
    }

    /// Those who have it, if it is known who they are.
    pub fn named(&self) -> Option<&[Mac]> {
        self.only.then_some(self.macs.as_slice())
    }
}

/// `all`, `none`, `only MAC MAC...` or `all but MAC MAC...`.
impl fmt::Display for AccessList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(f, self.only, self.macs.as_slice())
    }
}

/// Writes an access list of those listed, or of all but them: as it is shown, and as it is parsed.
///
/// # Errors
///
/// That of the formatter.
pub fn write<'a>(
    f: &mut fmt::Formatter<'_>,
    only: bool,
    macs: impl IntoIterator<Item = &'a Mac>,
) -> fmt::Result {
    let mut macs = macs.into_iter().peekable();
    f.write_str(words(only, macs.peek().is_none()))?;
    macs.try_for_each(|mac| write!(f, " {mac}"))
}

/// How an access list begins.
const fn words(only: bool, is_empty: bool) -> &'static str {
    match (only, is_empty) {
        (false, true) => "all",
        (true, true) => "none",
        (true, false) => "only",
        (false, false) => "all but",
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
