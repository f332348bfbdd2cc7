// SPDX-License-Identifier: GPL-2.0

//! What clients have set before, and is kept: it never keeps an export away.

use super::apply;
use super::apply_kept;
use super::done;
use super::export;
use super::world::World;
use crate::state::saved::keep;
use crate::state::saved::Saved;
use crate::state::Kernel;
use crate::state::Record;

const ALL: &str = "persist = ['config-string', 'mask', 'reserve']\nconfig-string = 'mine'";
const MAC: &str = "02:00:00:00:00:01";

fn saved(settings: &[(&str, &str)]) -> Saved {
    let mut saved = Saved::default();
    for (setting, value) in settings {
        let configured = if *setting == "config-string" {
            "mine"
        } else {
            ""
        };
        saved.set(setting, value, configured);
    }
    saved
}

/// Applies the configuration with this kept; returns the failures.
fn apply_with(world: &World, record: &mut Record, kept: &Result<Saved, String>) -> Vec<String> {
    apply_kept(world, record, &export("a", 0, ALL), &[], |_| kept.clone()).1
}

fn values(world: &World) -> [String; 4] {
    ["config", "mask", "reserve", "state"].map(|name| world.value(&format!("1.0@eth0/{name}")))
}

#[test]
fn what_is_kept_holds_when_the_export_is_made() {
    let (world, mut record) = (World::new(), Record::default());
    let text = r"\x80".repeat(1024);
    let kept = saved(&[("config-string", &text), ("mask", ""), ("reserve", MAC)]);
    let failures = apply_with(&world, &mut record, &Ok(kept));
    assert_eq!(failures, Vec::<String>::new());
    assert_eq!(values(&world), [&text, "", MAC, "up"]);
}

#[test]
fn whoever_was_kept_away_stays_away_if_the_one_who_made_the_export_was_killed() {
    let (world, mut record) = (World::new(), Record::default());
    let kept = Ok(saved(&[("config-string", "theirs"), ("reserve", MAC)]));
    assert_eq!(apply_with(&world, &mut record, &kept), Vec::<String>::new());
    // As it is after "add".
    record.exports.get_mut("a").unwrap().unfinished = true;
    for (file, value) in [("config", ""), ("reserve", ""), ("state", "offline")] {
        world.write(&format!("1.0@eth0/{file}"), value).unwrap();
    }
    world.take_written();
    assert_eq!(apply_with(&world, &mut record, &kept), Vec::<String>::new());
    assert_eq!(values(&world), ["theirs", "", MAC, "up"]);
    assert!(!record.exports["a"].unfinished);
    assert_eq!(
        done(&world, &mut record, &export("a", 0, ALL)),
        Vec::<String>::new()
    );
}

#[test]
fn a_config_string_that_is_of_no_use_is_told_and_that_of_the_file_holds() {
    for cut in [r"\x80\x8", &r"\x80".repeat(1025), r"\q"] {
        let (world, mut record) = (World::new(), Record::default());
        let kept = saved(&[("config-string", cut), ("reserve", MAC)]);
        let failures = apply_with(&world, &mut record, &Ok(kept));
        assert_eq!(
            failures,
            ["a: config-string: what was kept is of no use (longer than 1024 bytes, or with a wrong \
              escape): that of the configuration holds"]
        );
        assert_eq!(values(&world), ["mine", "", MAC, "up"]);
    }
}

#[test]
fn whoever_was_kept_away_stays_away_when_it_is_not_known_any_more_who_that_is() {
    let too_many = (0..129).map(|number| format!("02:00:00:00:01:{number:02x} "));
    let too_many: String = too_many.collect();
    for (setting, value) in [
        ("mask", "02:00:00:00:00"),
        ("mask", too_many.as_str()),
        ("reserve", "01:00:00:00:00:01"),
        ("reserve", "all"),
    ] {
        let (world, mut record) = (World::new(), Record::default());
        let kept = Ok(saved(&[("config-string", "theirs"), (setting, value)]));
        let failures = apply_with(&world, &mut record, &kept);
        assert_eq!(failures.len(), 1, "{failures:?}");
        assert!(failures[0].starts_with(&format!("a: {setting}: what was kept is of no use (")));
        assert!(failures[0].ends_with("): offline until kvctl online a"));
        assert_eq!(values(&world), ["theirs", "", "", "offline"]);
        // It does not go online by itself.
        assert_eq!(apply_with(&world, &mut record, &kept), Vec::<String>::new());
        assert_eq!(values(&world)[3], "offline");
    }
}

#[test]
fn a_damaged_file_keeps_no_export_away() {
    let (world, mut record) = (World::new(), Record::default());
    let failures = apply_with(&world, &mut record, &Err("a.toml: damaged".into()));
    assert_eq!(failures.len(), 3, "{failures:?}");
    assert!(failures[0].contains("(a.toml: damaged)"), "{failures:?}");
    assert_eq!(values(&world), ["mine", "", "", "offline"]);
    // Of what is not to be kept nothing is missed.
    let (world, mut record) = (World::new(), Record::default());
    let (_, failures) = apply_kept(&world, &mut record, &export("a", 0, ""), &[], |_| {
        Err("a.toml: damaged".into())
    });
    assert_eq!(failures, Vec::<String>::new());
    assert_eq!(values(&world)[3], "up");
}

#[test]
fn what_the_module_refuses_keeps_no_export_away() {
    for (refused, state) in [
        ("config", "up"),
        ("mask", "offline"),
        ("reserve", "offline"),
    ] {
        let (mut world, mut record) = (World::new(), Record::default());
        world.refused = Some(refused);
        let kept = saved(&[("config-string", "theirs"), ("mask", MAC), ("reserve", MAC)]);
        let failures = apply_with(&world, &mut record, &Ok(kept));
        assert_eq!(failures.len(), 1, "{failures:?}");
        assert!(failures[0].starts_with(&format!("a: {refused}: refused")));
        assert_eq!(values(&world)[3], state, "{refused}");
    }
}

#[test]
fn a_string_that_has_no_text_is_the_same_when_the_export_is_made_anew() {
    let (world, mut record) = (World::new(), Record::default());
    done(&world, &mut record, &export("a", 0, ALL));
    let bytes = [0x80; 1024];
    world.write_bytes("1.0@eth0/config_raw", &bytes).unwrap();
    let (_, failures) = apply(
        &world,
        &mut record,
        &export("a", 0, &format!("{ALL}\nread-only = true")),
    );
    assert_eq!(failures, Vec::<String>::new());
    assert_eq!(world.read_bytes("1.0@eth0/config_raw").unwrap(), bytes);
}

#[test]
fn a_list_that_is_of_no_use_is_kept_until_there_is_another() {
    let (world, mut record) = (World::new(), Record::default());
    done(&world, &mut record, &export("a", 0, ALL));
    let lib = tempfile::tempdir().unwrap();
    let before = saved(&[("config-string", r"\x8"), ("mask", "?"), ("reserve", "?")]);
    before.store(lib.path(), "a").unwrap();
    let keep = || {
        keep(&world, lib.path(), "a", &record.exports["a"]).unwrap();
        Saved::load(lib.path(), "a").unwrap()
    };
    let after = saved(&[("config-string", "mine"), ("mask", "?"), ("reserve", "?")]);
    assert_eq!(keep(), after);
    world.write("1.0@eth0/reserve", MAC).unwrap();
    let after = saved(&[("config-string", "mine"), ("mask", "?"), ("reserve", MAC)]);
    assert_eq!(keep(), after);
    world.write("1.0@eth0/reserve", "").unwrap();
    let after = saved(&[("config-string", "mine"), ("mask", "?"), ("reserve", "")]);
    assert_eq!(keep(), after);
}

#[test]
fn what_clients_have_set_belongs_to_the_disk_whatever_its_path_is() {
    let (mut world, mut record) = (World::new(), Record::default());
    world.numbers = [("/dev/a", "8:0"), ("/dev/b", "8:0")].into();
    done(&world, &mut record, &export("a", 0, ""));
    world.write("1.0@eth0/mask", MAC).unwrap();
    let by_another_name = export("a", 0, "").replace("/dev/a", "/dev/b");
    done(&world, &mut record, &by_another_name);
    assert_eq!(values(&world)[1], MAC, "the same disk");
    // The path leads to another disk now.
    world.numbers.insert("/dev/b", "8:16");
    done(&world, &mut record, &by_another_name);
    assert_eq!(values(&world)[1], "", "another disk");
    // One that was away comes back with another number.
    world.write("1.0@eth0/mask", MAC).unwrap();
    world.lose("1.0@eth0");
    world.numbers.insert("/dev/b", "8:32");
    done(&world, &mut record, &by_another_name);
    assert_eq!(values(&world)[1], MAC, "it was lost");
}
