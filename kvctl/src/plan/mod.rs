// SPDX-License-Identifier: GPL-2.0

//! What must be done to have what the configuration wants, and doing it.

mod begin;
mod cards;
mod choice;
mod diff;
mod execute;
pub(crate) mod host;
mod image;
pub(crate) mod job;
#[cfg(test)]
pub(crate) mod tests;
mod wanted;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::Arc;
use std::sync::Mutex;

use signal_hook::consts::SIGHUP;
use signal_hook::consts::TERM_SIGNALS;
use signal_hook::flag;

use crate::config::Config;
use crate::paths::OWN_FILE;
use crate::state::running;
use crate::state::saved::Saved;
use crate::state::slots::Slots;
use crate::state::Address;
use crate::state::Kernel;
use crate::state::Made;
use crate::state::Record;
use crate::state::Target;
use diff::Present;
use execute::execute;
use host::Machine;
use job::Job;
use wanted::Surroundings;

/// What cannot be done, by the name of the export.
pub(crate) type Failures = Vec<(String, String)>;

/// What is to be done, and what cannot be.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) jobs: Vec<Job>,
    /// A line for each thing to be done.
    pub(crate) lines: Vec<String>,
    /// The same lines by the name of the export.
    pub(crate) changes: BTreeMap<String, Vec<String>>,
    /// A line for what each pattern takes, and for what it leaves out.
    pub(crate) patterns: Vec<String>,
    /// What cannot be done, by the name of the export.
    pub(crate) failures: Failures,
}

/// What is, before anything is done.
pub(crate) struct State {
    pub(crate) targets: BTreeMap<Address, Target>,
    pub(crate) record: Record,
    pub(crate) slots: Slots,
}

impl Plan {
    /// Leaves out all but what is not there: exports that do not run or have lost their device, and
    /// interfaces of those that run. What was removed for now is not missed.
    pub(crate) fn only_missing(&mut self, state: &State) {
        let leaving = BTreeSet::new();
        let present = Present::new(&state.targets, &state.record, &leaving);
        self.jobs = std::mem::take(&mut self.jobs)
            .into_iter()
            .filter_map(|job| {
                if state.record.removed.contains(&job.name) {
                    return None;
                }
                let (made, target) = present.of(&job.name);
                let is_whole = made.is_some_and(|made| !made.unfinished);
                match target {
                    Some(target) if is_whole && !target.has_lost_device() => added(job, made?),
                    _ => job.making.is_some().then_some(job),
                }
            })
            .collect();
        let removed = &state.record.removed;
        self.failures.retain(|(name, _)| !removed.contains(name));
        self.tell(&present);
    }

    /// Says what the jobs are.
    fn tell(&mut self, present: &Present<'_>) {
        let nothing = BTreeMap::new();
        (self.lines, self.changes) = (Vec::new(), BTreeMap::new());
        for job in &self.jobs {
            let (_, target) = present.of(&job.name);
            let values = target.map_or(&nothing, |target| &target.values);
            let lines = job.describe(values);
            if !lines.is_empty() {
                self.changes.insert(job.name.clone(), lines.clone());
            }
            self.lines.extend(lines);
        }
    }

    /// Does it. Returns what there is then, and what could not be done. Whoever ends this before its
    /// time finds what was done until then in the record. For whoever is killed, what he is about to do
    /// is handed to `note`: all that was in force of what is gone, and what is only half made.
    pub(crate) fn run(
        &self,
        kernel: &dyn Kernel,
        machine: &dyn Machine,
        before: Record,
        interrupted: &AtomicBool,
        keep: impl Fn(&str, &Made) -> Result<(), String> + Sync,
        note: impl Fn(&Record) -> Result<(), String>,
    ) -> Result<(Record, Failures), String> {
        let begun = begun(&self.jobs, &before, &before);
        if begun != before {
            note(&begun)?;
        }
        let removes = |job: &Job| job.making.is_some() && job.removal.is_some();
        let record = Mutex::new(before.clone());
        let mut failures = self.failures.clone();
        failures.extend(execute(
            &self.jobs,
            kernel,
            machine,
            &record,
            interrupted,
            keep,
            |record| {
                if self.jobs.iter().any(removes) {
                    // They are gone: nothing keeps them from being made.
                    drop(note(&self::begun(&self.jobs, &before, record)));
                }
            },
        ));
        let record = record
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        Ok((record, failures))
    }
}

/// Whether a file looks like an image in a format of its own.
pub(crate) fn is_image(file: &Path) -> bool {
    matches!(image::format_of(file), Ok(Some(_)))
}

/// A flag that is set when this is to end before its time, which from now on it does not by itself.
pub(crate) fn interruption() -> Result<Arc<AtomicBool>, String> {
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in TERM_SIGNALS.iter().chain(&[SIGHUP]) {
        flag::register(*signal, Arc::clone(&interrupted)).map_err(|error| error.to_string())?;
    }
    Ok(interrupted)
}

/// What to do for the exports of these names; without names, for all.
pub(crate) fn plan(
    config: &Config,
    names: &[String],
    state: &mut State,
    machine: &dyn Machine,
    saved: impl Fn(&str) -> Result<Saved, String>,
) -> Plan {
    let mut plan = Plan::default();
    let addresses = addresses(config, state);
    let selected = |name: &str| names.is_empty() || names.iter().any(|it| it == name);
    let leaving = leaving(config, &addresses, &state.record, selected);
    let present = Present::new(&state.targets, &state.record, &leaving);
    let configured = config.names();
    for (name, made) in state
        .record
        .exports
        .iter()
        .filter(|(name, _)| selected(name))
    {
        if !configured.contains(name.as_str()) && is_left(made) {
            plan.jobs.extend(present.end(name));
        }
    }
    let surroundings = Surroundings::new(machine, config);
    for (export, address) in config.exports.iter().zip(&addresses) {
        let name = export.name.as_str();
        if !selected(name) {
            continue;
        }
        let job = || {
            let address = address.clone()?;
            let running = state.targets.get(&address);
            // Of most nothing is kept, and there is no file to look for.
            let saved = match export.own.persist.iter().flatten().next().is_none() {
                true => Ok(Saved::default()),
                false => saved(name),
            };
            let (wanted, found) = surroundings.want(export, address, running, &saved);
            Ok::<_, String>((present.job(&wanted), found))
        };
        match job() {
            Ok((job, found)) => {
                let unusable = job.iter().flat_map(|job| job.unusable.clone());
                for line in found.patterns {
                    if !plan.patterns.contains(&line) {
                        plan.patterns.push(line);
                    }
                }
                let failures = found
                    .missing
                    .into_iter()
                    .chain(unusable)
                    .chain(job.as_ref().err().cloned());
                plan.failures
                    .extend(failures.map(|failure| (name.to_owned(), failure)));
                plan.jobs.extend(job);
            }
            Err(failure) => plan.failures.push((name.to_owned(), failure)),
        }
    }
    plan.tell(&present);
    plan
}

/// The address of each export, in their order, or why it has none.
pub(crate) fn addresses(config: &Config, state: &mut State) -> Vec<Result<Address, String>> {
    let owners = state.record.names();
    let running = state.targets.keys();
    let running = running.map(|address| (*address, owners.get(address).copied()));
    state.slots.assign(&config.exports, &running.collect())
}

/// Of a job for what runs, the interfaces that it adds, if there are any. What else differs stays so,
/// and is not remembered as done.
fn added(job: Job, made: &Made) -> Option<Job> {
    if job.making.is_some() || job.adds.is_empty() {
        return None;
    }
    let mut made = made.clone();
    made.interfaces.extend(job.adds.iter().cloned());
    Some(Job {
        name: job.name,
        anchor: job.anchor,
        adds: job.adds,
        made: Some(made),
        ..Job::default()
    })
}

/// What is remembered while exports are made: whoever is killed meanwhile leaves some that nothing
/// else tells from those made by hand, without what keeps clients away from them. Of those that are to
/// be made anew there is what is in force, until they are not in the record `now`.
fn begun(jobs: &[Job], before: &Record, now: &Record) -> Record {
    let mut begun = now.clone();
    for job in jobs.iter().filter(|it| it.making.is_some()) {
        let Some(new) = &job.made else {
            continue;
        };
        let clients = job.clients();
        match begun.exports.get_mut(&job.name) {
            Some(made) if job.removal.is_some() => made.clients = clients,
            _ => {
                let made = Made {
                    unfinished: true,
                    clients,
                    // What was for now only goes if it is not finished.
                    table: before
                        .exports
                        .get(&job.name)
                        .and_then(|it| it.table.clone()),
                    ..new.clone()
                };
                begun.exports.insert(job.name.clone(), made);
            }
        }
    }
    begun
}

/// Whether something is left of an export that is not configured.
fn is_left(made: &Made) -> bool {
    made.table.is_none() || made.unfinished
}

/// What there is to say before exports end because a file says nothing any more.
pub(crate) struct Emptied {
    pub(crate) what: String,
    /// How to say that it is to be so.
    pub(crate) wanted: String,
}

/// What there is to say before a configuration without exports ends all that runs of it, or a file
/// without any table what runs of that: an editor, a full disk or a tool may have emptied the file.
/// Without names, all exports are to be as configured.
pub(crate) fn emptied(config: &Config, names: &[String], state: &State) -> Option<Emptied> {
    let selected = |name: &String| names.is_empty() || names.contains(name);
    let configured = config.names();
    let gone: Vec<(&String, &Made)> = state
        .record
        .exports
        .iter()
        .filter(|(_, made)| made.table.is_none() && state.targets.contains_key(&made.address))
        .filter(|(name, _)| !configured.contains(name.as_str()))
        .collect();
    let told = |gone: &[&String]| {
        let (first, rest) = gone.split_first()?;
        let more = if rest.is_empty() { "" } else { ", ..." };
        Some(format!("{} would be removed ({first}{more})", gone.len()))
    };
    if config.exports.is_empty() {
        if config.none_wanted {
            return None;
        }
        let names: Vec<&String> = gone.iter().map(|(name, _)| *name).collect();
        return Some(Emptied {
            what: format!("0 exports configured, {}", told(&names)?),
            wanted: "If it is to be so: kvctl apply --yes, or an empty table [export] in the \
                     configuration"
                .into(),
        });
    }
    config.emptied.iter().find_map(|file| {
        // The file of kvctl's own is emptied by kvctl remove.
        if file.file_name().is_some_and(|name| name == OWN_FILE) {
            return None;
        }
        let of_file = gone
            .iter()
            .filter(|(_, made)| made.file.as_ref() == Some(file));
        let names: Vec<&String> = of_file
            .map(|(name, _)| *name)
            .filter(|name| selected(name))
            .collect();
        let file = file.display();
        Some(Emptied {
            what: format!("{file}: has no table any more, {}", told(&names)?),
            wanted: "If it is to be so: kvctl apply --yes, or an empty table [export] in the \
                     file, or no such file"
                .into(),
        })
    })
}

/// What to do so that nothing is left of what kvctl has made.
pub(crate) fn plan_stop(state: &State) -> Plan {
    let leaving = BTreeSet::new();
    let present = Present::new(&state.targets, &state.record, &leaving);
    let jobs: Vec<Job> = state
        .record
        .exports
        .keys()
        .filter_map(|name| present.end(name))
        .collect();
    let nothing = BTreeMap::new();
    let lines = jobs.iter().flat_map(|job| job.describe(&nothing)).collect();
    Plan {
        jobs,
        lines,
        ..Plan::default()
    }
}

/// The addresses that exports of ours will not have any more.
fn leaving(
    config: &Config,
    addresses: &[Result<Address, String>],
    record: &Record,
    selected: impl Fn(&str) -> bool,
) -> BTreeSet<Address> {
    let names = config.exports.iter().map(|export| export.name.as_str());
    let wanted: BTreeMap<&str, &Result<Address, String>> = names.zip(addresses).collect();
    record
        .exports
        .iter()
        .filter(|(name, _)| selected(name))
        .filter(|(name, made)| match wanted.get(name.as_str()) {
            Some(Ok(address)) => *address != made.address,
            // It stays where it is.
            Some(Err(_)) => false,
            None => is_left(made),
        })
        .map(|(_, made)| made.address)
        .collect()
}

/// Looks at what is.
pub(crate) fn look(kernel: &dyn Kernel, record: Record, slots: Slots) -> Result<State, String> {
    Ok(State {
        targets: running::targets(kernel)?,
        record,
        slots,
    })
}
