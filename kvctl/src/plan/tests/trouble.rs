// SPDX-License-Identifier: GPL-2.0

//! What cannot be done.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::apply;
use super::config;
use super::done;
use super::export;
use super::look;
use super::world::World;
use crate::config::parse;
use crate::config::problem::Source;
use crate::plan::emptied;
use crate::plan::plan;
use crate::state::saved::Saved;
use crate::state::slots::Slots;
use crate::state::Kernel;
use crate::state::Record;

#[test]
fn one_that_fails_does_not_stop_the_others() {
    let (mut world, mut record) = (World::new(), Record::default());
    world.missing.insert("/dev/b".into());
    let text = export("a", 0, "") + &export("b", 1, "") + &export("c", 2, "");
    let (_, failures) = apply(&world, &mut record, &text);
    assert_eq!(failures, ["b: /dev/b: not there"]);
    assert_eq!(world.folders(), ["1.0@eth0", "1.2@eth0"]);
    world.missing.clear();
    assert_eq!(done(&world, &mut record, &text).len(), 2, "add, and online");
}

#[test]
fn who_has_a_device_is_told() {
    let (mut world, mut record) = (World::new(), Record::default());
    world.held = Some(Path::new("/dev/b"));
    let text = export("a", 0, "") + &export("b", 1, "");
    let (_, failures) = apply(&world, &mut record, &text);
    assert_eq!(failures, ["b: /dev/b: busy, used by md0"]);
    assert_eq!(world.take_refreshed(), ["/dev/a"]);
    world.held = None;
    done(&world, &mut record, &text);
    assert_eq!(world.take_refreshed(), ["/dev/b"], "only what is new");
    done(&world, &mut record, &export("b", 1, ""));
    assert_eq!(world.take_refreshed(), ["/dev/a"], "the host may have it");
}

#[test]
fn exports_made_by_hand_are_left_alone() {
    let (world, mut record) = (World::new(), Record::default());
    let options =
        "ro=0 shared=0 offset=0 length=0 bufcnt=64 mtu=0 cache=through announce=all announce_every=0 single_writer=0 log=normal on_conflict=report conflict_check=10";
    world.add(&format!("1 0 eth0 /dev/a {options}")).unwrap();
    world.add(&format!("1 9 eth0 /dev/x {options}")).unwrap();
    assert_eq!(done(&world, &mut record, ""), Vec::<String>::new());
    let (_, failures) = apply(&world, &mut record, &export("b", 9, ""));
    assert!(
        failures[0].contains("1.9 is exported by hand, for /dev/x"),
        "{failures:?}"
    );
    // What is as the configuration has it becomes its own.
    assert_eq!(
        done(&world, &mut record, &export("a", 0, "mtu = 3000")),
        ["1.0@eth0/mtu_max: 3000"]
    );
    assert_eq!(done(&world, &mut record, ""), ["del: 1 0 eth0"]);
}

#[test]
fn what_was_refused_is_tried_again() {
    let (mut world, mut record) = (World::new(), Record::default());
    let text = |more| export("a", 0, more);
    done(&world, &mut record, &text("online = false"));
    for (file, more) in [
        ("config", "config-string = 'new'\nonline = false"),
        ("state", "config-string = 'new'"),
    ] {
        world.refused = Some(file);
        for _ in 0..2 {
            let (_, failures) = apply(&world, &mut record, &text(more));
            assert_eq!(failures, [format!("a: {file}: refused")]);
        }
        world.refused = None;
        assert!(!done(&world, &mut record, &text(more)).is_empty());
        assert!(done(&world, &mut record, &text(more)).is_empty());
    }
    assert_eq!(world.value("1.0@eth0/config"), "new");
    assert_eq!(world.value("1.0@eth0/state"), "up");
}

#[test]
fn what_is_emptied_is_told() {
    let (world, mut record) = (World::new(), Record::default());
    done(
        &world,
        &mut record,
        &(export("a", 0, "") + &export("b", 1, "")),
    );
    world.add("1 9 eth0 /dev/x ro=0").unwrap();
    let said = |text: &str| {
        let state = look(&world, record.clone(), Slots::default()).unwrap();
        emptied(&config(text), &[], &state).map(|it| it.what)
    };
    for text in ["", "# [export.a]", "[defaults]\nshelf = 1"] {
        let what = "0 exports configured, 2 would be removed (a, ...)";
        assert_eq!(said(text).as_deref(), Some(what));
    }
    for text in ["[export]", &export("c", 7, "")] {
        assert_eq!(said(text), None, "{text}");
    }
    done(&world, &mut record, &export("b", 1, ""));
    let state = |record| look(&world, record, Slots::default()).unwrap();
    let what = emptied(&config(""), &[], &state(record.clone()));
    assert_eq!(
        what.map(|it| it.what).as_deref(),
        Some("0 exports configured, 1 would be removed (b)")
    );
    // By hand, or with the module.
    world.write("del", "1 1 eth0").unwrap();
    assert!(emptied(&config(""), &[], &state(record)).is_none());
}

#[test]
fn one_file_that_is_emptied_is_told_too() {
    let (world, mut record) = (World::new(), Record::default());
    let state = |record: &Record| look(&world, record.clone(), Slots::default()).unwrap();
    let config = |texts: [&str; 2]| {
        let sources = ["main.conf", "kvctl.conf"]
            .iter()
            .zip(texts)
            .map(|(path, text)| Source {
                path: path.into(),
                text: text.into(),
            });
        parse(&sources.collect::<Vec<_>>(), &BTreeMap::new()).unwrap()
    };
    let (a, b) = (export("a", 0, ""), export("b", 1, ""));
    let mut now = state(&record);
    let saved = |_: &str| Ok(Saved::default());
    let plan = plan(&config([&a, &b]), &[], &mut now, &world, saved);
    let never = AtomicBool::new(false);
    let done = plan.run(&world, &world, record, &never, |_, _| Ok(()));
    record = done.unwrap().0;
    let said = |texts: [&str; 2], names: &[&str]| {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        emptied(&config(texts), &names, &state(&record)).map(|it| it.what)
    };
    let what = "main.conf: has no table any more, 1 would be removed (a)";
    assert_eq!(said(["", &b], &[]).as_deref(), Some(what));
    assert_eq!(said(["# [export.a]", &b], &["a"]).as_deref(), Some(what));
    for (texts, names) in [
        // It stays, or has another place, or is not meant.
        ([&*a, &b], &[][..]),
        (["", &(b.clone() + &a)], &[]),
        (["", &b], &["b"]),
        // That is said.
        (["[export]", &b], &[]),
        (["[defaults]\nshelf = 1", &b], &[]),
        // kvctl remove does so.
        ([&a, ""], &[]),
    ] {
        assert_eq!(said(texts, names), None, "{texts:?}");
    }
    // What an older kvctl has made is of no file.
    for made in record.exports.values_mut() {
        made.file = None;
    }
    assert!(emptied(&config(["", &b]), &[], &state(&record)).is_none());
}

#[test]
fn a_part_of_another_interface_keeps_no_other_back() {
    let (mut world, mut record) = (World::new(), Record::default());
    world.takers.insert("eth0", "br0");
    let text = export("a", 0, "").replace("[\"eth0\"]", "[\"eth0\", \"eth1\"]");
    let (_, failures) = apply(&world, &mut record, &text);
    assert_eq!(failures, ["a: eth0 is a port of br0: export on br0"]);
    assert_eq!(world.folders(), ["1.0@eth1"]);
    // A pattern means those that can serve, and who serves already stays.
    let text = text.replace("[\"eth0\", \"eth1\"]", "[\"eth*\"]");
    assert_eq!(done(&world, &mut record, &text), Vec::<String>::new());
    world.takers = [("eth1", "br0")].into();
    assert!(!done(&world, &mut record, &text).is_empty());
    assert_eq!(world.folders(), ["1.0@eth0", "1.0@eth1"]);
}

#[test]
fn an_alternative_name_is_the_interfaces_own() {
    let (mut world, mut record) = (World::new(), Record::default());
    world.alternatives.insert("san", "eth1");
    let text = export("a", 0, "").replace("[\"eth0\"]", "[\"san\"]");
    done(&world, &mut record, &text);
    assert_eq!(world.folders(), ["1.0@eth1"]);
    let both = text.replace("[\"san\"]", "[\"san\", \"eth1\"]");
    assert_eq!(done(&world, &mut record, &both), Vec::<String>::new());
    world.alternatives.clear();
    let (_, failures) = apply(
        &world,
        &mut record,
        &export("b", 1, "").replace("eth0", "san"),
    );
    assert_eq!(failures[0], "b: san: no such Ethernet interface");
}
