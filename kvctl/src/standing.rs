// SPDX-License-Identifier: GPL-2.0

//! How things stand: whether what runs is what the configuration says.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;

use crate::config;
use crate::config::load::Refused;
use crate::config::Config;
use crate::paths::Paths;
use crate::persist::alive;
use crate::plan;
use crate::plan::host::Machine;
use crate::plan::State;
use crate::state::running;
use crate::state::saved::Saved;
use crate::state::slots::Slots;
use crate::state::Address;
use crate::state::Kernel;
use crate::state::Record;
use crate::state::Target;

/// How things stand.
#[derive(Default)]
pub(crate) struct Standing {
    /// Whether the module is there.
    pub(crate) loaded: bool,
    /// Why what is wanted is not known.
    pub(crate) invalid: Option<String>,
    /// By its name, each export that is configured, or that `apply` has made.
    pub(crate) exports: BTreeMap<String, Verdict>,
    /// Exports that were made by hand.
    pub(crate) by_hand: BTreeSet<Address>,
    pub(crate) record: Record,
    pub(crate) targets: BTreeMap<Address, Target>,
    /// What clients set is to be kept, and nobody does so.
    pub(crate) unkept: bool,
    /// The exports of which it cannot be kept, and why.
    pub(crate) owed: BTreeMap<String, String>,
}

/// Whether an export is as it should be.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Verdict {
    /// It is to be there.
    pub(crate) configured: bool,
    /// Clients are to have I/O.
    pub(crate) online: bool,
    /// Something of that name runs.
    pub(crate) running: bool,
    /// Whoever was making it was killed.
    pub(crate) unfinished: bool,
    /// What `apply` would do.
    pub(crate) changes: Vec<String>,
    /// What it could not do, and why.
    pub(crate) failures: Vec<String>,
}

impl Verdict {
    /// What runs is what is configured.
    pub(crate) fn is_applied(&self) -> bool {
        self.changes.is_empty() && self.failures.is_empty()
    }
}

/// Looks at the configuration and at what runs, and changes nothing. Or tells why that cannot be seen.
pub(crate) fn look(
    kernel: &dyn Kernel,
    machine: &dyn Machine,
    paths: &Paths,
    file: Option<&Path>,
) -> Result<Standing, String> {
    let loaded = paths.kvblade.exists();
    let targets = match loaded {
        true => running::targets(kernel)?,
        false => BTreeMap::new(),
    };
    let mut standing = Standing {
        loaded,
        targets,
        record: Record::load(&paths.run)?,
        ..Standing::default()
    };
    let exports = standing.record.exports.values();
    let is_promised = exports.flat_map(|made| &made.persist).next().is_some();
    standing.unkept = is_promised && !alive::is_kept(&paths.run);
    if is_promised && !standing.unkept {
        standing.owed = alive::owed(&paths.run);
    }
    match wanted(paths, file) {
        Ok(config) => {
            let slots = Slots::load(&paths.lib)?;
            standing.compare(&config, slots, machine, paths);
        }
        Err(reason) => standing.invalid = Some(reason),
    }
    let ours = standing.record.exports.values().map(|made| made.address);
    let ours: BTreeSet<Address> = ours.collect();
    let others = standing.targets.keys().filter(|it| !ours.contains(it));
    standing.by_hand = others.copied().collect();
    Ok(standing)
}

/// What is wanted; without any file nothing is.
fn wanted(paths: &Paths, file: Option<&Path>) -> Result<Config, String> {
    match config::load(paths, file) {
        Ok(config) => Ok(config),
        Err(Refused::Missing(..)) => Ok(Config::default()),
        Err(refused) => Err(refused.text(false)),
    }
}

impl Standing {
    /// Finds what is not as it is wanted.
    fn compare(&mut self, config: &Config, slots: Slots, machine: &dyn Machine, paths: &Paths) {
        let mut state = State {
            targets: std::mem::take(&mut self.targets),
            record: std::mem::take(&mut self.record),
            slots,
        };
        let plan = plan::plan(config, &[], &mut state, machine, |name| {
            Saved::load(&paths.lib, name)
        });
        self.targets = state.targets;
        self.record = state.record;
        for export in &config.exports {
            let verdict = self.exports.entry(export.name.clone()).or_default();
            (verdict.configured, verdict.online) = (true, export.start.online);
        }
        for (name, made) in &self.record.exports {
            let verdict = self.exports.entry(name.clone()).or_default();
            verdict.running = self.targets.contains_key(&made.address);
            verdict.unfinished = made.unfinished;
        }
        for (name, lines) in plan.changes {
            let own = format!("{name}: ");
            let lines = lines.iter().filter_map(|line| line.strip_prefix(&own));
            let lines = lines.map(str::to_owned).collect();
            self.exports.entry(name).or_default().changes = lines;
        }
        for name in &self.record.removed {
            let removed = "removed with --runtime, until someone applies the configuration";
            if let Some(verdict) = self.exports.get_mut(name).filter(|it| !it.running) {
                verdict.failures.push(removed.to_owned());
            }
        }
        for (name, failure) in plan.failures {
            let verdict = self.exports.entry(name).or_default();
            verdict.failures.push(failure);
        }
    }
}
