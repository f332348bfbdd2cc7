// SPDX-License-Identifier: GPL-2.0

//! What is to be done about one export.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::diff::CLIENTS;
use crate::state::saved::file_of;
use crate::state::Address;
use crate::state::Made;

/// What is to be done about one export. All jobs do their removals before the first makes
/// something, so that addresses and devices may change hands.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Job {
    pub(crate) name: String,
    /// An interface on which it is exported all the time, or first.
    pub(crate) anchor: String,
    /// The export goes, if only to be made anew.
    pub(crate) removal: Option<Removal>,
    /// The loop device of the export, which is to take the size of its file over.
    pub(crate) resize: Option<PathBuf>,
    /// The export is made.
    pub(crate) making: Option<Making>,
    /// Files of sysfs, and the values they get.
    pub(crate) sets: Vec<(&'static str, String)>,
    /// What was kept of clients' settings and is of no use.
    pub(crate) unusable: Vec<String>,
    /// Interfaces on which it is to be exported as well, and those on which it is not any more.
    pub(crate) adds: Vec<String>,
    pub(crate) drops: Vec<String>,
    /// To be put online, or offline.
    pub(crate) online: Option<bool>,
    /// What is to be remembered then; nothing of an export that goes.
    pub(crate) made: Option<Made>,
}

/// How an export goes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Removal {
    pub(crate) address: Address,
    pub(crate) interfaces: Vec<String>,
    /// The loop device that kvctl has set up for it.
    pub(crate) loop_device: Option<PathBuf>,
    /// What is remembered of it.
    pub(crate) made: Made,
}

/// How an export is made.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Making {
    pub(crate) backing: Backing,
    /// `KEY=VALUE` words that must be the same on all interfaces.
    pub(crate) options: String,
    pub(crate) force: bool,
}

/// What is to be exported.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Backing {
    Device(PathBuf),
    /// A file that is to get a loop device.
    File(PathBuf, ReadOnly),
}

/// Whether a loop device is not to be written to.
pub(crate) type ReadOnly = bool;

impl Job {
    /// Whether there is nothing to do, but to remember it.
    pub(crate) fn is_done(&self) -> bool {
        let is_as_wanted = self.removal.is_none() && self.making.is_none() && self.online.is_none();
        is_as_wanted && self.sets.is_empty() && self.adds.is_empty() && self.drops.is_empty()
    }

    /// What clients have set of an export that is made, by the names of the settings, and whether it is
    /// to be online.
    pub(crate) fn clients(&self) -> BTreeMap<String, String> {
        let value = |setting: &str| {
            let mut sets = self.sets.iter();
            let found = sets.find(|(file, _)| *file == file_of(setting));
            (
                setting.to_owned(),
                found.map_or_else(String::new, |(_, value)| value.clone()),
            )
        };
        let online = self.online.unwrap_or_default().to_string();
        let online = ("online".to_owned(), online);
        CLIENTS.map(value).into_iter().chain([online]).collect()
    }

    /// A line for each thing to be done.
    pub(crate) fn describe(&self, running: &BTreeMap<&'static str, String>) -> Vec<String> {
        let mut lines = Vec::new();
        let mut say = |text: String| lines.push(format!("{}: {text}", self.name));
        if let Some(removal) = &self.removal {
            for interface in &removal.interfaces {
                say(format!("remove {} from {interface}", removal.address));
            }
            if let Some(device) = &removal.loop_device {
                say(format!("release {}", device.display()));
            }
        }
        let address = self.made.as_ref().map(|made| made.address.to_string());
        let address = address.unwrap_or_default();
        if let Some(making) = &self.making {
            let (path, how) = match &making.backing {
                Backing::Device(path) => (path, ""),
                Backing::File(path, _) => (path, " by a loop device"),
            };
            let (interface, path) = (&self.anchor, path.display());
            say(format!("add {address} on {interface}: {path}{how}"));
        }
        if let Some(device) = &self.resize {
            say(format!(
                "take the size of its file over: {}",
                device.display()
            ));
        }
        for (file, value) in &self.sets {
            match running.get(file).filter(|_| self.making.is_none()) {
                Some(before) => say(format!(
                    "set {file}: {}, was {}",
                    shown(value),
                    shown(before)
                )),
                None => say(format!("set {file}: {}", shown(value))),
            }
        }
        for interface in &self.adds {
            say(format!("add {address} on {interface}"));
        }
        for interface in &self.drops {
            say(format!("remove {address} from {interface}"));
        }
        match self.online {
            Some(true) if self.making.is_none() => say("put online".into()),
            Some(false) => say("put offline".into()),
            _ => {}
        }
        lines
    }
}

fn shown(value: &str) -> &str {
    if value.is_empty() {
        "(none)"
    } else {
        value
    }
}
