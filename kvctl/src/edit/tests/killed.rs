// SPDX-License-Identifier: GPL-2.0

//! Whoever made an export was killed: nobody comes in whom clients have kept away.

use std::fs;
use std::panic::catch_unwind;
use std::panic::AssertUnwindSafe;

use super::Bed;
use super::MAIN;
use crate::state::saved::keep;
use crate::state::Kernel;
use crate::state::Record;

const MAC: &str = "02:00:00:00:00:01";
const OTHER: &str = "02:00:00:00:00:02";

/// Does something, and is killed as soon as it has written this file.
fn killed(bed: &mut Bed, file: &'static str, work: impl Fn(&Bed)) {
    bed.world.deadly = Some(file);
    assert!(catch_unwind(AssertUnwindSafe(|| work(bed))).is_err());
    bed.world.deadly = None;
}

/// What `kvctl persist` does meanwhile.
fn persist(bed: &Bed) {
    for (name, made) in Record::load(&bed.paths.run).unwrap().exports {
        keep(&bed.world, &bed.paths.lib, &name, &made).unwrap();
    }
}

fn values(bed: &Bed) -> [String; 5] {
    ["ro", "config", "mask", "reserve", "state"]
        .map(|it| bed.world.value(&format!("1.5@eth0/{it}")))
}

#[test]
fn while_an_export_was_made_anew() {
    for file in ["del", "add", "1.5@eth0/config", "1.5@eth0/mask"] {
        let mut bed = Bed::new(MAIN);
        bed.add("a", &["device=/dev/a", "slot=5", "persist=reserve"])
            .unwrap();
        for (file, value) in [("config", "theirs"), ("mask", MAC), ("reserve", OTHER)] {
            bed.world.write(&format!("1.5@eth0/{file}"), value).unwrap();
        }
        persist(&bed);
        killed(&mut bed, file, |bed| {
            bed.set("a", &["read-only=yes"]).unwrap();
        });
        persist(&bed);
        bed.apply();
        assert_eq!(values(&bed), ["1", "theirs", MAC, OTHER, "up"], "{file}");
        assert_eq!(bed.apply()[..], Vec::<String>::new(), "{file}");
        persist(&bed);
        let kept = fs::read_to_string(bed.paths.lib.join("exports/a.toml")).unwrap();
        assert!(kept.contains(OTHER), "{kept}");
    }
}

#[test]
fn while_an_export_was_made_anew_that_was_offline() {
    let mut bed = Bed::new(MAIN);
    bed.add("a", &["device=/dev/a", "slot=5"]).unwrap();
    bed.world.write("1.5@eth0/state", "offline").unwrap();
    killed(&mut bed, "add", |bed| {
        bed.set("a", &["read-only=yes"]).unwrap();
    });
    bed.apply();
    assert_eq!(values(&bed)[4], "offline");
}

#[test]
fn while_an_export_was_made_of_which_a_reservation_was_kept() {
    let mut bed = Bed::new(MAIN);
    let words = ["device=/dev/a", "slot=5", "persist=reserve"];
    bed.add("a", &words).unwrap();
    bed.world.write("1.5@eth0/reserve", OTHER).unwrap();
    persist(&bed);
    bed.remove("a").unwrap();
    killed(&mut bed, "add", |bed| {
        bed.add("a", &words).unwrap();
    });
    persist(&bed);
    // A disk that appears is enough to finish it.
    bed.apply_missing();
    assert_eq!(values(&bed)[3..], [OTHER, "up"]);
}

#[test]
fn what_was_for_now_only_and_half_made_goes() {
    let mut bed = Bed::new(MAIN);
    let set = |words: &[&str]| super::Change::Set(Bed::settings(words));
    let add = super::Change::Add(Bed::settings(&["device=/dev/t", "slot=7"]));
    bed.running("t", add).unwrap();
    killed(&mut bed, "add", |bed| {
        bed.running("t", set(&["read-only=yes"])).unwrap();
    });
    bed.apply();
    assert_eq!(bed.world.folders(), ["1.0@eth0"]);
}
