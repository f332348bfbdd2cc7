// SPDX-License-Identifier: GPL-2.0

//! What a new export begins with: what clients have set of the one in whose place it comes.

use std::collections::BTreeMap;
use std::path::Path;

use super::diff::CLIENTS;
use super::wanted::Device;
use super::wanted::Wanted;
use crate::state::saved::excludes;
use crate::state::saved::file_of;
use crate::state::Made;
use crate::state::Target;

/// Whether a target has the disk that is wanted, by whatever path.
pub(super) fn is_same_disk(wanted: &Wanted, target: &Target) -> bool {
    // A number says nothing any more of a device that is gone.
    match &wanted.device {
        Device::Block {
            path, number, file, ..
        } => match target.has_lost_device() {
            true => file.is_some() || Path::new(&target.path) == path,
            false => target.device == *number,
        },
        // No loop device shows it, so that one that is there shows another file.
        Device::File(_) => target.has_lost_device(),
        Device::Missing(_) => false,
    }
}

/// What clients have set of a target, by the names of the settings, and whether it is online.
pub(super) fn set_before(target: &Target) -> BTreeMap<String, String> {
    let clients = CLIENTS.map(|it| (it.to_owned(), target.value(file_of(it)).to_owned()));
    let online = ("online".to_owned(), (!target.is_offline()).to_string());
    clients.into_iter().chain([online]).collect()
}

/// What a new export is given before it goes online.
pub(super) struct Beginning {
    /// Files, and the values that they get.
    pub(super) sets: Vec<(&'static str, String)>,
    /// Settings of which what was kept is of no use, and what there is to say of it.
    pub(super) unusable: Vec<(&'static str, String)>,
}

/// What an export begins with, where `before` is what was in force until now.
pub(super) fn beginning(
    wanted: &Wanted,
    made: Option<&Made>,
    before: &BTreeMap<String, String>,
) -> Beginning {
    let mut unusable = Vec::new();
    let access = wanted.policy.iter();
    let mut sets: Vec<(&'static str, String)> = access
        .filter(|(file, value)| file.starts_with("access/") && value != "all")
        .cloned()
        .collect();
    let identity = wanted.identity.iter();
    sets.extend(identity.filter_map(|(file, value)| Some((*file, value.clone()?))));
    for setting in CLIENTS {
        let configured = &wanted.start[setting];
        let unchanged = made.is_some_and(|made| made.start.get(setting) == Some(configured));
        let running = before.get(setting).filter(|_| unchanged);
        let value = match (running, wanted.saved.get(setting)) {
            (Some(running), _) => running,
            (None, Some(Ok(saved))) => saved,
            (None, Some(Err(reason))) => {
                let instead = if excludes(setting) {
                    format!("offline until kvctl online {}", wanted.name)
                } else {
                    "that of the configuration holds".to_owned()
                };
                let told = format!("{setting}: what was kept is of no use ({reason}): {instead}");
                unusable.push((setting, told));
                configured
            }
            (None, None) => configured,
        };
        if !value.is_empty() {
            sets.push((file_of(setting), value.to_owned()));
        }
    }
    Beginning { sets, unusable }
}

/// Whether it is put online.
pub(super) fn is_online(
    wanted: &Wanted,
    made: Option<&Made>,
    before: &BTreeMap<String, String>,
) -> bool {
    let unchanged = made.is_some_and(|it| it.start.get("online") == wanted.start.get("online"));
    match before.get("online") {
        Some(online) if unchanged => online == "true",
        _ => wanted.online,
    }
}
