// SPDX-License-Identifier: GPL-2.0

//! The keys that there are, and what each wants, in the words of kvblade.conf(5).

use kvblade_wire::access::Right;
use kvblade_wire::settings::Form;
use kvblade_wire::settings::Mode;
use kvblade_wire::settings::Row;
use kvblade_wire::settings::Setting;
use kvblade_wire::settings::Start;
use kvblade_wire::settings::Tunable;

use super::own::KEYS;

/// A key, and how it is written.
#[derive(Clone, Copy)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    /// What it takes.
    pub(crate) wants: &'static str,
    /// A value that it could have.
    pub(crate) example: &'static str,
    /// The setting of the module that it is, if it is one.
    pub(crate) setting: Option<Setting>,
}

pub(super) const fn key(name: &'static str, wants: &'static str, example: &'static str) -> Key {
    Key {
        name,
        wants,
        example,
        setting: None,
    }
}

/// The key of a setting, as the table of all settings has it.
const fn of(setting: Setting) -> Key {
    let Row {
        key, example, form, ..
    } = setting.row();
    let wants = match form {
        Form::Flag | Form::Opposite | Form::Switch(_) => FLAG,
        Form::Number(_) => NUMBER,
        Form::Sectors => SIZE,
        Form::Word(_) => WORD,
        Form::Text(_) | Form::Wwn | Form::Config => TEXT,
        Form::Macs => LIST,
    };
    Key {
        name: key,
        wants,
        example,
        setting: Some(setting),
    }
}

pub(super) const NUMBER: &str = "a whole number";
pub(super) const TEXT: &str = "a text in quotes";
pub(super) const LIST: &str = "a list of texts";
pub(super) const WORD: &str = "a word in quotes";
const FLAG: &str = "true or false";
const SIZE: &str = "a number of bytes, or a text with a unit";
const MACS: &str = "[\"02:00:00:00:00:01\"]";

/// `[export.NAME]` and `[defaults]`
pub(crate) const EXPORT: [Key; KEYS.len() + Mode::COUNT + Tunable::COUNT + Start::COUNT] = {
    const TUNABLES: usize = KEYS.len() + Mode::COUNT;
    const STARTS: usize = TUNABLES + Tunable::COUNT;
    let mut keys = [KEYS[0]; STARTS + Start::COUNT];
    let mut number = 0;
    while number < keys.len() {
        keys[number] = if number < KEYS.len() {
            KEYS[number]
        } else if number < TUNABLES {
            of(Setting::Mode(Mode::ALL[number - KEYS.len()]))
        } else if number < STARTS {
            of(Setting::Tunable(Tunable::ALL[number - TUNABLES]))
        } else {
            of(Setting::Start(Start::ALL[number - STARTS]))
        };
        number += 1;
    }
    keys
};

/// What makes `[export.NAME]` a template.
pub(crate) const EACH: Key = key("each", LIST, "[\"7\", \"8\"]");

/// `[access.NAME]`
pub(crate) const ACCESS: [Key; 4] = [
    key("accept", LIST, MACS),
    key("deny", LIST, MACS),
    key(
        "rules",
        "a list of tables",
        "[{ deny = \"02:00:00:00:00:01\" }, { accept = \"all\" }]",
    ),
    key("policy", WORD, "\"deny\""),
];

/// One of the `rules`.
pub(crate) const RULE: [Key; 2] = [
    key("accept", TEXT, "\"02:00:00:00:00:01\""),
    key("deny", TEXT, "\"02:00:00:00:00:01\""),
];

/// `[interface.NAME-OR-PATTERN]`
pub(crate) const INTERFACE: [Key; 2] = [
    key("mtu", NUMBER, "9000"),
    key("require", WORD, "\"macsec\""),
];

/// What access lists are for, by the keys of the table `access` of an export.
pub(crate) const RIGHTS: [&str; Right::ALL.len()] = {
    let mut rights = [""; Right::ALL.len()];
    let mut number = 0;
    while number < rights.len() {
        rights[number] = Right::ALL[number].key();
        number += 1;
    }
    rights
};

/// The table `access` of an export.
pub(crate) const CHOICE: [Key; RIGHTS.len()] = {
    let mut keys = [key("", TEXT, "\"hosts\""); RIGHTS.len()];
    let mut number = 0;
    while number < keys.len() {
        keys[number].name = RIGHTS[number];
        number += 1;
    }
    keys
};

/// The names of keys.
pub(crate) fn names(keys: &[Key]) -> Vec<&'static str> {
    keys.iter().map(|key| key.name).collect()
}
