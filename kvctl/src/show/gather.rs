// SPDX-License-Identifier: GPL-2.0

//! All that can be shown of the exports, at one time.

use std::collections::BTreeMap;

use kvblade_wire::state::State;
use kvblade_wire::state::Word;
use serde::Serialize;

use super::counters;
use super::latency::Histogram;
use crate::paths::Paths;
use crate::state::running;
use crate::state::Address;
use crate::state::Folder;
use crate::state::Kernel;
use crate::state::Record;
use crate::state::Target;

/// An export.
#[derive(Serialize)]
pub(crate) struct ExportStatus {
    /// Its name in the configuration, if `apply` has made it.
    pub(crate) name: Option<String>,
    pub(crate) address: Address,
    pub(crate) device: String,
    pub(crate) device_number: String,
    /// In sectors; nothing when the device is closed.
    pub(crate) sectors: Option<u64>,
    /// Requests in flight.
    pub(crate) busy: u64,
    pub(crate) duplicates: u64,
    /// The settings, by the names of their files in sysfs.
    pub(crate) settings: BTreeMap<&'static str, String>,
    pub(crate) initiators: Vec<Initiator>,
    /// The cards of the clients that have written and are not gone.
    pub(crate) writers: Vec<String>,
    pub(crate) ports: Vec<Port>,
}

/// A client.
#[derive(Serialize)]
pub(crate) struct Initiator {
    pub(crate) mac: String,
    pub(crate) busy: u64,
    /// How many seconds ago it was heard.
    pub(crate) heard: u64,
}

/// An export on one interface.
#[derive(Serialize)]
pub(crate) struct Port {
    pub(crate) interface: String,
    pub(crate) state: String,
    pub(crate) mtu: Option<u64>,
    pub(crate) stats: BTreeMap<&'static str, u64>,
    pub(crate) latency: Histogram,
}

impl Port {
    /// The word of the state, also of one that a newer module tells.
    pub(crate) fn word(&self) -> Option<Word> {
        Word::of_state(&self.state)
    }

    /// The state, if it is one that is known here.
    pub(crate) fn known(&self) -> Option<State> {
        State::parse(&self.state)
    }

    /// Whether it serves as it should.
    pub(crate) fn is_up(&self) -> bool {
        self.word() == Some(Word::Up)
    }

    /// A counter.
    pub(crate) fn stat(&self, name: &str) -> u64 {
        self.stats.get(name).copied().unwrap_or(0)
    }
}

impl ExportStatus {
    /// The export on this interface.
    pub(crate) fn on(&self, interface: &str) -> Option<&Port> {
        self.ports.iter().find(|port| port.interface == interface)
    }

    /// How it is called where there must be something: by its name, or its address as clients have it.
    pub(crate) fn label(&self) -> String {
        let address = || format!("e{}", self.address);
        self.name.clone().unwrap_or_else(address)
    }

    /// How it is called.
    pub(crate) fn title(&self) -> String {
        self.name.clone().unwrap_or_else(|| "-".into())
    }
}

/// What someone calls exports by: their names, and addresses where no export has that for its name.
pub(crate) struct Called<'a>(Vec<(&'a str, Option<Address>)>);

impl<'a> Called<'a> {
    /// `has` tells whether there is an export of this name.
    pub(crate) fn new(names: &'a [String], has: impl Fn(&str) -> bool) -> Self {
        let address = |name: &str| name.strip_prefix('e').unwrap_or(name).parse().ok();
        let called = |name: &'a String| match has(name) {
            true => (name.as_str(), None),
            false => (name.as_str(), address(name)),
        };
        Self(names.iter().map(called).collect())
    }

    /// Whether they mean this one; none mean all.
    pub(crate) fn mean(&self, export: &ExportStatus) -> bool {
        self.0.is_empty() || self.0.iter().any(|one| is_called(export, one))
    }

    /// One that means none of these.
    pub(crate) fn unknown(&self, exports: &[ExportStatus]) -> Option<&'a str> {
        let is_unknown =
            |one: &&(&str, Option<Address>)| !exports.iter().any(|it| is_called(it, one));
        self.0.iter().find(is_unknown).map(|(name, _)| *name)
    }
}

fn is_called(export: &ExportStatus, (name, address): &(&str, Option<Address>)) -> bool {
    match address {
        Some(address) => export.address == *address,
        None => export.name.as_deref() == Some(name),
    }
}

/// Looks at all exports, or at those of these names.
pub(crate) fn gather(
    kernel: &dyn Kernel,
    paths: &Paths,
    names: &[String],
) -> Result<Vec<ExportStatus>, String> {
    let record = Record::load(&paths.run)?;
    describe(kernel, &record, running::targets(kernel)?, names)
}

/// All that there is to say of these exports, or of those of these names.
pub(crate) fn describe(
    kernel: &dyn Kernel,
    record: &Record,
    targets: BTreeMap<Address, Target>,
    names: &[String],
) -> Result<Vec<ExportStatus>, String> {
    let owners = record.names();
    let has = |name: &str| targets.keys().any(|it| owners.get(it) == Some(&name));
    let called = Called::new(names, has);
    let mut exports = Vec::new();
    for (address, target) in targets {
        let folders: Vec<(&String, Folder<'_>)> = target
            .ports
            .keys()
            .map(|interface| {
                let summary = target.summaries.get(interface);
                let summary = summary.map_or("", String::as_str);
                (interface, Folder::new(kernel, address, interface, summary))
            })
            .collect();
        let Some((_, folder)) = folders.first() else {
            continue;
        };
        let export = ExportStatus {
            name: owners.get(&address).map(|name| (*name).to_owned()),
            address,
            device: target.path.clone(),
            device_number: target.device.clone(),
            sectors: folder.number("scnt"),
            busy: folder.number("busy").unwrap_or(0),
            duplicates: folder.number("duplicates").unwrap_or(0),
            settings: target.values.clone(),
            initiators: initiators(folder),
            writers: writers(folder),
            ports: Vec::new(),
        };
        if !called.mean(&export) {
            continue;
        }
        let states = target.ports.values();
        let ports = folders.iter().zip(states);
        let ports = ports.map(|((interface, folder), state)| port(folder, interface, state));
        exports.push(ExportStatus {
            ports: ports.collect(),
            ..export
        });
    }
    match called.unknown(&exports) {
        Some(name) => Err(format!("{name}: not exported")),
        None => Ok(exports),
    }
}

fn initiators(folder: &Folder<'_>) -> Vec<Initiator> {
    let text = folder.read("initiators").unwrap_or_default();
    let initiator = |line: &str| {
        let mut words = line.split_whitespace();
        Some(Initiator {
            mac: words.next()?.to_owned(),
            busy: words.next()?.parse().ok()?,
            heard: words.next()?.parse().ok()?,
        })
    };
    text.lines().filter_map(initiator).collect()
}

fn writers(folder: &Folder<'_>) -> Vec<String> {
    let text = folder.read("writers").unwrap_or_default();
    let cards = text.lines().filter_map(|line| line.split(' ').next());
    cards
        .filter(|it| !it.is_empty())
        .map(str::to_owned)
        .collect()
}

fn port(folder: &Folder<'_>, interface: &str, state: &str) -> Port {
    let value = |counter: &'static counters::Row| {
        let value = folder.number(counter.in_stats)?;
        Some((counter.file, value))
    };
    let latency = folder.read("stats/latency").unwrap_or_default();
    Port {
        mtu: folder.number("mtu"),
        stats: counters::all().filter_map(value).collect(),
        latency: Histogram::parse(&latency),
        interface: interface.to_owned(),
        state: state.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn export(name: &str, address: &str) -> ExportStatus {
        ExportStatus {
            name: Some(name.to_owned()),
            address: address.parse().unwrap(),
            device: String::new(),
            device_number: String::new(),
            sectors: None,
            busy: 0,
            duplicates: 0,
            settings: BTreeMap::new(),
            initiators: Vec::new(),
            writers: Vec::new(),
            ports: Vec::new(),
        }
    }

    #[test]
    fn a_name_that_looks_like_an_address_is_a_name() {
        let exports = [export("e0.1", "0.9"), export("disk", "0.1")];
        let has = |name: &str| exports.iter().any(|it| it.name.as_deref() == Some(name));
        let meant = |name: &str| {
            let names = [name.to_owned()];
            let called = Called::new(&names, has);
            let meant = exports.iter().filter(|it| called.mean(it));
            let meant: Vec<String> = meant.map(ExportStatus::title).collect();
            (meant, called.unknown(&exports).map(str::to_owned))
        };
        assert_eq!(meant("e0.1"), (vec!["e0.1".to_owned()], None));
        assert_eq!(meant("0.1"), (vec!["disk".to_owned()], None));
        assert_eq!(meant("e0.9"), (vec!["e0.1".to_owned()], None));
        assert_eq!(meant("0.7"), (vec![], Some("0.7".to_owned())));
    }
}
