// SPDX-License-Identifier: GPL-2.0

//! What clients have set of an export, and is to survive a restart of the machine: a file for each
//! export that has such.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use kvblade_wire::aoe::ConfigString;
use kvblade_wire::aoe::MacList;
use serde::Deserialize;
use serde::Serialize;

use super::file;
use super::kernel::config_string;
use super::kernel::Kernel;
use super::record::Made;

/// What is kept of an export, by the name of the setting.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(transparent)]
pub(crate) struct Saved(BTreeMap<String, Value>);

/// A setting.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Value {
    /// What it was, as sysfs has it, in one line.
    value: String,
    /// What the configuration said then. When the administrator says something else, that holds.
    configured: String,
}

impl Saved {
    fn path(lib: &Path, name: &str) -> PathBuf {
        lib.join("exports").join(format!("{name}.toml"))
    }

    /// What is kept of an export.
    pub(crate) fn load(lib: &Path, name: &str) -> Result<Self, String> {
        let path = Self::path(lib, name);
        match file::read(&path)? {
            None => Ok(Self::default()),
            Some(text) => toml::from_str(&text)
                .map_err(|error| format!("{}: damaged: {}", path.display(), error.message())),
        }
    }

    /// Keeps it; without anything to keep there is no file.
    pub(crate) fn store(&self, lib: &Path, name: &str) -> Result<(), String> {
        let path = Self::path(lib, name);
        if self.0.is_empty() {
            return match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    Err(format!("{}: {error}", path.display()))
                }
                _ => Ok(()),
            };
        }
        let text = toml::to_string(self).map_err(|error| error.to_string())?;
        file::replace(&path, &text)
    }

    /// What a setting was, or why that is of no use, unless the configuration has changed since.
    pub(crate) fn get(&self, setting: &str, configured: &str) -> Option<Result<&str, String>> {
        let kept = self.0.get(setting)?;
        (kept.configured == configured)
            .then(|| check(setting, &kept.value).map(|()| kept.value.as_str()))
    }

    /// Whether this is kept, and of no use.
    fn is_unusable(&self, setting: &str) -> bool {
        let kept = self.0.get(setting);
        kept.is_some_and(|kept| check(setting, &kept.value).is_err())
    }

    /// Notes what a setting is.
    pub(crate) fn set(&mut self, setting: &str, value: &str, configured: &str) {
        let (value, configured) = (value.to_owned(), configured.to_owned());
        self.0
            .insert(setting.to_owned(), Value { value, configured });
    }

    /// Forgets the settings that are not among these.
    pub(crate) fn keep_only(&mut self, settings: &[String]) {
        self.0.retain(|setting, _| settings.contains(setting));
    }
}

/// Whether the module would take a value.
fn check(setting: &str, value: &str) -> Result<(), String> {
    if setting == "config-string" {
        return match ConfigString::from_escaped(value.as_bytes()) {
            Some(_) => Ok(()),
            None => Err("longer than 1024 bytes, or with a wrong escape".into()),
        };
    }
    let list = MacList::parse(value);
    list.map(drop).map_err(|error| error.to_string())
}

/// Whether a setting keeps initiators away.
pub(crate) fn excludes(setting: &str) -> bool {
    setting != "config-string"
}

/// The file of sysfs for a setting that may be kept.
pub(crate) fn file_of(setting: &str) -> &'static str {
    match setting {
        "config-string" => "config",
        "mask" => "mask",
        _ => "reserve",
    }
}

/// Keeps what clients have set of a running export, as far as it is to be kept. One that is only half
/// made has not been given yet what was kept of it.
pub(crate) fn keep(kernel: &dyn Kernel, lib: &Path, name: &str, made: &Made) -> Result<(), String> {
    if made.unfinished {
        return Ok(());
    }
    let before = Saved::load(lib, name)?;
    let mut saved = before.clone();
    saved.keep_only(&made.persist);
    let nothing = String::new();
    for setting in &made.persist {
        for interface in &made.interfaces {
            let folder = made.address.on(interface);
            let text = match file_of(setting) {
                "config" => config_string(kernel, &folder),
                file => kernel.read(&format!("{folder}/{file}")),
            };
            // It may be gone; then there is nothing new to keep.
            let Ok(text) = text else {
                continue;
            };
            // That someone was kept away is not forgotten, if not who, until there is a new list.
            if !(excludes(setting) && text.is_empty() && saved.is_unusable(setting)) {
                let configured = made.start.get(setting).unwrap_or(&nothing);
                saved.set(setting, &text.replace('\n', " "), configured);
            }
            break;
        }
    }
    if saved == before {
        return Ok(());
    }
    saved.store(lib, name)
}
