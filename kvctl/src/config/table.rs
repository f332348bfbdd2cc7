// SPDX-License-Identifier: GPL-2.0

//! The tables of a configuration file, as they are written: the types of the values are known, not
//! yet whether they make sense.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use kvblade_wire::access::Right;
use kvblade_wire::settings::Setting;
use toml::Spanned;

use super::own::OwnTable;

/// A file.
#[derive(Default)]
pub(super) struct Document {
    pub(super) defaults: Option<Spanned<ExportTable>>,
    pub(super) access: BTreeMap<Spanned<String>, AccessTable>,
    pub(super) interface: BTreeMap<Spanned<String>, InterfaceTable>,
    pub(super) export: Option<BTreeMap<Spanned<String>, ExportTable>>,
}

impl Document {
    /// Whether the file says that there are no exports: by `[export]`, and nothing in it.
    pub(super) fn has_empty_export(&self) -> bool {
        self.export.as_ref().is_some_and(BTreeMap::is_empty)
    }

    /// Whether the file has no table at all.
    pub(super) fn is_empty(&self) -> bool {
        let others = self.access.is_empty() && self.interface.is_empty();
        others && self.defaults.is_none() && self.export.is_none()
    }
}

/// `[access.NAME]`
#[derive(Default)]
pub(super) struct AccessTable {
    pub(super) accept: Option<Vec<Spanned<String>>>,
    pub(super) deny: Option<Vec<Spanned<String>>>,
    pub(super) rules: Option<Vec<Spanned<RuleTable>>>,
    pub(super) policy: Option<Verdict>,
}

/// One of the `rules`.
#[derive(Default)]
pub(super) struct RuleTable {
    pub(super) accept: Option<Spanned<String>>,
    pub(super) deny: Option<Spanned<String>>,
}

/// `[interface.NAME-OR-GLOB]`
#[derive(Default)]
pub(super) struct InterfaceTable {
    pub(super) mtu: Option<Spanned<i64>>,
    pub(super) require: Option<Require>,
}

/// `[export.NAME]` and `[defaults]`
#[derive(Default)]
pub(super) struct ExportTable {
    /// The keys that are there, whatever their values.
    pub(super) given: BTreeSet<String>,
    pub(super) own: OwnTable,
    /// The settings of the module whose values are of the right type.
    pub(super) settings: BTreeMap<Setting, Spanned<Given>>,
}

/// The value of a setting, of a type that its form takes.
pub(super) enum Given {
    Flag(bool),
    Number(i64),
    Size(Size),
    /// Which of the words it is.
    Word(u32),
    Text(String),
    List(Vec<Spanned<String>>),
}

/// A number of bytes.
pub(super) enum Size {
    Number(i64),
    Text(String),
}

/// Which access list holds for what.
pub(super) type AccessChoice = BTreeMap<Right, Spanned<String>>;

/// What is one of several words.
pub(super) trait Choice: Copy + 'static {
    /// Each with its word.
    const ALL: &'static [(&'static str, Self)];
}

/// Declares what is one of several words.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($variant:ident = $word:literal,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $name { $($variant,)* }

        impl Choice for $name {
            const ALL: &'static [(&'static str, Self)] = &[$(($word, Self::$variant),)*];
        }

        impl $name {
            /// The word for it.
            pub(crate) const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }
    };
}

/// What becomes of those of whom no rule speaks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Accept,
    Deny,
}

impl Choice for Verdict {
    const ALL: &'static [(&'static str, Self)] = &[("accept", Self::Accept), ("deny", Self::Deny)];
}

words! {
    /// What an interface must be, so that there are exports on it.
    Require {
        Macsec = "macsec",
        Vlan = "vlan",
    }
}

/// What a file is, whatever is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// A disk, as it is.
    Raw,
}

impl Choice for Format {
    const ALL: &'static [(&'static str, Self)] = &[("raw", Self::Raw)];
}

words! {
    /// What clients may set of an export, and is kept over a restart if it is to be.
    Persist {
        ConfigString = "config-string",
        Mask = "mask",
        Reserve = "reserve",
    }
}
