// SPDX-License-Identifier: GPL-2.0

//! From what is and what is to be, to what must be done. Nothing else is touched.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;

use kvblade_wire::settings::Tunable;

use super::job::Backing;
use super::job::Job;
use super::job::Making;
use super::job::Removal;
use super::wanted::Device;
use super::wanted::Wanted;
use crate::state::saved::excludes;
use crate::state::saved::file_of;
use crate::state::Address;
use crate::state::Made;
use crate::state::Record;
use crate::state::Target;

/// Settings that clients may change: what they are now stays, unless the administrator changes
/// what they are to be.
pub(super) const CLIENTS: [&str; 3] = ["config-string", "mask", "reserve"];

/// What is.
pub(crate) struct Present<'a> {
    pub(crate) targets: &'a BTreeMap<Address, Target>,
    pub(crate) record: &'a Record,
    owners: BTreeMap<Address, &'a str>,
    /// Addresses that will be free: their exports go, or move.
    pub(crate) leaving: &'a BTreeSet<Address>,
}

impl<'a> Present<'a> {
    /// What there is.
    pub(crate) fn new(
        targets: &'a BTreeMap<Address, Target>,
        record: &'a Record,
        leaving: &'a BTreeSet<Address>,
    ) -> Self {
        Self {
            targets,
            record,
            owners: record.names(),
            leaving,
        }
    }

    /// What there is of an export of this name, with what is remembered of it.
    pub(crate) fn of(&self, name: &str) -> (Option<&'a Made>, Option<&'a Target>) {
        let made = self.record.exports.get(name);
        let target = made.and_then(|made| self.targets.get(&made.address));
        (made, target)
    }

    /// What must be done to have an export.
    pub(crate) fn job(&self, wanted: &Wanted) -> Result<Job, String> {
        let (made, own) = self.of(&wanted.name);
        let occupant = self.targets.get(&wanted.address);
        let owner = self.owners.get(&wanted.address).copied();
        match (occupant, owner) {
            (Some(target), Some(name))
                if name == wanted.name
                    && made.is_some_and(|made| !made.unfinished)
                    && fits(wanted, target)? =>
            {
                Ok(change(wanted, made, target))
            }
            (Some(_), Some(name))
                if name != wanted.name && !self.leaving.contains(&wanted.address) =>
            {
                Err(format!("address {} is that of {name}", wanted.address))
            }
            (Some(target), None) if fits(wanted, target)? => Ok(change(wanted, None, target)),
            (Some(target), None) => Err(format!(
                "address {} is exported by hand, for {}: remove that first, with kvdel",
                wanted.address, target.path
            )),
            _ => make(wanted, made, own),
        }
    }

    /// What must be done to have an export no more.
    pub(crate) fn end(&self, name: &str) -> Option<Job> {
        let (made, target) = self.of(name);
        Some(Job {
            name: name.to_owned(),
            removal: Some(removal(made?, target)),
            ..Job::default()
        })
    }
}

fn removal(made: &Made, target: Option<&Target>) -> Removal {
    let running = |name: &&String| target.is_some_and(|target| target.ports.contains_key(*name));
    Removal {
        address: made.address,
        interfaces: made.interfaces.iter().filter(running).cloned().collect(),
        loop_device: made.loop_device.clone(),
        made: made.clone(),
    }
}

/// Whether what runs can become what is wanted without being made anew.
fn fits(wanted: &Wanted, target: &Target) -> Result<bool, String> {
    let same_device = match &wanted.device {
        Device::Block { path, number, .. } => {
            Path::new(&target.path) == path && target.device == *number && !target.has_lost_device()
        }
        Device::File(_) => false,
        Device::Missing(reason) => return Err(reason.clone()),
    };
    let same_mode = wanted
        .mode
        .iter()
        .all(|(file, value)| target.value(file) == value);
    Ok(same_device && same_mode)
}

/// Changes what runs.
fn change(wanted: &Wanted, made: Option<&Made>, target: &Target) -> Job {
    let mut sets: Vec<(&'static str, String)> = wanted
        .policy
        .iter()
        .filter(|(file, value)| target.value(file) != value)
        .cloned()
        .collect();
    for (file, value) in &wanted.identity {
        let value = value.clone().or_else(|| told_before(made?, file));
        if let Some(value) = value.filter(|value| target.value(file) != value) {
            sets.push((*file, value));
        }
    }
    for setting in CLIENTS {
        let (value, file) = (&wanted.start[setting], file_of(setting));
        let changed = match made {
            Some(made) => made.start.get(setting) != Some(value),
            None => !value.is_empty(),
        };
        if changed && target.value(file) != value {
            sets.push((file, value.clone()));
        }
    }
    let asked = made.is_none_or(|made| made.start.get("online") != wanted.start.get("online"));
    let online = (asked && target.is_offline() == wanted.online).then_some(wanted.online);
    let own = made.map_or(&[][..], |made| &made.interfaces);
    let adds = wanted.interfaces.iter();
    let drops = own
        .iter()
        .filter(|it| !wanted.interfaces.contains(it) && target.ports.contains_key(*it));
    let mut anchors = wanted.interfaces.iter().chain(target.ports.keys());
    let anchor = anchors.find(|it| target.ports.contains_key(*it));
    let remembered = Made {
        loop_device: made.and_then(|made| made.loop_device.clone()),
        ..remember(wanted, made, target)
    };
    // Of what others have set up the size is their affair.
    let resize = match &wanted.device {
        Device::Block {
            path,
            has_other_size: true,
            ..
        } => remembered.loop_device.clone().filter(|it| it == path),
        _ => None,
    };
    Job {
        name: wanted.name.clone(),
        resize,
        anchor: anchor.cloned().unwrap_or_default(),
        sets,
        adds: adds
            .filter(|it| !target.ports.contains_key(*it))
            .cloned()
            .collect(),
        drops: drops.cloned().collect(),
        online,
        made: Some(remembered),
        ..Job::default()
    }
}

/// What clients were told before the configuration spoke of it.
fn told_before(made: &Made, file: &str) -> Option<String> {
    Some(match file {
        "model" => made.model.clone(),
        "sn" => made.serial.clone(),
        _ => String::new(),
    })
}

fn remember(wanted: &Wanted, made: Option<&Made>, target: &Target) -> Made {
    let before = |pick: fn(&Made) -> &String, file: &str| match made {
        Some(made) => pick(made).clone(),
        None => target.value(file).to_owned(),
    };
    Made {
        address: wanted.address,
        interfaces: wanted.interfaces.clone(),
        loop_device: None,
        model: before(|made| &made.model, "model"),
        serial: before(|made| &made.serial, "sn"),
        start: wanted.start.clone(),
        persist: wanted.persist.clone(),
        file: Some(wanted.file.clone()),
        table: None,
        unfinished: false,
    }
}

/// Makes an export, in place of what there is of it.
fn make(wanted: &Wanted, made: Option<&Made>, own: Option<&Target>) -> Result<Job, String> {
    let mut kept_loop = None;
    let mut removal = made.map(|made| removal(made, own));
    let read_only = wanted.mode.contains(&("ro", "1".to_owned()));
    let backing = match &wanted.device {
        Device::Missing(reason) => return Err(reason.clone()),
        Device::File(file) => Backing::File(file.clone(), read_only),
        Device::Block { path, file, .. } => {
            let ours = made.is_some_and(|made| made.loop_device.as_ref() == Some(path));
            match file {
                // Whether it can be written to is said when a loop device is set up.
                Some(file) if ours && own.is_some() => Backing::File(file.clone(), read_only),
                _ => {
                    if ours {
                        kept_loop = Some(path.clone());
                        removal.iter_mut().for_each(|it| it.loop_device = None);
                    }
                    Backing::Device(path.clone())
                }
            }
        }
    };
    let removal = removal.filter(|it| !it.interfaces.is_empty() || it.loop_device.is_some());
    let (anchor, adds) = wanted
        .interfaces
        .split_first()
        .ok_or("none of its interfaces is there")?;
    // What clients have set belongs to the disk: another one begins anew.
    let same_disk = |target: &&Target| match &backing {
        Backing::Device(path) => Path::new(&target.path) == path,
        Backing::File(..) => true,
    };
    let is_whole = made.is_some_and(|made| !made.unfinished);
    let before = own.filter(same_disk).filter(|_| is_whole);
    let mut remembered = remember(wanted, None, &Target::default());
    remembered.loop_device = kept_loop;
    let Beginning { sets, unusable } = beginning(wanted, made, before);
    // Whoever was kept away must not come in because it is not known any more who that was.
    let is_safe = !unusable.iter().any(|(setting, _)| excludes(setting));
    Ok(Job {
        name: wanted.name.clone(),
        anchor: anchor.clone(),
        removal,
        resize: None,
        making: Some(Making {
            backing,
            options: options(wanted),
            force: wanted.force,
        }),
        sets,
        unusable: unusable.into_iter().map(|(_, told)| told).collect(),
        adds: adds.to_vec(),
        drops: Vec::new(),
        online: Some(is_safe && is_online(wanted, made, before)),
        made: Some(remembered),
    })
}

/// The words of `add` that must be the same on all interfaces.
fn options(wanted: &Wanted) -> String {
    let policy = Tunable::ALL.into_iter().filter_map(|tunable| {
        let row = tunable.row();
        let (_, value) = wanted.policy.iter().find(|(name, _)| *name == row.file)?;
        Some((row.add, value))
    });
    let mode = wanted.mode.iter().map(|(file, value)| (*file, value));
    mode.chain(policy)
        .map(|(option, value)| format!("{option}={value}"))
        .collect::<Vec<_>>()
        .join(" ")
}

/// What a new export is given before it goes online.
struct Beginning {
    /// Files, and the values that they get.
    sets: Vec<(&'static str, String)>,
    /// Settings of which what was kept is of no use, and what there is to say of it.
    unusable: Vec<(&'static str, String)>,
}

fn beginning(wanted: &Wanted, made: Option<&Made>, own: Option<&Target>) -> Beginning {
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
        let running = own.filter(|_| unchanged);
        let value = match (running, wanted.saved.get(setting)) {
            (Some(target), _) => target.value(file_of(setting)),
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

fn is_online(wanted: &Wanted, made: Option<&Made>, own: Option<&Target>) -> bool {
    let unchanged = made.is_some_and(|it| it.start.get("online") == wanted.start.get("online"));
    match own {
        Some(target) if unchanged => !target.is_offline(),
        _ => wanted.online,
    }
}
