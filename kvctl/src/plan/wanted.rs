// SPDX-License-Identifier: GPL-2.0

//! What the configuration comes to on this machine, now.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use glob::Pattern;
use kvblade_wire::aoe::Mac;
use kvblade_wire::settings::Mode;
use kvblade_wire::settings::Tunable;

use super::cards::Nature;
use super::choice::is_pattern;
use super::choice::Choice;
use super::host::Machine;
use crate::config::model::Source;
use crate::config::table::Format;
use crate::config::table::Require;
use crate::config::Config;
use crate::config::Export;
use crate::state::saved::Saved;
use crate::state::Address;
use crate::state::Target;

/// An export as it is to be.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) name: String,
    pub(crate) file: PathBuf,
    pub(crate) address: Address,
    pub(crate) device: Device,
    pub(crate) interfaces: Vec<String>,
    /// What can only be said when it is made, by the names of files.
    pub(crate) mode: Vec<(&'static str, String)>,
    /// What can be changed at any time, and has a value in any case.
    pub(crate) policy: Vec<(&'static str, String)>,
    /// Model, serial number and world wide name, as far as they are said.
    pub(crate) identity: Vec<(&'static str, Option<String>)>,
    /// Config string, mask list and reservation as the configuration has them.
    pub(crate) start: BTreeMap<String, String>,
    pub(crate) online: bool,
    /// What clients have set of these before, and is to hold when the export is made; or why what
    /// is kept of it is of no use.
    pub(crate) saved: BTreeMap<&'static str, Result<String, String>>,
    pub(crate) persist: Vec<String>,
    pub(crate) force: bool,
    /// The file is a disk, whatever it looks like.
    pub(crate) raw: bool,
}

/// Where the data are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Device {
    /// A block device, with its number, and the file if it is a loop device for one: then whether that
    /// has another size by now.
    Block {
        path: PathBuf,
        number: String,
        file: Option<PathBuf>,
        has_other_size: bool,
    },
    /// A file that has no loop device yet.
    File(PathBuf),
    /// It is not there, for a reason.
    Missing(String),
}

/// What is known of the machine while exports are planned.
pub(crate) struct Surroundings<'a> {
    pub(crate) machine: &'a dyn Machine,
    pub(crate) interfaces: BTreeMap<String, Nature>,
    pub(crate) loops: BTreeMap<PathBuf, PathBuf>,
    pub(crate) caps: &'a [(Pattern, u32)],
    pub(crate) requirements: &'a [(Pattern, Require)],
    /// The own names of interfaces that these two name by others.
    own_names: BTreeMap<&'a str, String>,
}

impl<'a> Surroundings<'a> {
    /// Looks at the machine.
    pub(crate) fn new(machine: &'a dyn Machine, config: &'a Config) -> Self {
        let interfaces = machine.interfaces();
        let caps = config.caps.iter().map(|(pattern, _)| pattern);
        let named = caps.chain(config.requirements.iter().map(|(pattern, _)| pattern));
        let own_names = named
            .map(Pattern::as_str)
            .filter(|name| !interfaces.contains_key(*name) && !is_pattern(name))
            .filter_map(|name| Some((name, machine.own_name(name)?)))
            .collect();
        Self {
            machine,
            interfaces,
            own_names,
            loops: machine.loops(),
            caps: &config.caps,
            requirements: &config.requirements,
        }
    }

    /// What an export comes to, where `running` is what there is of it; also tells how its
    /// interfaces were chosen.
    pub(crate) fn want(
        &self,
        export: &Export,
        address: Address,
        running: Option<&Target>,
        saved: &Result<Saved, String>,
    ) -> (Wanted, Choice) {
        let choice = self.choose(export, running);
        let interfaces: Vec<String> = choice.interfaces.iter().cloned().collect();
        let start = start(export);
        let persist = export.own.persist.as_deref().unwrap_or_default();
        let saved = persist
            .iter()
            .filter_map(|persist| {
                let setting = persist.word();
                let configured = start.get(setting)?;
                let value = match saved {
                    Ok(saved) => saved.get(setting, configured)?.map(str::to_owned),
                    Err(reason) => Err(reason.clone()),
                };
                Some((setting, value))
            })
            .collect();
        let wanted = Wanted {
            name: export.name.clone(),
            file: export.file.clone(),
            address,
            device: self.device_of(export, running),
            mode: mode(export),
            policy: policy(export, self.mtu_of(export, &interfaces)),
            identity: vec![
                ("model", export.model.clone()),
                ("sn", export.serial.clone()),
                ("wwn", export.wwn.clone()),
            ],
            start,
            online: export.start.online,
            saved,
            persist: words(persist),
            force: export.force,
            raw: export.own.format.is_some(),
            interfaces,
        };
        (wanted, choice)
    }

    /// A loop device for a file: the one that is exported already, if it is one.
    fn loop_of(&self, file: &Path, running: Option<&Target>) -> Option<&PathBuf> {
        let shown = self.loops.iter().filter(|(_, it)| *it == file);
        let mut devices = shown.map(|(device, _)| device);
        let is_running = |device: &&PathBuf| {
            running.is_some_and(|target| Path::new(&target.path) == device.as_path())
        };
        devices.clone().find(is_running).or_else(|| devices.next())
    }

    fn device_of(&self, export: &Export, running: Option<&Target>) -> Device {
        let block = |path: &PathBuf, file: Option<PathBuf>| match self.machine.device(path) {
            Ok(number) => Device::Block {
                path: path.clone(),
                number,
                has_other_size: file
                    .as_ref()
                    .is_some_and(|file| self.machine.has_other_size(path, file)),
                file,
            },
            Err(reason) => Device::Missing(reason),
        };
        match &export.source {
            Source::Device(path) => block(path, None),
            Source::File(path) => match self.machine.regular_file(path) {
                Err(reason) => Device::Missing(reason),
                Ok(file) => match self.loop_of(&file, running) {
                    Some(device) => block(device, Some(file)),
                    None => match (export.own.format, self.machine.is_no_disk(&file)) {
                        (None, Some(reason)) => Device::Missing(reason),
                        (Some(Format::Raw), _) | (None, None) => Device::File(file),
                    },
                },
            },
        }
    }

    /// Whether a table for interfaces speaks of this one.
    pub(super) fn means(&self, pattern: &Pattern, name: &str) -> bool {
        let own = self.own_names.get(pattern.as_str());
        pattern.matches(name) || own.is_some_and(|own| own == name)
    }

    /// A disk has one limit for all of its interfaces: the least of those that are said.
    fn mtu_of(&self, export: &Export, interfaces: &[String]) -> u32 {
        let caps = self
            .caps
            .iter()
            .filter(|(pattern, _)| interfaces.iter().any(|name| self.means(pattern, name)))
            .map(|(_, mtu)| *mtu);
        let limits = caps
            .chain([export.tuned.number(Tunable::MtuMax)])
            .filter(|mtu| *mtu != 0);
        limits.min().unwrap_or(0)
    }
}

fn mode(export: &Export) -> Vec<(&'static str, String)> {
    let value = |mode| match mode {
        Mode::ReadOnly => export.read_only.into(),
        Mode::Shared => export.shared.into(),
        Mode::Offset => export.offset,
        Mode::Length => export.length,
    };
    let modes = Mode::ALL.into_iter();
    modes
        .map(|mode| (mode.row().file, value(mode).to_string()))
        .collect()
}

fn policy(export: &Export, mtu: u32) -> Vec<(&'static str, String)> {
    let shown = |tunable| match tunable {
        Tunable::MtuMax => tunable.row().form.shown(mtu),
        other => export.tuned.shown(other),
    };
    let tunables = Tunable::ALL.into_iter();
    let tunables = tunables.map(|tunable| (tunable.row().file, shown(tunable).to_string()));
    let access = export.access();
    let access = access.map(|(file, set)| (file, set.to_string()));
    tunables.chain(access).collect()
}

/// By the names of the settings, as sysfs shows them, lists in one line.
fn start(export: &Export) -> BTreeMap<String, String> {
    let start = &export.start;
    BTreeMap::from([
        ("config-string".to_owned(), start.config.to_string()),
        ("mask".to_owned(), line(&start.mask)),
        ("reserve".to_owned(), line(&start.reserve)),
        ("online".to_owned(), start.online.to_string()),
    ])
}

fn line(macs: &[Mac]) -> String {
    let texts: Vec<String> = macs.iter().map(Mac::to_string).collect();
    texts.join(" ")
}

fn words(persist: &[crate::config::table::Persist]) -> Vec<String> {
    persist.iter().map(|it| it.word().to_owned()).collect()
}
