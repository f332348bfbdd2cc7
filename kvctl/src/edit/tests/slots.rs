// SPDX-License-Identifier: GPL-2.0

//! Whose an address is: clients that write to a disk go on writing to whatever has its address.

use std::fs;

use super::Bed;
use super::Change;
use crate::plan::tests::world::World;
use crate::state::Kernel;
use crate::state::Record;

/// Of these the first has no slot of its own.
const MAIN: &str =
    "[defaults]\nshelf = 1\ninterfaces = [\"eth0\"]\n[export.a]\ndevice = \"/dev/a\"\n";

fn disk(bed: &Bed, folder: &str) -> String {
    bed.world.value(&format!("{folder}/bpath"))
}

#[test]
fn an_addition_that_fails_moves_no_other_export() {
    let bed = Bed::new(MAIN);
    bed.apply();
    assert_eq!(bed.world.folders(), ["1.0@eth0"]);
    let said = bed.add("b", &["device=/dev/b", "slot=0"]).unwrap_err();
    assert!(said.contains("slot 0: address 1.0 is that of a"), "{said}");
    assert!(said.ends_with("nothing has changed"), "{said}");
    let slots = fs::read_to_string(bed.paths.lib.join("slots.toml")).unwrap();
    assert_eq!(slots, "a = \"1.0\"\n");
    assert_eq!(bed.apply(), Vec::<String>::new());
    assert_eq!(disk(&bed, "1.0@eth0"), "/dev/a");
}

#[test]
fn an_address_that_is_kept_for_another_is_so_also_after_a_failure() {
    let mut bed = Bed::new(MAIN);
    bed.add("x", &["device=/dev/x"]).unwrap();
    bed.remove("x").unwrap();
    let slots = || fs::read_to_string(bed.paths.lib.join("slots.toml")).unwrap();
    let before = slots();
    assert!(before.contains("x = \"1.1\""), "{before}");
    bed.world.missing.insert("/dev/gone".into());
    bed.add("b", &["device=/dev/gone", "slot=1"]).unwrap_err();
    let slots = fs::read_to_string(bed.paths.lib.join("slots.toml")).unwrap();
    assert!(slots.contains("x = \"1.1\""), "{slots}");
}

#[test]
fn a_slot_in_a_file_takes_over_no_address_that_was_given_to_another() {
    let mut bed = Bed::new(MAIN);
    bed.apply();
    let both = format!("{MAIN}[export.b]\nslot = 0\ndevice = \"/dev/b\"\n");
    fs::write(&bed.paths.config, &both).unwrap();
    assert_eq!(bed.apply(), Vec::<String>::new());
    assert_eq!(disk(&bed, "1.0@eth0"), "/dev/a");
    // One that runs elsewhere stays there, and nobody else gets what it has.
    fs::write(&bed.paths.config, both.replace("slot = 0", "slot = 5")).unwrap();
    bed.apply();
    fs::write(
        &bed.paths.config,
        format!("{both}[export.c]\nslot = 5\ndevice = \"/dev/c\"\n"),
    )
    .unwrap();
    assert_eq!(bed.apply(), Vec::<String>::new());
    assert_eq!(disk(&bed, "1.5@eth0"), "/dev/b");
    // Nor does the next start of the machine change hands.
    fs::write(&bed.paths.config, both).unwrap();
    bed.world = World::new();
    Record::default().store(&bed.paths.run).unwrap();
    bed.apply();
    assert_eq!(disk(&bed, "1.0@eth0"), "/dev/a");
}

#[test]
fn what_runs_stays_where_it_is_whatever_was_remembered() {
    let bed = Bed::new(&MAIN.replace("[export.a]", "[export.a]\nslot = 7"));
    bed.apply();
    fs::write(&bed.paths.config, MAIN).unwrap();
    assert_eq!(
        bed.apply(),
        Vec::<String>::new(),
        "a line less moves nobody"
    );
    assert_eq!(bed.world.folders(), ["1.7@eth0"]);
    fs::write(
        bed.paths.lib.join("slots.toml"),
        "a = \"1.3\"\nb = \"1.7\"\n",
    )
    .unwrap();
    assert_eq!(bed.apply(), Vec::<String>::new());
    // Others do not get the address of what is there for now only, or goes.
    let change = Change::Add(Bed::settings(&["device=/dev/t", "slot=0"]));
    bed.running("t", change).unwrap();
    bed.add("z", &["device=/dev/z"]).unwrap();
    assert_eq!(disk(&bed, "1.1@eth0"), "/dev/z");
    assert!(bed.world.read("1.0@eth0/bpath").is_ok());
}
