// SPDX-License-Identifier: GPL-2.0

//! Exports of files, by loop devices.

use std::path::Path;

use super::apply;
use super::done;
use super::export;
use super::world::World;
use crate::plan::host::Machine;
use crate::state::Record;

#[test]
fn files_get_loop_devices_and_give_them_back() {
    let (world, mut record) = (World::new(), Record::default());
    let text = export("a", 0, "").replace("device = \"/dev/a\"", "file = \"/srv/a\"");
    done(&world, &mut record, &text);
    assert_eq!(world.value("1.0@eth0/bpath"), "/dev/loop0");
    assert_eq!(done(&world, &mut record, &text), Vec::<String>::new());
    done(&world, &mut record, "");
    assert!(world.loops().is_empty());
    // One that someone else has set up is used, and stays.
    world.make_loop(Path::new("/srv/a"), false).unwrap();
    done(&world, &mut record, &text);
    done(&world, &mut record, "");
    assert_eq!(world.loops().len(), 1);
}

#[test]
fn what_clients_write_into_a_file_does_not_keep_it_away() {
    let (world, mut record) = (World::new(), Record::default());
    let text = export("a", 0, "").replace("device = \"/dev/a\"", "file = \"/srv/a\"");
    done(&world, &mut record, &text);
    world.images.lock().unwrap().insert("/srv/a".into());
    assert_eq!(done(&world, &mut record, &text), Vec::<String>::new());
    done(&world, &mut record, "");
    done(&world, &mut record, &text);
    assert_eq!(world.value("1.0@eth0/bpath"), "/dev/loop0");
    // Nobody knows another: it must be said what it is.
    world.images.lock().unwrap().insert("/srv/b".into());
    let other = text.replace("/srv/a", "/srv/b");
    let (_, failures) = apply(&world, &mut record, &other);
    assert_eq!(failures, ["a: /srv/b: an image"]);
    done(&world, &mut record, &(other + "format = \"raw\"\n"));
    assert_eq!(world.loops().values().next().unwrap(), Path::new("/srv/b"));
}

#[test]
fn a_second_loop_device_of_a_file_changes_nothing() {
    let (world, mut record) = (World::new(), Record::default());
    let text = export("a", 0, "").replace("device = \"/dev/a\"", "file = \"/srv/a\"");
    // Of others is there one before and one behind.
    let first = world.make_loop(Path::new("/srv/b"), false).unwrap();
    done(&world, &mut record, &text);
    world.release_loop(&first).unwrap();
    world.loops_of("/dev/loop0", "/srv/a");
    world.loops_of("/dev/loop9", "/srv/a");
    assert_eq!(world.value("1.0@eth0/bpath"), "/dev/loop1");
    assert_eq!(done(&world, &mut record, &text), Vec::<String>::new());
}

#[test]
fn a_file_that_has_grown_is_taken_over() {
    let (world, mut record) = (World::new(), Record::default());
    let text = export("a", 0, "").replace("device = \"/dev/a\"", "file = \"/srv/a\"");
    let grow = || world.grown.lock().unwrap().insert("/srv/a".into());
    done(&world, &mut record, &text);
    grow();
    assert_eq!(done(&world, &mut record, &text), ["resize /dev/loop0"]);
    assert_eq!(done(&world, &mut record, &text), Vec::<String>::new());
    // Not if someone else has set it up.
    done(&world, &mut record, "");
    world.make_loop(Path::new("/srv/a"), false).unwrap();
    done(&world, &mut record, &text);
    grow();
    assert_eq!(done(&world, &mut record, &text), Vec::<String>::new());
}
