// SPDX-License-Identifier: GPL-2.0

//! The module, as far as it can be talked to: `/sys/kvblade`.

use std::fs;
use std::fs::OpenOptions;
use std::io;
use std::io::Write;
use std::path::PathBuf;

use super::address::Address;

/// The control plane of the module. Tests have one of their own.
pub(crate) trait Kernel: Sync {
    /// The exports: address and interface.
    fn ports(&self) -> Result<Vec<(Address, String)>, String>;

    /// The text of a file, without the newline at its end.
    fn read(&self, file: &str) -> io::Result<String>;

    /// Writes a value to a file, or tells why the module does not take it.
    fn write(&self, file: &str, value: &str) -> Result<(), String>;
}

/// The module in the kernel.
pub(crate) struct Sysfs(pub(crate) PathBuf);

impl Kernel for Sysfs {
    fn ports(&self) -> Result<Vec<(Address, String)>, String> {
        let entries = fs::read_dir(&self.0).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => "the module is not loaded: modprobe kvblade_rs".into(),
            _ => format!("{}: {error}", self.0.display()),
        })?;
        let port = |name: &str| {
            let (address, interface) = name.split_once('@')?;
            Some((address.parse().ok()?, interface.to_owned()))
        };
        let mut ports: Vec<_> = entries
            .filter_map(|entry| port(entry.ok()?.file_name().to_str()?))
            .collect();
        ports.sort();
        Ok(ports)
    }

    fn read(&self, file: &str) -> io::Result<String> {
        let mut text = fs::read_to_string(self.0.join(file))?;
        if text.ends_with('\n') {
            text.pop();
        }
        Ok(text)
    }

    fn write(&self, file: &str, value: &str) -> Result<(), String> {
        let opened = OpenOptions::new().write(true).open(self.0.join(file));
        let mut open = opened.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound if !self.0.exists() => {
                "the module is not loaded: modprobe kvblade_rs".into()
            }
            io::ErrorKind::PermissionDenied => "not root: only root can do this".into(),
            _ => format!("{file}: {error}"),
        })?;
        // One write call: each is an order of its own. What the module says of it is not about the
        // file, whatever the error number.
        let written = open.write_all(format!("{value}\n").as_bytes());
        written.map_err(|error| match self.read("error") {
            Ok(sentence) if !sentence.is_empty() => sentence,
            _ => format!("{file}: {error}"),
        })
    }
}
