// SPDX-License-Identifier: GPL-2.0

//! The tables of a configuration file, as they are written: the types of the values are known, not
//! yet whether they make sense.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

/// A file.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    pub(super) defaults: Option<Spanned<ExportTable>>,
    #[serde(default)]
    pub(super) access: BTreeMap<Spanned<String>, AccessTable>,
    #[serde(default)]
    pub(super) interface: BTreeMap<Spanned<String>, InterfaceTable>,
    pub(super) export: Option<BTreeMap<Spanned<String>, ExportTable>>,
}

impl Document {
    /// Whether the file says that there are no exports: by `[export]`, and nothing in it.
    pub(super) fn has_empty_export(&self) -> bool {
        self.export.as_ref().is_some_and(BTreeMap::is_empty)
    }
}

/// `[access.NAME]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AccessTable {
    pub(super) accept: Option<Vec<Spanned<String>>>,
    pub(super) deny: Option<Vec<Spanned<String>>>,
    pub(super) rules: Option<Vec<Spanned<RuleTable>>>,
    pub(super) policy: Option<Verdict>,
}

/// One of the `rules`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleTable {
    pub(super) accept: Option<Spanned<String>>,
    pub(super) deny: Option<Spanned<String>>,
}

/// What becomes of those of whom no rule speaks.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    Accept,
    Deny,
}

/// `[interface.NAME-OR-GLOB]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InterfaceTable {
    pub(super) mtu: Option<Spanned<i64>>,
}

/// `[export.NAME]` and `[defaults]`
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ExportTable {
    pub(super) shelf: Option<Spanned<i64>>,
    pub(super) slot: Option<Spanned<i64>>,
    pub(super) device: Option<Spanned<String>>,
    pub(super) file: Option<Spanned<String>>,
    pub(super) interfaces: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) read_only: Option<bool>,
    pub(super) shared: Option<bool>,
    pub(super) offset: Option<Spanned<Size>>,
    pub(super) length: Option<Spanned<Size>>,
    pub(super) buffer_count: Option<Spanned<i64>>,
    pub(super) write_cache: Option<bool>,
    pub(super) mtu: Option<Spanned<i64>>,
    pub(super) model: Option<Spanned<String>>,
    pub(super) serial: Option<Spanned<String>>,
    pub(super) wwn: Option<Spanned<String>>,
    pub(super) announce: Option<Announce>,
    pub(super) log: Option<Log>,
    pub(super) on_conflict: Option<OnConflict>,
    pub(super) conflict_check: Option<Spanned<i64>>,
    pub(super) config_string: Option<Spanned<String>>,
    pub(super) mask: Option<Vec<Spanned<String>>>,
    pub(super) reserve: Option<Vec<Spanned<String>>>,
    pub(super) persist: Option<Vec<Persist>>,
    pub(super) access: Option<AccessChoice>,
    pub(super) online: Option<bool>,
    pub(super) force: Option<bool>,
}

/// A number of bytes.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected a number of bytes, or a text like \"10 GiB\""
)]
pub(super) enum Size {
    Number(i64),
    Text(String),
}

/// What access lists are for, as the table `access` has it.
pub(crate) const RIGHTS: [&str; 4] = ["discover", "config", "read", "write"];

/// Which access list holds for what.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AccessChoice {
    pub(super) discover: Option<Spanned<String>>,
    pub(super) config: Option<Spanned<String>>,
    pub(super) read: Option<Spanned<String>>,
    pub(super) write: Option<Spanned<String>>,
}

/// Declares a setting that is one of several words, the same in the file and in sysfs.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($variant:ident = $word:literal,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
        pub(crate) enum $name { $(#[serde(rename = $word)] $variant,)* }

        impl $name {
            /// The word for it.
            pub(crate) const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }
    };
}

words! {
    /// Who is told of an export.
    Announce {
        All = "all",
        Accepted = "accepted",
        Nobody = "none",
    }
}

words! {
    /// What the kernel's log is told of an export.
    Log {
        Normal = "normal",
        Quiet = "quiet",
        Access = "access",
    }
}

words! {
    /// What an export does while another target has its address.
    OnConflict {
        Report = "report",
        Offline = "offline",
        Silent = "silent",
    }
}

words! {
    /// What clients may set of an export, and is kept over a restart if it is to be.
    Persist {
        ConfigString = "config-string",
        Mask = "mask",
        Reserve = "reserve",
    }
}
