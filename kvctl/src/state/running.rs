// SPDX-License-Identifier: GPL-2.0

//! What the module exports now.

use std::collections::BTreeMap;
use std::io;

use kvblade_wire::access::Right;
use kvblade_wire::settings::Setting;
use kvblade_wire::settings::Start;
use kvblade_wire::settings::Tunable;
use kvblade_wire::state::State;
use kvblade_wire::state::Word;

use super::address::Address;
use super::folder::summary;
use super::folder::Folder;
use super::kernel::Kernel;

/// An exported disk, on all of its interfaces.
#[derive(Clone, Debug, Default)]
pub(crate) struct Target {
    /// The values of files, by their names. Lists are in one line.
    pub(crate) values: BTreeMap<&'static str, String>,
    pub(crate) path: String,
    /// The device's number, `MAJOR:MINOR`.
    pub(crate) device: String,
    /// The state on each interface.
    pub(crate) ports: BTreeMap<String, String>,
    /// What the module told of it on each interface in one text.
    pub(crate) summaries: BTreeMap<String, String>,
    /// Settings that the module does not know.
    pub(crate) unknown: Vec<Tunable>,
}

impl Target {
    /// A value, as sysfs has it.
    pub(crate) fn value(&self, file: &str) -> &str {
        self.values.get(file).map_or("", String::as_str)
    }

    /// Whether clients are refused I/O by the administrator's will.
    pub(crate) fn is_offline(&self) -> bool {
        let mut words = self.ports.values().map(|state| Word::of_state(state));
        words.any(|word| word == Some(Word::Offline))
    }

    /// Whether the device is not there any more.
    pub(crate) fn has_lost_device(&self) -> bool {
        let mut states = self.ports.values().filter_map(|state| State::parse(state));
        states.any(|state| state.has_lost_device())
    }
}

/// Reads all exports. One that goes away meanwhile is left out.
pub(crate) fn targets(kernel: &dyn Kernel) -> Result<BTreeMap<Address, Target>, String> {
    let mut targets: BTreeMap<Address, Target> = BTreeMap::new();
    for (address, interface) in kernel.ports()? {
        let summary = summary(kernel, address, &interface);
        let folder = Folder::new(kernel, address, &interface, &summary);
        let Ok(state) = folder.read("state") else {
            continue;
        };
        let target = targets.entry(address).or_default();
        if target.ports.is_empty() {
            let Ok(read) = read_target(&folder) else {
                targets.remove(&address);
                continue;
            };
            *target = read;
        }
        target.ports.insert(interface.clone(), state);
        target.summaries.insert(interface, summary);
    }
    Ok(targets)
}

/// What is the same on all interfaces.
fn read_target(folder: &Folder<'_>) -> io::Result<Target> {
    let read = |name: &str| folder.read(name);
    let mut target = Target {
        path: read("bpath")?,
        device: read("bdev")?,
        ..Target::default()
    };
    for setting in Setting::all() {
        let row = setting.row();
        let line = match setting {
            _ if row.file.is_empty() => continue,
            Setting::Start(Start::Config) => folder.config_string()?,
            Setting::Start(Start::Mask | Start::Reserve) => read(row.file)?.replace('\n', " "),
            // A module of before has fewer of them.
            Setting::Tunable(tunable) => match read(row.file) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    target.unknown.push(tunable);
                    row.form.shown(row.default).to_string()
                }
                read => read?,
            },
            Setting::Mode(_) | Setting::Start(_) => read(row.file)?,
        };
        target.values.insert(row.file, line);
    }
    for right in Right::ALL {
        target.values.insert(right.file(), read(right.file())?);
    }
    Ok(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_state(state: &str) -> Target {
        Target {
            ports: [("eth0".to_owned(), state.to_owned())].into(),
            ..Target::default()
        }
    }

    #[test]
    fn the_word_counts_and_not_the_sentence() {
        assert!(in_state("offline").is_offline());
        assert!(in_state("offline: no carrier").is_offline());
        assert!(!in_state("down: no carrier").is_offline());
        assert!(in_state("down: device is gone").has_lost_device());
        assert!(in_state("offline: device is gone").has_lost_device());
        assert!(!in_state("up").has_lost_device());
    }
}
