// SPDX-License-Identifier: GPL-2.0

//! From what is and what is to be, to what must be done. Nothing else is touched.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;

use kvblade_wire::settings::Tunable;

use super::begin::beginning;
use super::begin::is_online;
use super::begin::is_same_disk;
use super::begin::set_before;
use super::begin::Beginning;
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
                Ok(self.change(wanted, made, target))
            }
            (Some(_), Some(name))
                if name != wanted.name && !self.leaving.contains(&wanted.address) =>
            {
                Err(format!("address {} is that of {name}", wanted.address))
            }
            (Some(target), None) if fits(wanted, target)? => Ok(self.change(wanted, None, target)),
            (Some(target), None) => Err(format!(
                "address {} is exported by hand, for {}: remove that first, with kvdel",
                wanted.address, target.path
            )),
            _ => self.make(wanted, made, own),
        }
    }

    /// Why the module cannot have a setting as it is wanted: it does not know it. All exports are of one
    /// module.
    fn unknown(&self, file: &str) -> Option<String> {
        let target = self.targets.values().next()?;
        let tunable = target.unknown.iter().find(|it| it.row().file == file)?;
        Some(format!(
            "{}: the module that is loaded is older and does not know it; load the new one (kvctl stop, \
             rmmod kvblade_rs, systemctl restart kvblade), or leave it out",
            tunable.row().key
        ))
    }

    /// Makes an export, unless the module would not take it: then what there is of it stays.
    fn make(
        &self,
        wanted: &Wanted,
        made: Option<&Made>,
        own: Option<&Target>,
    ) -> Result<Job, String> {
        let mut said = said(wanted);
        if let Some(reason) = said.find_map(|tunable| self.unknown(tunable.row().file)) {
            return Err(reason);
        }
        make(wanted, made, own)
    }

    /// Changes what runs, but for what the module does not know.
    fn change(&self, wanted: &Wanted, made: Option<&Made>, target: &Target) -> Job {
        let mut job = change(wanted, made, target);
        job.sets.retain(|(file, _)| match self.unknown(file) {
            None => true,
            Some(reason) => {
                job.unusable.push(reason);
                false
            }
        });
        job
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
        raw: wanted.raw,
        unfinished: false,
        clients: BTreeMap::new(),
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
    let is_whole = made.is_some_and(|made| !made.unfinished);
    let own = own.filter(|_| is_whole);
    let before = match own {
        // What clients have set belongs to the disk: another one begins anew.
        Some(target) => is_same_disk(wanted, target).then(|| set_before(target)),
        // It was being made anew when whoever did so was killed.
        None => made.map(|made| made.clients.clone()),
    };
    let before = before.unwrap_or_default();
    let mut remembered = remember(wanted, None, &Target::default());
    remembered.loop_device = kept_loop;
    let Beginning { sets, unusable } = beginning(wanted, made, &before);
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
        online: Some(is_safe && is_online(wanted, made, &before)),
        made: Some(remembered),
    })
}

/// The settings that are to be other than they are by themselves.
fn said(wanted: &Wanted) -> impl Iterator<Item = Tunable> + '_ {
    let usual = |tunable: &Tunable| tunable.row().form.shown(tunable.row().default).to_string();
    Tunable::ALL.into_iter().filter(move |tunable| {
        let mut policy = wanted.policy.iter();
        let found = policy.find(|(name, _)| *name == tunable.row().file);
        found.is_some_and(|(_, value)| *value != usual(tunable))
    })
}

/// The words of `add` that must be the same on all interfaces. What is as it is by itself is not said:
/// an older module may not know it.
fn options(wanted: &Wanted) -> String {
    let policy = said(wanted).filter_map(|tunable| {
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
