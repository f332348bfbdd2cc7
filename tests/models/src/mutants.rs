// SPDX-License-Identifier: GPL-2.0

//! Runs the models, and then each ordering of the sources weakened: some model must fail.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::env;
use std::panic::catch_unwind;
use std::process::Command;
use std::process::ExitCode;
use std::process::Stdio;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use kernel::weaken::set_barriers;
use kernel::weaken::sites;
use kernel::weaken::weaken;
use kernel::weaken::Site;
use kernel::weaken::Strength;

/// Whether a model needs full barriers.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Barriers {
    /// What is `Full` need be no more than an acquire and a release.
    None,
    /// A store must be seen before a load that follows it.
    Full,
}

/// A name, what it needs, and what it names.
pub(crate) type Model = (&'static str, Barriers, fn());

/// For one run with a weaker ordering: `FILE:LINE=ORDERING`.
const WEAKEN: &str = "KVBLADE_WEAKEN";

/// Changes of the thread that runs that are not the thread's own, in one interleaving. More find nothing
/// else in these, and take minutes.
const PREEMPTIONS: usize = 3;

/// What a model has as well as its source, word for word but for the white space.
pub(crate) const COPIED: &[(&str, &str, &[&str])] = &[
    (
        include_str!("../../../blade/turn.rs"),
        include_str!("shim/turn.rs"),
        &[
            "let mut count = 0_usize;",
            "if !self.waiting.is_empty() { self.retry(slots); } for",
            "if !self.waiting.is_empty() { slots.await_release(true); self.retry(slots); }
             if self.waiting.is_empty() { slots.await_release(false); } count }",
            "let mut waited = core::mem::take(&mut self.waiting);
             while let Some(request) = waited.pop() {",
        ],
    ),
    (
        include_str!("../../../blade/request.rs"),
        include_str!("shim/request.rs"),
        &[
            "this.port.blade().is_submitted_here() {
             let _ = Inbox::push_to(this, |request| &request.port.blade().ended); return; }",
            "let guard = rcu::read_lock(); let port = this.port.clone();",
            "port.blade().post_ended(this, &guard);",
            "if let Some(slot) = self.inflight_slot { let blade = self.port.blade();",
            "blade.release(slot); }",
        ],
    ),
    (
        include_str!("../../../blade/joined.rs"),
        include_str!("shim/request.rs"),
        &[
            "if self.is_repeatable() { let port = self.port.clone(); port.blade().post_old(self);
             } else { self.answer(); }",
        ],
    ),
];

/// Orderings that no model needs, by what their lines have, and why they are there all the same.
const SPARE: &[(&str, &str, Strength, &str)] = &[
    (
        "blade/exported/work.rs",
        "xchg(0, Full)",
        Strength::Release,
        "whoever finds WANTED begins once more, which acquires",
    ),
    (
        "blade/exported/work.rs",
        "cmpxchg(seen, new, Full)",
        Strength::Acquire,
        "what WANTED tells of is in the inbox, and to put it there is a full barrier",
    ),
    (
        "blade/order.rs",
        "filter(word, bits.read_acquire())",
        Strength::Relaxed,
        "what is submitted is submitted after `await_release`, a full barrier",
    ),
    (
        "blade/order.rs",
        "bits.read_acquire().trailing_ones()",
        Strength::Relaxed,
        "as above",
    ),
    (
        "blade/order.rs",
        "fetch_add(slot.mask(), Full)",
        Strength::Acquire,
        "no one learns by a slot that is taken what was done before",
    ),
    (
        "blade/order.rs",
        "fetch_add(slot.mask(), Full)",
        Strength::Release,
        "that a slot is free has been read with an acquire",
    ),
    (
        "block/users.rs",
        "fetch_add(1, Full)",
        Strength::Acquire,
        "no one learns by the count what was done before",
    ),
    (
        "block/users.rs",
        "fetch_add(1, Full)",
        Strength::Release,
        "what is used is known by the pointer to it",
    ),
    (
        "block/users.rs",
        "count | Self::REFUSED, Full",
        Strength::Acquire,
        "those who are refused learn nothing else",
    ),
    (
        "sync/cpu_workers.rs",
        "if worker.item.read_acquire().is_null()",
        Strength::Relaxed,
        "the thread is waited for when it is ended",
    ),
    (
        "sync/cpu_workers.rs",
        "self.item.cmpxchg(ptr::null_mut(), item, Full)",
        Strength::Acquire,
        "the kernel's lock of the worker hands it over",
    ),
    (
        "sync/cpu_workers.rs",
        "self.item.cmpxchg(ptr::null_mut(), item, Full)",
        Strength::Release,
        "as above",
    ),
    (
        "sync/cpu_workers.rs",
        "Arc::from_raw(worker.item.read_acquire())",
        Strength::Relaxed,
        "as above",
    ),
    (
        "sync/rcu_cell.rs",
        "self.pointer.read_acquire().is_null()",
        Strength::Relaxed,
        "what it points at is not used",
    ),
    (
        "sync/rcu_cell.rs",
        "xchg(ptr::null_mut(), Full)",
        Strength::Acquire,
        "who drops it is alone",
    ),
    (
        "sync/rcu_cell.rs",
        "xchg(ptr::null_mut(), Full)",
        Strength::Release,
        "as above",
    ),
];

/// Runs all, or the one that is named, and tells how it went as the tests of the host do.
pub(crate) fn run(models: &[Model]) -> ExitCode {
    if let Some(name) = env::args().nth(1).filter(|name| !name.starts_with('-')) {
        let model = models.iter().find(|(other, _, _)| *other == name);
        let Some((_, barriers, model)) = model else {
            eprintln!("There is no model {name}.");
            return ExitCode::FAILURE;
        };
        if let Ok(weakened) = env::var(WEAKEN) {
            weaken(parse(&weakened));
        }
        explore(*barriers, *model);
        return ExitCode::SUCCESS;
    }
    let mut failures = copies();
    let mut touched = BTreeMap::new();
    for (name, barriers, model) in models {
        let began = Instant::now();
        match catch_unwind(|| explore(*barriers, *model)) {
            Ok(count) => println!(
                "model {name}: {count} interleavings, {:.1?}",
                began.elapsed()
            ),
            Err(_) => failures.push(format!("model {name} fails")),
        }
        for site in sites() {
            let models: &mut Vec<_> = touched.entry(site).or_default();
            models.push((*name, began.elapsed()));
        }
    }
    let mutants = mutants(&touched);
    let count = mutants.len();
    if failures.is_empty() {
        let began = Instant::now();
        failures.extend(judge(mutants));
        println!("{count} weakened orderings, {:.1?}", began.elapsed());
    }
    for failure in &failures {
        println!("{failure}");
    }
    let (failed, all) = (failures.len(), models.len() + count + 1);
    let (verdict, passed) = match failed {
        0 => ("ok", all),
        _ => ("FAILED", all.saturating_sub(failed)),
    };
    println!("test result: {verdict}. {passed} passed; {failed} failed");
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Runs a model in all interleavings: how many there are.
fn explore(barriers: Barriers, model: fn()) -> usize {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    COUNT.store(0, Relaxed);
    set_barriers(barriers == Barriers::Full);
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(PREEMPTIONS);
    builder.max_branches = 100_000;
    builder.check(move || {
        COUNT.fetch_add(1, Relaxed);
        kernel::begin();
        model();
    });
    COUNT.load(Relaxed)
}

/// What a model is said to have of a source, and one of them has not.
fn copies() -> Vec<String> {
    let squeeze = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut wrong = Vec::new();
    for (source, copy, parts) in COPIED {
        let (source, copy) = (squeeze(source), squeeze(copy));
        for part in parts.iter().map(|part| squeeze(part)) {
            for (text, whose) in [(&source, "the source"), (&copy, "the model")] {
                if !text.contains(&part) {
                    wrong.push(format!("{whose} has no longer: {part}"));
                }
            }
        }
    }
    wrong
}

/// A weakened ordering, and the models that come by it, the shortest first.
struct Mutant {
    site: Site,
    weaker: Strength,
    models: Vec<&'static str>,
}

fn mutants(touched: &BTreeMap<Site, Vec<(&'static str, Duration)>>) -> Vec<Mutant> {
    let mut mutants = Vec::new();
    for (site, models) in touched {
        let mut models = models.clone();
        models.sort_by_key(|(_, took)| *took);
        mutants.extend(site.strength.weaker().iter().map(|weaker| Mutant {
            site: site.clone(),
            weaker: *weaker,
            models: models.iter().map(|(name, _)| *name).collect(),
        }));
    }
    mutants
}

/// What is wrong with the models: a mutant of which none fails, or one that is said to be spare and is not.
fn judge(mutants: Vec<Mutant>) -> Vec<String> {
    let mutants = Mutex::new(mutants);
    let wrong = Mutex::new(Vec::new());
    let spared = Mutex::new(BTreeSet::new());
    let work = || loop {
        let Some(mutant) = mutants.lock().unwrap().pop() else {
            return;
        };
        let Mutant { site, weaker, .. } = &mutant;
        let line = line_of(site);
        let spare = SPARE.iter().position(|(file, text, strength, _)| {
            site.file == *file && line.contains(text) && weaker == strength
        });
        spared.lock().unwrap().extend(spare);
        let killer = mutant.models.iter().find(|model| !survives(&mutant, model));
        let problem = match (killer, spare) {
            (None, None) => "no model fails",
            (Some(_), Some(_)) => "it is said to be spare, and is not",
            _ => continue,
        };
        let models = mutant.models.join(" ");
        let text = format!("{site}: {weaker:?} instead: {problem} ({models}): {line}");
        wrong.lock().unwrap().push(text);
    };
    thread::scope(|scope| {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        (0..threads).for_each(|_| drop(scope.spawn(work)));
    });
    let spared = spared.into_inner().unwrap();
    let mut wrong = wrong.into_inner().unwrap();
    for (index, (file, text, strength, _)) in SPARE.iter().enumerate() {
        if !spared.contains(&index) {
            wrong.push(format!("{file}: no {text} could be {strength:?}"));
        }
    }
    wrong.sort();
    wrong
}

/// Whether a model passes all the same: in a process of its own, since loom does not go on after a failure.
fn survives(mutant: &Mutant, model: &str) -> bool {
    let Mutant { site, weaker, .. } = mutant;
    let status = Command::new(env::current_exe().unwrap())
        .arg(model)
        .env(WEAKEN, format!("{site}={weaker:?}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.unwrap().success()
}

fn parse(weakened: &str) -> Site {
    let (slot, strength) = weakened.split_once('=').unwrap();
    let (file, line) = slot.split_once(':').unwrap();
    Site {
        file: file.into(),
        line: line.parse().unwrap(),
        strength: strength.parse().unwrap(),
    }
}

fn line_of(site: &Site) -> String {
    let path = format!("{}/../../{}", env!("CARGO_MANIFEST_DIR"), site.file);
    let text = std::fs::read_to_string(path).unwrap();
    let line = text.lines().nth(site.line as usize - 1);
    line.unwrap_or_default().trim().into()
}
