// SPDX-License-Identifier: GPL-2.0

//! The keys that there are, and what each wants, in the words of kvblade.conf(5).

/// A key, and how it is written.
pub(crate) struct Key {
    pub(crate) name: &'static str,
    /// What it takes.
    pub(crate) wants: &'static str,
    /// A value that it could have.
    pub(crate) example: &'static str,
}

const fn key(name: &'static str, wants: &'static str, example: &'static str) -> Key {
    Key {
        name,
        wants,
        example,
    }
}

const NUMBER: &str = "a whole number";
const TEXT: &str = "a text in quotes";
const LIST: &str = "a list of texts";
const FLAG: &str = "true or false";
const SIZE: &str = "a number of bytes, or a text with a unit";
const MACS: &str = "[\"02:00:00:00:00:01\"]";

/// `[export.NAME]` and `[defaults]`
pub(crate) const EXPORT: [Key; 28] = [
    key("shelf", NUMBER, "0"),
    key("slot", NUMBER, "0"),
    key("device", TEXT, "\"/dev/sdb\""),
    key("file", TEXT, "\"/srv/disk.img\""),
    key("interfaces", LIST, "[\"eth0\"]"),
    key("mtu", NUMBER, "9000"),
    key("force", FLAG, "true"),
    key("offset", SIZE, "\"1 MiB\""),
    key("length", SIZE, "\"10 GiB\""),
    key("read-only", FLAG, "true"),
    key("shared", FLAG, "true"),
    key("buffer-count", NUMBER, "64"),
    key("write-cache", FLAG, "true"),
    key("model", TEXT, "\"disk\""),
    key("serial", TEXT, "\"1234\""),
    key("wwn", TEXT, "\"5000000000000001\""),
    key("announce", "a word in quotes", "\"accepted\""),
    key("announce-every", NUMBER, "10"),
    key("single-writer", FLAG, "true"),
    key("log", "a word in quotes", "\"quiet\""),
    key("on-conflict", "a word in quotes", "\"offline\""),
    key("conflict-check", NUMBER, "10"),
    key(
        "access",
        "a table of rights and lists",
        "{ read = \"hosts\", write = \"hosts\" }",
    ),
    key("config-string", TEXT, "\"text\""),
    key("mask", LIST, MACS),
    key("reserve", LIST, MACS),
    key(
        "persist",
        LIST,
        "[\"config-string\", \"mask\", \"reserve\"]",
    ),
    key("online", FLAG, "false"),
];

/// `[access.NAME]`
pub(crate) const ACCESS: [Key; 4] = [
    key("accept", LIST, MACS),
    key("deny", LIST, MACS),
    key(
        "rules",
        "a list of tables",
        "[{ deny = \"02:00:00:00:00:01\" }, { accept = \"all\" }]",
    ),
    key("policy", "a word in quotes", "\"deny\""),
];

/// One of the `rules`.
pub(crate) const RULE: [Key; 2] = [
    key("accept", TEXT, "\"02:00:00:00:00:01\""),
    key("deny", TEXT, "\"02:00:00:00:00:01\""),
];

/// `[interface.NAME-OR-PATTERN]`
pub(crate) const INTERFACE: [Key; 2] = [
    key("mtu", NUMBER, "9000"),
    key("require", "a word in quotes", "\"macsec\""),
];

/// The table `access` of an export.
pub(crate) const CHOICE: [Key; 4] = [
    key("discover", TEXT, "\"hosts\""),
    key("config", TEXT, "\"hosts\""),
    key("read", TEXT, "\"hosts\""),
    key("write", TEXT, "\"hosts\""),
];

/// The names of keys.
pub(crate) fn names(keys: &[Key]) -> Vec<&'static str> {
    keys.iter().map(|key| key.name).collect()
}
