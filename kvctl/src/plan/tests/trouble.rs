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
use super::plan;
use super::usual;
use super::world::World;
use crate::config::parse;
use crate::config::problem::Source;
use crate::plan::cards::Nature;
use crate::plan::emptied;
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
    let options = usual();
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
    let done = plan.run(&world, &world, record, &never, |_, _| Ok(()), |_| Ok(()));
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
    // Its card is away for a while, and comes back under another name of its own.
    world.interfaces = vec!["eth0"];
    world.alternatives.clear();
    let (_, failures) = apply(&world, &mut record, &text);
    assert_eq!(failures, ["a: san: no such Ethernet interface"]);
    assert_eq!(world.folders(), ["1.0@eth1"]);
    world.interfaces = vec!["eth0", "eth7"];
    world.alternatives.insert("san", "eth7");
    done(&world, &mut record, &text);
    assert_eq!(world.folders(), ["1.0@eth7"]);
    world.alternatives.clear();
    let (_, failures) = apply(
        &world,
        &mut record,
        &export("b", 1, "").replace("eth0", "san"),
    );
    assert_eq!(failures[0], "b: san: no such Ethernet interface");
}

#[test]
fn a_pattern_means_what_leads_to_a_wire() {
    let (mut world, mut record) = (World::new(), Record::default());
    let nature = |kind: &str| Nature {
        kind: Some(kind.to_owned()),
        has_card: false,
    };
    world.interfaces = vec!["br0", "eth0", "eth1", "veth1", "veth2"];
    world.natures = [
        ("br0", nature("bridge")),
        ("veth1", nature("veth")),
        ("veth2", nature("veth")),
    ]
    .into();
    world.takers = [("eth1", "br7"), ("veth1", "br0")].into();
    let text = export("a", 0, "").replace("[\"eth0\"]", "[\"*\"]");
    let mut state = look(&world, Record::default(), Slots::default()).unwrap();
    let kept = |_: &str| Ok(Saved::default());
    let told = plan(&config(&text), &[], &mut state, &world, kept).patterns;
    let expected = [
        "*: takes eth0",
        "*: leaves out br0 (bridge without a card)",
        "*: leaves out eth1 (port of br7)",
        "*: leaves out veth1, veth2 (virtual: veth)",
    ];
    assert_eq!(told, expected);
    done(&world, &mut record, &text);
    assert_eq!(world.folders(), ["1.0@eth0"]);
    // By its name it is meant all the same, and what is not named any more goes.
    let named = text.replace("[\"*\"]", "[\"*\", \"veth2\"]");
    done(&world, &mut record, &named);
    assert_eq!(world.folders(), ["1.0@eth0", "1.0@veth2"]);
    done(&world, &mut record, &text);
    assert_eq!(world.folders(), ["1.0@eth0"]);
    // A bridge may get its card back.
    world.natures.get_mut("br0").unwrap().has_card = true;
    done(&world, &mut record, &text);
    world.natures.insert("br0", nature("bridge"));
    assert_eq!(done(&world, &mut record, &text), Vec::<String>::new());
    assert_eq!(world.folders(), ["1.0@br0", "1.0@eth0"]);
    // Nothing at all is told as a failure.
    let none = export("b", 1, "").replace("[\"eth0\"]", "[\"veth*\"]");
    let (_, failures) = apply(&world, &mut record, &none);
    let why = "b: veth*: takes no interface, leaves out veth1, veth2 (virtual: veth); name one to export on it";
    assert_eq!(failures[0], why);
}

#[test]
fn an_interface_must_be_what_is_required() {
    let (mut world, mut record) = (World::new(), Record::default());
    let macsec = Nature {
        kind: Some("macsec".to_owned()),
        has_card: true,
    };
    let require = "[interface.eth0]\nrequire = \"macsec\"\n";
    let text = export("a", 0, "") + require;
    let (_, failures) = apply(&world, &mut record, &text);
    let card = "eth0 is a card, and [interface.\"eth0\"] requires macsec";
    assert_eq!(failures[0], format!("a: {card}"));
    assert!(world.folders().is_empty());
    world.natures.insert("eth0", macsec.clone());
    let (_, failures) = apply(&world, &mut record, &text);
    let open = "a: eth0 is a macsec that takes frames without a key or once more, and [interface.\"eth0\"] \
                requires macsec: ip link set eth0 type macsec validate strict replay on window 32";
    assert_eq!(failures[0], open);
    world.strict.insert("eth0");
    done(&world, &mut record, &text);
    assert_eq!(world.folders(), ["1.0@eth0"]);
    // One that is a card from now on is left, and a pattern means none of them.
    world.natures.clear();
    let (_, failures) = apply(&world, &mut record, &text);
    assert_eq!(failures, [format!("a: {card}")]);
    assert!(world.folders().is_empty());
    world.natures.insert("eth1", macsec);
    world.strict.insert("eth1");
    let all = text
        .replace("[\"eth0\"]", "[\"eth*\"]")
        .replace(".eth0]", ".\"*\"]");
    done(&world, &mut record, &all);
    assert_eq!(world.folders(), ["1.0@eth1"]);
    // By another name of it, too.
    world.alternatives.insert("san", "eth0");
    let other = export("b", 1, "") + &require.replace("eth0", "san");
    let (_, failures) = apply(&world, &mut record, &other);
    assert_eq!(
        failures[0],
        format!("b: {}", card.replace("\"eth0\"", "\"san\""))
    );
}
