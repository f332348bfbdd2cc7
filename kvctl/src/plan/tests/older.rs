// SPDX-License-Identifier: GPL-2.0

//! The module that is loaded is older than kvctl.

use super::apply;
use super::done;
use super::export;
use super::world::World;
use crate::state::Record;

fn older() -> World {
    let mut world = World::new();
    world.unknown = vec![
        "announce_every",
        "single_writer",
        "on_conflict",
        "conflict_check",
    ];
    world
}

#[test]
fn exports_are_made_and_made_anew() {
    let (world, mut record) = (older(), Record::default());
    done(&world, &mut record, &export("a", 0, ""));
    done(&world, &mut record, &export("a", 0, "read-only = true"));
    assert_eq!(world.value("1.0@eth0/ro"), "1");
    let both = export("a", 0, "read-only = true").replace("\"eth0\"", "\"eth0\", \"eth1\"");
    done(&world, &mut record, &both);
    assert_eq!(world.folders(), ["1.0@eth0", "1.0@eth1"]);
    assert_eq!(done(&world, &mut record, &both), Vec::<String>::new());
}

#[test]
fn what_it_does_not_know_is_told_before_the_export_goes() {
    let (world, mut record) = (older(), Record::default());
    done(&world, &mut record, &export("a", 0, ""));
    let told = "a: conflict-check: the module that is loaded is older and does not know it; load the new one \
                (kvctl stop, rmmod kvblade_rs, systemctl restart kvblade), or leave it out";
    for more in ["", "read-only = true\n"] {
        let text = export("a", 0, &format!("{more}conflict-check = 20"));
        let (written, failures) = apply(&world, &mut record, &text);
        assert_eq!(failures, [told]);
        assert_eq!(written, Vec::<String>::new());
        assert_eq!(world.value("1.0@eth0/state"), "up");
    }
    // What it knows is changed all the same.
    let text = export("a", 0, "conflict-check = 20\nbuffer-count = 9");
    let (written, failures) = apply(&world, &mut record, &text);
    assert_eq!(
        (written.len(), failures.len()),
        (1, 1),
        "{written:?} {failures:?}"
    );
}
