// SPDX-License-Identifier: GPL-2.0

//! A configuration that makes sense.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use glob::Pattern;
use kvblade_wire::access::Right;
use kvblade_wire::aoe::ConfigString;
use kvblade_wire::aoe::Mac;
use kvblade_wire::settings::Shown;
use kvblade_wire::settings::Tunable;

use super::access::Set;
use super::own::Own;
use super::table::Require;

/// All that the administrator wants.
#[derive(Default)]
pub(crate) struct Config {
    /// In the order of the files.
    pub(crate) exports: Vec<Export>,
    /// No exports are wanted, and that is said: an empty file says nothing.
    pub(crate) none_wanted: bool,
    /// Files without any table: something may have emptied them.
    pub(crate) emptied: Vec<PathBuf>,
    pub(crate) caps: Caps,
    pub(crate) requirements: Requirements,
}

impl Config {
    /// The names of the exports.
    pub(crate) fn names(&self) -> BTreeSet<&str> {
        self.exports.iter().map(|it| it.name.as_str()).collect()
    }
}

/// Caps on the MTU of interfaces.
pub(crate) type Caps = Vec<(Pattern, u32)>;

/// What interfaces must be.
pub(crate) type Requirements = Vec<(Pattern, Require)>;

/// An export.
#[derive(Clone, Debug)]
pub(crate) struct Export {
    pub(crate) name: String,
    /// The file that it is in.
    pub(crate) file: PathBuf,
    pub(crate) shelf: u16,
    pub(crate) source: Source,
    /// Names of interfaces, some of which may be patterns.
    pub(crate) interfaces: Vec<Pattern>,
    pub(crate) read_only: bool,
    pub(crate) shared: bool,
    /// In sectors.
    pub(crate) offset: u64,
    /// In sectors; 0: up to the end.
    pub(crate) length: u64,
    pub(crate) tuned: Tuned,
    pub(crate) model: Option<String>,
    pub(crate) serial: Option<String>,
    pub(crate) wwn: Option<String>,
    pub(crate) start: Start,
    pub(crate) force: bool,
    /// What kvctl's own keys say. Without `slot` the slot is found by [`crate::state::slots`]; without
    /// `format` what is in a file tells what it is.
    pub(crate) own: Own,
}

/// What may change while it runs, as far as it is said.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tuned(pub(super) BTreeMap<Tunable, u32>);

impl Tuned {
    /// A value, as the module has it.
    pub(crate) fn number(&self, tunable: Tunable) -> u32 {
        let said = self.0.get(&tunable).copied();
        said.unwrap_or(tunable.row().default)
    }

    /// A value, as sysfs shows it.
    pub(crate) fn shown(&self, tunable: Tunable) -> Shown {
        tunable.row().form.shown(self.number(tunable))
    }
}

#[cfg(test)]
impl Tuned {
    /// A value that is a word.
    pub(crate) fn word(&self, tunable: Tunable) -> &'static str {
        match self.shown(tunable) {
            Shown::Word(word) => word,
            Shown::Number(number) => panic!("{tunable:?} is the number {number}"),
        }
    }
}

/// Where the data are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    /// A block device, by its path.
    Device(PathBuf),
    /// A file, which gets a loop device.
    File(PathBuf),
}

impl Source {
    /// The path of either.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Device(path) | Self::File(path) => path,
        }
    }
}

/// What holds in the beginning, and may be changed by clients or by hand.
#[derive(Clone, Debug)]
pub(crate) struct Start {
    pub(crate) config: ConfigString,
    pub(crate) mask: Vec<Mac>,
    pub(crate) reserve: Vec<Mac>,
    pub(crate) online: bool,
}

/// Who may do what, as far as it is said.
#[derive(Clone, Debug, Default)]
pub(crate) struct Access(pub(super) BTreeMap<Right, Set>);

impl Export {
    /// The file in sysfs for each right, and who has it.
    pub(crate) fn access(&self) -> [(&'static str, &Set); Right::ALL.len()] {
        const ALL: &Set = &Set::ALL;
        let lists = self.own.access.as_ref();
        Right::ALL.map(|right| {
            let list = lists.and_then(|lists| lists.0.get(&right));
            (right.file(), list.unwrap_or(ALL))
        })
    }
}
