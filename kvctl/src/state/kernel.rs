// SPDX-License-Identifier: GPL-2.0

//! The module, as far as it can be talked to: `/sys/kvblade`.

use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Read;
use std::io::Write;
use std::path::PathBuf;

use kvblade_wire::aoe::ConfigString;

use super::address::Address;

/// The longest value that every module takes as text, without the newline: a page decides, and none has
/// less than 4 KiB.
const LONGEST: usize = 4094;

/// More than a file has where a page is 4 KiB; where it is more, some take several pieces.
const PIECE: usize = 4096;

/// The control plane of the module. Tests have one of their own.
pub(crate) trait Kernel: Sync {
    /// The exports: address and interface.
    fn ports(&self) -> Result<Vec<(Address, String)>, String>;

    /// The text of a file, without the newline at its end.
    fn read(&self, file: &str) -> io::Result<String>;

    /// The bytes of a file.
    fn read_bytes(&self, file: &str) -> io::Result<Vec<u8>>;

    /// Writes a value to a file, or tells why the module does not take it.
    fn write(&self, file: &str, value: &str) -> Result<(), String>;

    /// Writes bytes to a file, which are not none, or tells why the module does not take them.
    fn write_bytes(&self, file: &str, bytes: &[u8]) -> Result<(), String>;
}

/// The config string of the export with this folder, with its escapes. As text the module can only
/// show it if it has not too many of them.
pub(crate) fn config_string(kernel: &dyn Kernel, folder: &str) -> io::Result<String> {
    let bytes = match kernel.read_bytes(&format!("{folder}/config_raw")) {
        // A module of before, which has only text.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return kernel.read(&format!("{folder}/config"))
        }
        bytes => bytes?,
    };
    let mut string = ConfigString::new();
    if !string.set(&bytes) {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(string.to_string())
}

/// Gives a setting of the export with this folder a value, as [`config_string`] and the files of
/// sysfs have it.
pub(crate) fn set(
    kernel: &dyn Kernel,
    folder: &str,
    name: &str,
    value: &str,
) -> Result<(), String> {
    if name == "config" && value.len() > LONGEST {
        let string = ConfigString::from_escaped(value.as_bytes())
            .ok_or("config: longer than 1024 bytes, or with a wrong escape")?;
        return kernel.write_bytes(&format!("{folder}/config_raw"), string.as_bytes());
    }
    kernel.write(&format!("{folder}/{name}"), value)
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
        let mut open = File::open(self.0.join(file))?;
        let (mut text, mut piece) = (Vec::new(), [0; PIECE]);
        // Less than was asked for is the end: it need not be asked for once more.
        loop {
            let length = open.read(&mut piece)?;
            text.extend_from_slice(piece.get(..length).unwrap_or_default());
            if length < PIECE {
                break;
            }
        }
        if text.last() == Some(&b'\n') {
            text.pop();
        }
        String::from_utf8(text).map_err(|_| io::ErrorKind::InvalidData.into())
    }

    fn read_bytes(&self, file: &str) -> io::Result<Vec<u8>> {
        fs::read(self.0.join(file))
    }

    fn write(&self, file: &str, value: &str) -> Result<(), String> {
        if value.len() > LONGEST {
            let length = value.len();
            return Err(format!(
                "{file}: {length} bytes, the module takes {LONGEST} at most"
            ));
        }
        self.write_bytes(file, format!("{value}\n").as_bytes())
    }

    fn write_bytes(&self, file: &str, bytes: &[u8]) -> Result<(), String> {
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
        let written = open.write_all(bytes);
        written.map_err(|error| match self.read("error") {
            Ok(sentence) if !sentence.is_empty() => sentence,
            _ => format!("{file}: {error}"),
        })
    }
}
