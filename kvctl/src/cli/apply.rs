// SPDX-License-Identifier: GPL-2.0

//! `kvctl apply` and `kvctl stop`.

use super::args::Apply;
use super::Context;
use super::Failure;
use crate::claim::is_held;
use crate::claim::Held;
use crate::config::Config;
use crate::config::Export;
use crate::edit::claim_pending;
use crate::notify;
use crate::plan;
use crate::plan::job::Backing;
use crate::plan::machine::Host;
use crate::plan::Emptied;
use crate::plan::Plan;
use crate::state::record::Lock;
use crate::state::saved::keep;
use crate::state::saved::Saved;
use crate::state::slots::Slots;
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

/// Says which exports not all clients can have.
pub(super) fn warn_of_clients(config: &Config) {
    if let Some(text) = beyond_static(config) {
        anstream::eprintln!("warning: {text}");
    }
}

/// One sentence for all of them: where there are such exports, they may be a thousand.
fn beyond_static(config: &Config) -> Option<String> {
    let beyond = |export: &&Export| export.slot.is_some_and(|slot| slot >= DYNAMIC);
    let mut found = config.exports.iter().filter(beyond);
    let first = found.next()?;
    let others = match found.count() {
        0 => String::new(),
        1 => " and 1 other".into(),
        number => format!(" and {number} others"),
    };
    Some(format!(
        "export {}{others}: Linux clients that load aoe with aoe_dyndevs=0 take slots 0 to 15 only. If there \
         are none, all is well",
        first.name
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
    let mut held = Held::load(&paths.run);
    held.0.retain(|name, _| !selected(name));
    run(context, plan, state.record, held, &slots)
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
    run(context, plan, state.record, Held::default(), &slots)
}

/// Does what is planned, and says what could not be done. `held` is who waits for a device already,
/// and `slots` those given before.
fn run(
    context: &Context,
    plan: Plan,
    before: Record,
    mut held: Held,
    slots: &Slots,
) -> Result<(), Failure> {
    let (kernel, paths) = (&context.kernel, &context.paths);
    let keep = |name: &str, made: &_| keep(kernel, &paths.lib, name, made);
    let interrupted = plan::interruption()?;
    let machine = Host(paths.clone());
    let begun = plan::begun(&plan.jobs, &before);
    if begun != before {
        begun.store(&paths.run)?;
    }
    let (record, failures) = plan.run(kernel, &machine, before.clone(), &interrupted, keep)?;
    // Also when it says the same: those who watch it look at the exports anew.
    if record != begun || !plan.lines.is_empty() {
        record.store(&paths.run)?;
    }
    slots.forget_unused(&paths.lib, &record)?;
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
    if held != Held::load(&paths.run) {
        held.store(&paths.run)?;
    }
    notify::status(&standing(record.exports.len(), &failures));
    tell(&failures)
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

    fn said_of(slots: &[(&str, u8)]) -> Option<String> {
        let table = |(name, slot): &(&str, u8)| {
            format!(
                "[export.{name}]\nshelf = 1\nslot = {slot}\ndevice = \"/dev/{name}\"\n\
                 interfaces = [\"eth0\"]\n"
            )
        };
        let source = Source {
            path: "x".into(),
            text: slots.iter().map(table).collect(),
        };
        beyond_static(&parse(&[source], &Default::default()).unwrap())
    }

    #[test]
    fn slots_that_old_clients_refuse_are_told_in_one_sentence() {
        assert_eq!(said_of(&[("a", 0), ("b", 15)]), None);
        let said = said_of(&[("a", 0), ("b", 16)]).unwrap();
        assert!(said.starts_with("export b: "), "{said}");
        let said = said_of(&[("a", 20), ("b", 254), ("c", 100)]).unwrap();
        assert!(said.starts_with("export a and 2 others: "), "{said}");
        assert!(said.contains("slots 0 to 15 only"), "{said}");
    }
}
