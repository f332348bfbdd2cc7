// SPDX-License-Identifier: GPL-2.0

//! Shelf and slot.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::Serialize;

/// The address of an export, shown as `SHELF.SLOT`.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Address {
    pub(crate) shelf: u16,
    pub(crate) slot: u8,
}

impl Address {
    /// The name of its directory in sysfs, on an interface.
    pub(crate) fn on(self, interface: &str) -> String {
        format!("{self}@{interface}")
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.shelf, self.slot)
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parse = || {
            let (shelf, slot) = text.split_once('.')?;
            Some(Self {
                shelf: shelf.parse().ok()?,
                slot: slot.parse().ok()?,
            })
        };
        parse().ok_or_else(|| format!("{text}: not SHELF.SLOT"))
    }
}

impl TryFrom<String> for Address {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}
