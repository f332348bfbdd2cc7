// SPDX-License-Identifier: GPL-2.0

//! The directory of an export on an interface, whose files are read together as far as they can be.

use std::collections::BTreeMap;
use std::io;

use super::address::Address;
use super::kernel::config_string;
use super::kernel::Kernel;

/// A directory of the module's, as `summary` has it.
pub(crate) struct Folder<'a> {
    kernel: &'a dyn Kernel,
    name: String,
    lines: BTreeMap<&'a str, &'a str>,
}

/// What the module tells in one file of all others. Without it they are read one by one: a module of
/// before does not have it, and of an export that goes away meanwhile there is nothing.
pub(crate) fn summary(kernel: &dyn Kernel, address: Address, interface: &str) -> String {
    let file = format!("{}/summary", address.on(interface));
    kernel.read(&file).unwrap_or_default()
}

impl<'a> Folder<'a> {
    /// The directory of the export on the interface, with its summary.
    pub(crate) fn new(
        kernel: &'a dyn Kernel,
        address: Address,
        interface: &str,
        summary: &'a str,
    ) -> Self {
        Self {
            kernel,
            name: address.on(interface),
            lines: summary
                .lines()
                .filter_map(|it| it.split_once(' '))
                .collect(),
        }
    }

    /// The text of a file, without the newline at its end.
    pub(crate) fn read(&self, file: &str) -> io::Result<String> {
        match self.lines.get(file) {
            Some(text) => Ok((*text).to_owned()),
            None => self.kernel.read(&format!("{}/{file}", self.name)),
        }
    }

    /// The number in a file.
    pub(crate) fn number(&self, file: &str) -> Option<u64> {
        match self.lines.get(file) {
            Some(text) => text.parse().ok(),
            None => self.read(file).ok()?.parse().ok(),
        }
    }

    /// The config string, with its escapes.
    pub(crate) fn config_string(&self) -> io::Result<String> {
        match self.lines.get("config") {
            Some(text) => Ok((*text).to_owned()),
            None => config_string(self.kernel, &self.name),
        }
    }
}
