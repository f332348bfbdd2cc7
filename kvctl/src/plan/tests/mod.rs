// SPDX-License-Identifier: GPL-2.0

//! What is done to which exports, with a module and a machine that only pretend.

mod files;
mod kept;
mod older;
mod trouble;
pub(crate) mod world;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;
use std::sync::Mutex;

use kvblade_wire::settings::Mode;

use super::execute;
use super::look;
use super::plan;
use super::plan_stop;
use super::Plan;
use crate::config::parse;
use crate::config::problem::Source;
use crate::config::Config;
use crate::state::saved::Saved;
use crate::state::slots::Slots;
use crate::state::Kernel;
use crate::state::Record;
use world::World;

fn config(text: &str) -> Config {
    let source = Source {
        path: "x".into(),
        text: text.into(),
    };
    parse(&[source], &BTreeMap::new()).unwrap_or_else(|found| panic!("{found:?}"))
}

/// Applies a configuration, and returns what was written to the module, and what has failed.
fn apply(world: &World, record: &mut Record, text: &str) -> (Vec<String>, Vec<String>) {
    apply_names(world, record, text, &[])
}

fn apply_names(
    world: &World,
    record: &mut Record,
    text: &str,
    names: &[&str],
) -> (Vec<String>, Vec<String>) {
    apply_kept(world, record, text, names, |_| Ok(Saved::default()))
}

/// The same where this is kept of what clients have set.
fn apply_kept(
    world: &World,
    record: &mut Record,
    text: &str,
    names: &[&str],
    saved: impl Fn(&str) -> Result<Saved, String>,
) -> (Vec<String>, Vec<String>) {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut state = look(world, record.clone(), Slots::default()).unwrap();
    let plan = plan(&config(text), &names, &mut state, world, saved);
    run(world, record, plan)
}

/// Applies what is not there.
fn apply_missing(world: &World, record: &mut Record, text: &str) -> Vec<String> {
    let mut state = look(world, record.clone(), Slots::default()).unwrap();
    let saved = |_: &str| Ok(Saved::default());
    let mut plan = plan(&config(text), &[], &mut state, world, saved);
    plan.only_missing(&state);
    let (written, failures) = run(world, record, plan);
    assert_eq!(failures, Vec::<String>::new());
    written
}

fn run(world: &World, record: &mut Record, plan: Plan) -> (Vec<String>, Vec<String>) {
    let after = Mutex::new(record.clone());
    let mut failures = plan.failures;
    failures.extend(execute(
        &plan.jobs,
        world,
        world,
        &after,
        &AtomicBool::new(false),
        |_, _| Ok(()),
        |_| (),
    ));
    *record = after.into_inner().unwrap();
    let failures = failures.iter().map(|(name, why)| format!("{name}: {why}"));
    let written = world.take_written();
    assert_eq!(
        written.is_empty(),
        plan.lines.is_empty(),
        "what is done is told"
    );
    (written, failures.collect())
}

fn done(world: &World, record: &mut Record, text: &str) -> Vec<String> {
    let (written, failures) = apply(world, record, text);
    assert_eq!(failures, Vec::<String>::new());
    written
}

/// What is said of an export of which the configuration says nothing.
fn usual() -> String {
    let rows = Mode::ALL.into_iter().map(Mode::row);
    rows.map(|row| format!("{}={}", row.add, row.form.shown(row.default)))
        .collect::<Vec<_>>()
        .join(" ")
}

fn export(name: &str, slot: u8, more: &str) -> String {
    format!(
        "[export.{name}]\nshelf = 1\nslot = {slot}\ndevice = \"/dev/{name}\"\n\
         interfaces = [\"eth0\"]\n{more}\n"
    )
}

#[test]
fn the_second_time_nothing_is_done() {
    let (world, mut record) = (World::new(), Record::default());
    let text = export(
        "a",
        0,
        "mask = [\"02:00:00:00:00:01\"]\nmodel = \"M\"\nmtu = 2000",
    ) + &export(
        "b",
        1,
        "access = { read = \"none\" }\noffset = 512\nconfig-string = 'a\\x20b'",
    );
    done(&world, &mut record, &text);
    assert_eq!(world.folders(), ["1.0@eth0", "1.1@eth0"]);
    assert_eq!(world.value("1.0@eth0/mask"), "02:00:00:00:00:01");
    assert_eq!(world.value("1.0@eth0/state"), "up");
    assert_eq!(world.value("1.1@eth0/access/read"), "none");
    assert_eq!(world.value("1.1@eth0/config"), "a b");
    assert_eq!(done(&world, &mut record, &text), Vec::<String>::new());
    assert_eq!(
        done(&world, &mut record, ""),
        ["del: 1 0 eth0", "del: 1 1 eth0"]
    );
    assert_eq!(record, Record::default());
}

#[test]
fn only_what_differs_is_touched() {
    let (world, mut record) = (World::new(), Record::default());
    let b = export("b", 1, "");
    done(&world, &mut record, &(export("a", 0, "") + &b));
    let written = done(
        &world,
        &mut record,
        &(export("a", 0, "buffer-count = 9\nmodel = \"M\"") + &b),
    );
    assert_eq!(written, ["1.0@eth0/bufcnt: 9", "1.0@eth0/model: M"]);
    let written = done(
        &world,
        &mut record,
        &(export("a", 0, "buffer-count = 9") + &b),
    );
    assert_eq!(written, ["1.0@eth0/model: kvblade_rs"], "as it was before");
    let written = done(
        &world,
        &mut record,
        &(export("a", 0, "buffer-count = 9\nread-only = true") + &b),
    );
    assert_eq!(
        written[1],
        format!(
            "add: 1 0 eth0 /dev/a {} bufcnt=9 offline=1",
            usual().replace("ro=0", "ro=1")
        )
    );
    assert_eq!(written[2], "del: 1 0 eth0");
    assert_eq!(written.len(), 3);
}

#[test]
fn what_clients_set_stays_until_the_file_says_otherwise() {
    let (world, mut record) = (World::new(), Record::default());
    let text = |more: &str| export("a", 0, &format!("config-string = \"mine\"\n{more}"));
    done(&world, &mut record, &text(""));
    world.write("1.0@eth0/config", "theirs").unwrap();
    world.write("1.0@eth0/state", "offline").unwrap();
    world.take_written();
    assert_eq!(done(&world, &mut record, &text("")), Vec::<String>::new());
    done(&world, &mut record, &text("read-only = true"));
    assert_eq!(
        world.value("1.0@eth0/config"),
        "theirs",
        "also when it is made anew"
    );
    assert_eq!(world.value("1.0@eth0/state"), "offline");
    let written = done(
        &world,
        &mut record,
        &export("a", 0, "read-only = true\nconfig-string = \"new\""),
    );
    assert_eq!(written, ["1.0@eth0/config: new"]);
}

#[test]
fn addresses_may_change_hands() {
    let (world, mut record) = (World::new(), Record::default());
    done(
        &world,
        &mut record,
        &(export("a", 0, "") + &export("b", 1, "")),
    );
    done(
        &world,
        &mut record,
        &(export("a", 1, "") + &export("b", 0, "")),
    );
    assert_eq!(world.value("1.0@eth0/bpath"), "/dev/b");
    assert_eq!(world.value("1.1@eth0/bpath"), "/dev/a");
}

#[test]
fn interfaces_come_and_go_without_harm() {
    let (mut world, mut record) = (World::new(), Record::default());
    let with = |list: &str| export("a", 0, "").replace("\"eth0\"", list);
    done(&world, &mut record, &with("\"eth0\""));
    let written = done(&world, &mut record, &with("\"eth1\""));
    assert_eq!(written.len(), 2, "{written:?}");
    assert!(written[0].starts_with("add: 1 0 eth1 /dev/a ro=0") && !written[0].contains("offline"));
    assert_eq!(written[1], "del: 1 0 eth0");
    let written = done(&world, &mut record, &with("\"eth*\""));
    assert_eq!(written.len(), 1, "{written:?}");
    // One that is gone for a while keeps its port, and another one gets one.
    world.interfaces = vec!["eth1", "eth7"];
    let written = done(&world, &mut record, &with("\"eth*\""));
    assert!(written[0].starts_with("add: 1 0 eth7 "), "{written:?}");
    assert_eq!(world.folders(), ["1.0@eth0", "1.0@eth1", "1.0@eth7"]);
    let (_, failures) = apply(&world, &mut record, &with("\"eth*\", \"san0\""));
    assert_eq!(failures, ["a: san0: no such Ethernet interface"]);
}

#[test]
fn names_select() {
    let (world, mut record) = (World::new(), Record::default());
    let text = export("a", 0, "") + &export("b", 1, "");
    apply_names(&world, &mut record, &text, &["b"]);
    assert_eq!(world.folders(), ["1.1@eth0"]);
    apply_names(&world, &mut record, &export("a", 0, ""), &["a"]);
    assert_eq!(world.folders(), ["1.0@eth0", "1.1@eth0"], "b was not named");
    apply_names(&world, &mut record, &export("a", 0, ""), &["b"]);
    assert_eq!(world.folders(), ["1.0@eth0"]);
}

#[test]
fn the_cap_of_an_interface_is_the_exports() {
    let (world, mut record) = (World::new(), Record::default());
    let caps = "[interface.eth0]\nmtu = 4000\n[interface.\"eth*\"]\nmtu = 5000\n";
    done(&world, &mut record, &(export("a", 0, "mtu = 6000") + caps));
    assert_eq!(world.value("1.0@eth0/mtu_max"), "4000");
    done(&world, &mut record, &(export("a", 0, "mtu = 2000") + caps));
    assert_eq!(world.value("1.0@eth0/mtu_max"), "2000");
}

#[test]
fn slots_stay_with_their_names() {
    let automatic = |name: &str| export(name, 0, "").replace("slot = 0\n", "");
    let mut slots = Slots::default();
    let mut give = |text: &str| -> Vec<String> {
        let given = slots.assign(&config(text).exports, &BTreeMap::new());
        given
            .into_iter()
            .map(|it| it.map_or_else(|why| why, |it| it.to_string()))
            .collect()
    };
    let all = automatic("a") + &automatic("b") + &automatic("c");
    assert_eq!(give(&all), ["1.0", "1.1", "1.2"]);
    assert_eq!(give(&automatic("c")), ["1.2"]);
    assert_eq!(
        give(&(automatic("d") + &automatic("b"))),
        ["1.3", "1.1"],
        "those of a and c are kept"
    );
    let given = give(&(export("e", 1, "") + &all));
    assert_eq!(
        given[1..],
        ["1.0", "1.1", "1.2"],
        "explicit ones do not win"
    );
    assert!(
        given[0].starts_with("slot 1: address 1.1 is that of b, "),
        "{given:?}"
    );
    // What is not configured does not keep one that is from its slot.
    assert_eq!(
        give(&(export("e", 3, "") + &automatic("a"))),
        ["1.3", "1.0"]
    );
    let many: String = (0..300).map(|n| automatic(&format!("n{n}"))).collect();
    let given = slots.assign(&config(&many).exports, &BTreeMap::new());
    assert_eq!(
        given.iter().flatten().collect::<BTreeSet<_>>().len(),
        255,
        "all of the shelf"
    );
}

#[test]
fn a_new_export_serves_while_its_other_interfaces_still_ask() {
    let (world, mut record) = (World::new(), Record::default());
    let text = export("a", 0, "").replace("\"eth0\"", "\"eth0\", \"eth1\"");
    let written = done(&world, &mut record, &text);
    let place = |text: &str| written.iter().position(|it| it.starts_with(text));
    let online = place("1.0@eth0/state: online force=1");
    let other = place("add: 1 0 eth1 ");
    assert!(online.is_some() && online < other, "{written:?}");
}

#[test]
fn stop_removes_what_apply_has_made() {
    let (world, mut record) = (World::new(), Record::default());
    done(
        &world,
        &mut record,
        &(export("a", 0, "") + &export("b", 1, "")),
    );
    world.add("1 9 eth0 /dev/x ro=0").unwrap();
    let state = look(&world, record, Slots::default()).unwrap();
    let plan = plan_stop(&state);
    let record = Mutex::new(state.record);
    assert!(execute(
        &plan.jobs,
        &world,
        &world,
        &record,
        &AtomicBool::new(false),
        |_, _| Ok(()),
        |_| ()
    )
    .is_empty());
    assert_eq!(world.folders(), ["1.9@eth0"]);
    assert_eq!(*record.lock().unwrap(), Record::default());
}

#[test]
fn only_what_is_missing_is_made_when_a_device_appears() {
    let (world, mut record) = (World::new(), Record::default());
    let before = export("a", 0, "log = 'quiet'") + &export("b", 1, "");
    done(&world, &mut record, &before);
    // One is to end, one to change and to have another interface, and one is new.
    let text = export("a", 0, "log = 'normal'").replace("\"eth0\"", "\"eth0\", \"eth1\"")
        + &export("c", 2, "");
    let mut written = apply_missing(&world, &mut record, &text);
    written.sort();
    let adds = |line: &String| line.starts_with("add: 1 ");
    assert!(
        written
            .iter()
            .any(|it| adds(it) && it.contains("1 0 eth1 ")),
        "{written:?}"
    );
    assert!(
        written
            .iter()
            .any(|it| adds(it) && it.contains("1 2 eth0 ")),
        "{written:?}"
    );
    assert!(
        !written.iter().any(|it| it.starts_with("del:")),
        "{written:?}"
    );
    assert_eq!(world.value("1.0@eth0/log"), "quiet");
    assert_eq!(
        apply_missing(&world, &mut record, &text),
        Vec::<String>::new()
    );
    // What was left out is done when it is applied.
    let written = done(&world, &mut record, &text);
    assert!(written.contains(&"del: 1 1 eth0".to_owned()), "{written:?}");
    assert_eq!(world.value("1.0@eth0/log"), "normal");
}
