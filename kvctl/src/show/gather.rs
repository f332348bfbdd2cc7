// SPDX-License-Identifier: GPL-2.0

//! All that can be shown of the exports, at one time.

use std::collections::BTreeMap;
use std::fs;

use serde::Serialize;

use super::latency::Histogram;
use crate::paths::Paths;
use crate::state::running;
use crate::state::Address;
use crate::state::Kernel;
use crate::state::Record;

/// The counters of an export on an interface.
const COUNTERS: [&str; 22] = [
    "requests",
    "reads",
    "read_sectors",
    "writes",
    "written_sectors",
    "flushes",
    "trims",
    "ata_errors",
    "aoe_errors",
    "retransmits",
    "repeated_joined",
    "answers_superseded",
    "dropped_window",
    "dropped_full",
    "dropped_to_all",
    "dropped_memory",
    "dropped_mask",
    "dropped_access",
    "dropped_copy",
    "dropped_conflict",
    "dropped_late",
    "dropped_mtu",
];

/// An export.
#[derive(Serialize)]
pub(crate) struct Export {
    /// Its name in the configuration, if `apply` has made it.
    pub(crate) name: Option<String>,
    pub(crate) address: Address,
    pub(crate) device: String,
    pub(crate) device_number: String,
    /// In sectors; nothing when the device is closed.
    pub(crate) sectors: Option<u64>,
    /// Requests under way.
    pub(crate) busy: u64,
    pub(crate) duplicates: u64,
    /// The settings, by the names of their files in sysfs.
    pub(crate) settings: BTreeMap<&'static str, String>,
    pub(crate) initiators: Vec<Initiator>,
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
    /// A counter.
    pub(crate) fn stat(&self, name: &str) -> u64 {
        self.stats.get(name).copied().unwrap_or(0)
    }
}

impl Export {
    /// Whether this is how someone calls the export: its name, or its address.
    pub(crate) fn is_called(&self, name: &str) -> bool {
        let address = name.strip_prefix('e').unwrap_or(name);
        self.name.as_deref() == Some(name) || address.parse() == Ok(self.address)
    }

    /// How it is called.
    pub(crate) fn title(&self) -> String {
        self.name.clone().unwrap_or_else(|| "-".into())
    }
}

/// Looks at all exports, or at those of these names.
pub(crate) fn gather(
    kernel: &dyn Kernel,
    paths: &Paths,
    names: &[String],
) -> Result<Vec<Export>, String> {
    let record = Record::load(&paths.run)?;
    let targets = running::targets(kernel)?;
    let mut exports = Vec::new();
    for (address, target) in targets {
        let Some(first) = target.ports.keys().next() else {
            continue;
        };
        let folder = address.on(first);
        let export = Export {
            name: record.name_of(address).map(str::to_owned),
            address,
            device: target.path,
            device_number: target.device,
            sectors: number(kernel, &format!("{folder}/scnt")),
            busy: number(kernel, &format!("{folder}/busy")).unwrap_or(0),
            duplicates: number(kernel, &format!("{folder}/duplicates")).unwrap_or(0),
            settings: target.values,
            initiators: initiators(kernel, &folder),
            ports: Vec::new(),
        };
        if !names.is_empty() && !names.iter().any(|name| export.is_called(name)) {
            continue;
        }
        let ports = target.ports.into_iter();
        let ports = ports.map(|(interface, state)| port(kernel, paths, address, interface, state));
        exports.push(Export {
            ports: ports.collect(),
            ..export
        });
    }
    match names
        .iter()
        .find(|name| !exports.iter().any(|it| it.is_called(name)))
    {
        Some(name) => Err(format!("{name}: not exported")),
        None => Ok(exports),
    }
}

fn number(kernel: &dyn Kernel, file: &str) -> Option<u64> {
    kernel.read(file).ok()?.parse().ok()
}

fn initiators(kernel: &dyn Kernel, folder: &str) -> Vec<Initiator> {
    let text = kernel
        .read(&format!("{folder}/initiators"))
        .unwrap_or_default();
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

fn port(
    kernel: &dyn Kernel,
    paths: &Paths,
    address: Address,
    interface: String,
    state: String,
) -> Port {
    let folder = address.on(&interface);
    let stats = COUNTERS
        .iter()
        .filter_map(|name| Some((*name, number(kernel, &format!("{folder}/stats/{name}"))?)))
        .collect();
    // Without debugfs no times are shown.
    let latency = fs::read_to_string(paths.debug.join(&folder).join("latency"));
    Port {
        mtu: number(kernel, &format!("{folder}/mtu")),
        stats,
        latency: Histogram::parse(&latency.unwrap_or_default()),
        interface,
        state,
    }
}
