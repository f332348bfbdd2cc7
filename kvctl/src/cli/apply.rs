// SPDX-License-Identifier: GPL-2.0

//! `kvctl apply` and `kvctl stop`.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::args::Apply;
use super::Context;
use super::Failure;
use crate::claim::is_held;
use crate::claim::Held;
use crate::config::Config;
use crate::edit::claim_pending;
use crate::notify;
use crate::plan;
use crate::plan::host::Host;
use crate::plan::job::Backing;
use crate::plan::Emptied;
use crate::plan::Plan;
use crate::plan::State;
use crate::state::record::Lock;
use crate::state::saved::keep;
use crate::state::saved::Saved;
use crate::state::slots::Slots;
use crate::state::Address;
use crate::state::Kernel;
use crate::state::Record;

/// Says what is right and yet unlikely to be meant.
pub(super) fn warn(context: &Context, config: &Config) {
    let says_nothing = config.exports.is_empty() && !config.none_wanted;
    if !says_nothing && config.emptied.is_empty() {
        return;
    }
    // Without the module nothing runs.
    let state = Record::load(&context.paths.run)
        .and_then(|record| plan::look(&context.kernel, record, Slots::default()));
    match state
        .ok()
        .and_then(|state| plan::emptied(config, &[], &state))
    {
        Some(it) => anstream::eprintln!(
            "warning: {}: kvctl apply refuses that. {}",
            it.what,
            it.wanted
        ),
        None if says_nothing => anstream::eprintln!(
            "warning: 0 exports configured. If it is to be so, an empty table [export] says it"
        ),
        None => {}
    }
}

/// The first slot that old clients refuse: Linux with `aoe_dyndevs=0`, which has fixed numbers for devices.
const DYNAMIC: u8 = 16;

/// Says which exports cannot have the slot that they ask for, and which not all clients can have, as far
/// as it can be seen: others than root do not see all, and a check of the files does not fail for that.
pub(super) fn warn_of_slots(context: &Context, config: &Config) {
    let paths = &context.paths;
    let record = Record::load(&paths.run).unwrap_or_default();
    let slots = Slots::load(&paths.lib).unwrap_or_default();
    // Without the module nothing runs.
    let look = plan::look(&context.kernel, record, slots.clone());
    let mut state = look.unwrap_or_else(|_| State {
        targets: BTreeMap::new(),
        record: Record::default(),
        slots,
    });
    let addresses = plan::addresses(config, &mut state);
    for (export, address) in config.exports.iter().zip(&addresses) {
        if let Err(reason) = address {
            anstream::eprintln!("warning: export {}: {reason}", export.name);
        }
    }
    if let Some(text) = beyond_static(config, &addresses) {
        anstream::eprintln!("warning: {text}");
    }
}

/// So many names are told.
const NAMED: usize = 20;

/// One sentence for all of them: where there are such exports, they may be a thousand.
fn beyond_static(config: &Config, addresses: &[Result<Address, String>]) -> Option<String> {
    let exports = config.exports.iter().zip(addresses);
    let beyond =
        |address: &Result<Address, String>| matches!(address, Ok(it) if it.slot >= DYNAMIC);
    let found = exports.filter(|(_, address)| beyond(address));
    let found: Vec<&str> = found.map(|(export, _)| export.name.as_str()).collect();
    let word = match found.len() {
        0 => return None,
        1 => "export",
        _ => "exports",
    };
    let names = found
        .iter()
        .take(NAMED)
        .copied()
        .collect::<Vec<_>>()
        .join(", ");
    let others = match found.len().saturating_sub(NAMED) {
        0 => String::new(),
        1 => " and 1 other".into(),
        number => format!(" and {number} others"),
    };
    Some(format!(
        "{word} {names}{others}: Linux clients that load aoe with aoe_dyndevs=0 take slots 0 to 15 only. If \
         there are none, all is well"
    ))
}

/// Makes the running state what the configuration says.
pub(super) fn apply(context: &Context, args: &Apply) -> Result<(), Failure> {
    let paths = &context.paths;
    let _lock = if args.dry_run {
        None
    } else {
        Some(Lock::take(&paths.run)?)
    };
    // Whoever has had the lock until now may have changed it.
    let config = match args.dry_run {
        true => context.config(&args.config)?,
        false => {
            let files = Lock::of_files(&paths.run)?;
            let config = context.config(&args.config)?;
            claim_pending(paths, &files);
            config
        }
    };
    let record = Record::load(&paths.run)?;
    for name in &args.names {
        let known = config.exports.iter().any(|export| export.name == *name);
        if !known && !record.exports.contains_key(name) {
            return Err(Failure::Because(format!("{name}: no such export")));
        }
    }
    let slots = Slots::load(&paths.lib)?;
    let mut state = plan::look(&context.kernel, record, slots.clone())?;
    let machine = Host(paths.clone());
    let mut plan = plan::plan(&config, &args.names, &mut state, &machine, |name| {
        Saved::load(&paths.lib, name)
    });
    if args.only_missing {
        plan.only_missing(&state);
        // What an administrator has not finished takes no slot, and gives none away.
        let jobs = plan.jobs.iter().filter(|job| job.making.is_some());
        state.slots = slots.with(&state.slots, jobs.map(|job| job.name.as_str()));
    }
    let is_meant = args.yes || args.only_missing;
    let emptied = plan::emptied(&config, &args.names, &state).filter(|_| !is_meant);
    if let Some(Emptied { what, wanted }) = emptied {
        let refusal = format!("{what}: nothing is done. {wanted}");
        return Err(Failure::Because(refusal));
    }
    if args.dry_run {
        for line in &plan.patterns {
            anstream::println!("{line}");
        }
    }
    for line in &plan.lines {
        anstream::println!("{line}");
    }
    if args.dry_run {
        return tell(&plan.failures);
    }
    if state.slots != slots {
        state.slots.store(&paths.lib)?;
    }
    let selected = |name: &str| args.names.is_empty() || args.names.iter().any(|it| it == name);
    if !args.only_missing {
        state.record.removed.retain(|name| !selected(name));
    }
    let mut held = Held::load(&paths.run);
    held.0.retain(|name, _| !selected(name));
    // What is not there may come without an event of udev: by a mount, for example.
    let failed = |name: &String| plan.failures.iter().any(|(of, _)| of == name);
    let paths_of = config.exports.iter().map(|it| (&it.name, it.source.path()));
    let missing = paths_of.filter(|(name, path)| !path.exists() && failed(name));
    let missing = missing.map(|(name, path)| (name.clone(), path.to_owned()));
    held.0.extend(missing);
    run(
        context,
        plan,
        state.record,
        held,
        (&slots, args.only_missing),
    )
}

/// Removes what kvctl has made.
pub(super) fn stop(context: &Context) -> Result<(), Failure> {
    let paths = &context.paths;
    let _lock = Lock::take(&paths.run)?;
    let record = Record::load(&paths.run)?;
    if record.exports.is_empty() {
        return Ok(());
    }
    let state = plan::look(&context.kernel, record, Slots::default())?;
    let plan = plan::plan_stop(&state);
    for line in &plan.lines {
        anstream::println!("{line}");
    }
    let slots = Slots::load(&paths.lib)?;
    run(
        context,
        plan,
        state.record,
        Held::default(),
        (&slots, false),
    )
}

/// Does what is planned, and says what could not be done. `held` is who waits for a device already,
/// and `slots` those given before, and whether those are theirs again who could not be made.
fn run(
    context: &Context,
    plan: Plan,
    before: Record,
    mut held: Held,
    (slots, are_kept): (&Slots, bool),
) -> Result<(), Failure> {
    let (kernel, paths) = (&context.kernel, &context.paths);
    let keep = |name: &str, made: &_| keep(kernel, &paths.lib, name, made);
    let interrupted = plan::interruption()?;
    let machine = Host(paths.clone());
    let note = |record: &Record| record.store(&paths.run);
    let (record, failures) = plan.run(kernel, &machine, before, &interrupted, keep, note)?;
    // Also when it says the same: those who watch it look at the exports anew.
    if record != Record::load(&paths.run)? || !plan.lines.is_empty() {
        record.store(&paths.run)?;
    }
    slots.settle(&paths.lib, &record, are_kept)?;
    for job in &plan.jobs {
        match job.making.as_ref().map(|making| &making.backing) {
            Some(Backing::Device(path)) if !record.exports.contains_key(&job.name) => {
                if is_held(path) {
                    held.0.insert(job.name.clone(), path.clone());
                }
            }
            _ => {}
        }
    }
    // Also when it says the same: whoever waits for one of them knows that it was tried.
    if !held.0.is_empty() || held != Held::load(&paths.run) {
        held.store(&paths.run)?;
    }
    notify::status(&standing(there(context, &record), &failures));
    tell(&failures)
}

/// How many exports of ours there are: some may have been removed by others.
fn there(context: &Context, record: &Record) -> usize {
    let ports = context.kernel.ports().unwrap_or_default();
    let running: BTreeSet<Address> = ports.into_iter().map(|(address, _)| address).collect();
    let ours = record.exports.values();
    ours.filter(|made| running.contains(&made.address)).count()
}

/// In a line, how things stand.
fn standing(exports: usize, failures: &[(String, String)]) -> String {
    let there = match exports {
        1 => "1 export is there".to_owned(),
        many => format!("{many} exports are there"),
    };
    match failures {
        [] => there,
        [(name, reason)] => format!("{there}; {name}: {reason}"),
        [(name, reason), others @ ..] => {
            format!("{there}; {name}: {reason}, and {} more", others.len())
        }
    }
}

fn tell(failures: &[(String, String)]) -> Result<(), Failure> {
    for (name, reason) in failures {
        anstream::eprintln!("kvctl: {name}: {reason}");
    }
    if failures.is_empty() {
        Ok(())
    } else {
        Err(Failure::Said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse;
    use crate::config::problem::Source;

    /// What is said of exports with these slots, of which the first that are free are given.
    fn said_of(slots: &[(&str, Option<u8>)]) -> Option<String> {
        let table = |(name, slot): &(&str, Option<u8>)| {
            let slot = slot.map_or_else(String::new, |it| format!("slot = {it}\n"));
            format!(
                "[export.{name}]\nshelf = 1\n{slot}device = \"/dev/{name}\"\n\
                 interfaces = [\"eth0\"]\n"
            )
        };
        let source = Source {
            path: "x".into(),
            text: slots.iter().map(table).collect(),
        };
        let config = parse(&[source], &Default::default()).unwrap();
        let addresses = Slots::default().assign(&config.exports, &Default::default());
        beyond_static(&config, &addresses)
    }

    #[test]
    fn slots_that_old_clients_refuse_are_told_in_one_sentence() {
        assert_eq!(said_of(&[("a", Some(0)), ("b", Some(15))]), None);
        let said = said_of(&[("a", Some(0)), ("b", Some(16))]).unwrap();
        assert!(said.starts_with("export b: "), "{said}");
        let said = said_of(&[("a", Some(20)), ("b", Some(254)), ("c", Some(100))]).unwrap();
        assert!(said.starts_with("exports a, b, c: "), "{said}");
        assert!(said.contains("slots 0 to 15 only"), "{said}");
        let names: Vec<String> = (10..60).map(|number| format!("n{number}")).collect();
        let many: Vec<_> = names.iter().map(|name| (name.as_str(), None)).collect();
        let said = said_of(&many).unwrap();
        assert!(said.starts_with("exports n26, n27, "), "{said}");
        assert!(said.contains(", n45 and 14 others: "), "{said}");
    }
}
