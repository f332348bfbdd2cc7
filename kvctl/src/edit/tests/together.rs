// SPDX-License-Identifier: GPL-2.0

//! Commands that meet others, or are ended, or fail half way.

use std::fs;
use std::fs::Permissions;
use std::os::unix::fs::chown;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::Ordering;
use std::thread;

use super::super::Aim;
use super::Bed;
use super::Change;
use super::MAIN;
use crate::state::record::Lock;
use crate::state::Kernel;
use crate::state::Record;

#[test]
fn nobody_else_can_hold_the_locks() {
    let bed = Bed::new(MAIN);
    let locks = ["lock", "files.lock"].map(|name| bed.paths.run.join(name));
    let modes = || {
        locks
            .each_ref()
            .map(|path| fs::metadata(path).unwrap().permissions().mode() & 0o777)
    };
    bed.add("a", &["device=/dev/a"]).unwrap();
    assert_eq!(modes(), [0o600; 2]);
    // Those that are there from before.
    for path in &locks {
        fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap();
    }
    bed.remove("a").unwrap();
    assert_eq!(modes(), [0o600; 2]);
}

#[test]
fn what_another_left_to_be_done_ends_nothing_that_is_for_now() {
    let bed = Bed::new(MAIN);
    let add = |name: &str, words: &[&str]| bed.running(name, Change::Add(Bed::settings(words)));
    add("t", &["device=/dev/t", "slot=7"]).unwrap();
    fs::create_dir_all(bed.paths.run.join("pending")).unwrap();
    fs::write(bed.paths.run.join("pending/t"), "").unwrap();
    bed.add("z", &["device=/dev/z", "slot=9"]).unwrap();
    assert_eq!(bed.world.folders(), ["1.7@eth0", "1.9@eth0"]);
    bed.apply();
    assert!(bed.world.folders().contains(&"1.7@eth0".to_owned()));
}

#[test]
fn what_is_for_now_stays_when_it_cannot_be_for_good() {
    let mut bed = Bed::new(MAIN);
    bed.world.missing.insert("/dev/gone".into());
    let change = Change::Add(Bed::settings(&["device=/dev/t", "slot=7"]));
    bed.running("t", change).unwrap();
    let said = bed.add("t", &["device=/dev/gone", "slot=7"]).unwrap_err();
    assert!(said.contains("not there; nothing has changed"), "{said}");
    assert_eq!(bed.world.folders(), ["1.7@eth0"]);
    bed.apply();
    assert_eq!(bed.world.folders(), ["1.0@eth0", "1.7@eth0"]);
}

#[test]
fn a_removal_for_now_that_failed_can_be_repeated() {
    let mut bed = Bed::new(MAIN);
    let change = Change::Add(Bed::settings(&["device=/dev/t", "slot=7"]));
    bed.running("t", change).unwrap();
    bed.world.refused = Some("del");
    let said = bed.running("t", Change::Remove).unwrap_err();
    assert!(said.contains("del: refused"), "{said}");
    bed.world.refused = None;
    bed.apply();
    assert!(
        bed.world.folders().contains(&"1.7@eth0".to_owned()),
        "apply leaves it alone"
    );
    bed.running("t", Change::Remove).unwrap();
    assert_eq!(bed.world.folders(), ["1.0@eth0"]);
}

#[test]
fn what_was_left_by_a_removal_of_before_can_be_removed() {
    let bed = Bed::new(MAIN);
    let change = Change::Add(Bed::settings(&["device=/dev/t", "slot=7"]));
    bed.running("t", change).unwrap();
    let mut record = Record::load(&bed.paths.run).unwrap();
    record.exports.get_mut("t").unwrap().table = None;
    record.store(&bed.paths.run).unwrap();
    bed.running("t", Change::Remove).unwrap();
    assert_eq!(bed.world.folders(), Vec::<String>::new());
}

#[test]
fn a_failure_leaves_the_file_as_it_was() {
    let mut bed = Bed::new(MAIN);
    let file = bed.paths.config_folder.join("kvctl.conf");
    let said = {
        bed.world.missing.insert("/dev/gone".into());
        bed.add("g", &["device=/dev/gone"]).unwrap_err()
    };
    assert!(said.contains("nothing has changed"), "{said}");
    assert!(!file.exists(), "there was none");
    let text = "# first\n\n[export.b]\nslot=6\ndevice=\"/dev/b\"\n# odd\n[export.a]\n\
                mtu=2000\nslot = 5\ndevice = \"/dev/a\"\n# end\n";
    fs::write(&file, text).unwrap();
    bed.set("b", &["device=/dev/gone"]).unwrap_err();
    assert_eq!(bed.file(), text);
    bed.set("a", &["device=/dev/gone", "mtu="]).unwrap_err();
    assert_eq!(bed.file(), text);
}

#[test]
fn a_comment_of_the_whole_file_stays() {
    let bed = Bed::new(MAIN);
    let file = bed.paths.config_folder.join("kvctl.conf");
    let text = "# of the file\n\n# of a\n[export.a]\nslot = 5\ndevice = \"/dev/a\"\n\n# of b\n\
                [export.b]\nslot = 6\ndevice = \"/dev/b\"\n";
    fs::write(&file, text).unwrap();
    bed.remove("a").unwrap();
    assert_eq!(
        bed.file(),
        "# of the file\n\n# of b\n[export.b]\nslot = 6\ndevice = \"/dev/b\"\n"
    );
    bed.remove("b").unwrap();
    assert_eq!(bed.file(), "# of the file\n\n");
}

#[test]
fn an_emptied_file_of_yours_is_told_also_beside_an_export_of_kvctl() {
    let bed = Bed::new(MAIN);
    bed.apply();
    bed.add("z", &["device=/dev/z", "slot=9"]).unwrap();
    fs::write(
        &bed.paths.config,
        "[defaults]\nshelf = 1\ninterfaces = [\"eth0\"]\n",
    )
    .unwrap();
    assert_eq!(bed.emptied(), None, "it says so");
    bed.set("z", &["shelf=1", "interfaces=eth0"]).unwrap();
    fs::write(&bed.paths.config, "").unwrap();
    let said = bed.emptied().unwrap();
    let what = "etc/kvblade.conf: has no table any more, 1 would be removed (m)";
    assert!(said.ends_with(what), "{said}");
}

#[test]
fn two_changes_of_one_export_do_not_take_each_other_for_another() {
    let mut bed = Bed::new(MAIN);
    bed.world.missing.insert("/dev/gone".into());
    bed.add("a", &["device=/dev/a", "slot=5"]).unwrap();
    let bed = &bed;
    for _ in 0..10 {
        let (refused, done) = thread::scope(|scope| {
            let refused = scope.spawn(|| bed.set("a", &["device=/dev/gone"]).unwrap_err());
            let done = scope.spawn(|| bed.set("a", &["buffer-count=9"]));
            (refused.join().unwrap(), done.join().unwrap())
        });
        assert!(refused.ends_with("nothing has changed"), "{refused}");
        done.unwrap();
        assert!(!bed.file().contains("gone"), "{}", bed.file());
        assert_eq!(bed.world.value("1.5@eth0/bufcnt"), "9");
        bed.set("a", &["buffer-count="]).unwrap();
    }
}

#[test]
fn what_an_editor_has_changed_meanwhile_is_said_to_stay() {
    let bed = Bed::new(MAIN);
    bed.add("a", &["device=/dev/a", "slot=5"]).unwrap();
    let change = Change::Set(Bed::settings(&["mtu=2000"]));
    let changed = bed.editor().edit_file("a", &change).unwrap();
    let file = bed.paths.config_folder.join("kvctl.conf");
    fs::write(&file, bed.file().replace("2000", "3000")).unwrap();
    let files = Lock::of_files(&bed.paths.run).unwrap();
    let said = bed.editor().undo("a", &changed, &files).unwrap_err();
    assert!(
        said.ends_with("export a was changed there meanwhile, and stays so"),
        "{said}"
    );
    // Elsewhere in the file it is left alone.
    fs::write(&file, bed.file().replace("3000", "2000") + "# mine\n").unwrap();
    bed.editor().undo("a", &changed, &files).unwrap();
    assert!(bed.file().ends_with("slot = 5\n# mine\n"), "{}", bed.file());
}

#[test]
fn what_is_interrupted_while_it_waits_has_not_happened() {
    let bed = Bed::new(MAIN);
    let lock = Lock::take(&bed.paths.run).unwrap();
    let mark = bed.paths.run.join("pending/a");
    let wait = || {
        while !mark.exists() {
            thread::yield_now();
        }
    };
    let said = thread::scope(|scope| {
        let added = scope.spawn(|| bed.add("a", &["device=/dev/a", "slot=5"]).unwrap_err());
        wait();
        bed.interrupted.store(true, Ordering::Relaxed);
        added.join().unwrap()
    });
    assert_eq!(said, "a: interrupted; nothing has changed");
    assert!(!mark.exists() && bed.file().is_empty());
    let said = bed.running("a", Change::Add(Bed::settings(&["device=/dev/a"])));
    assert_eq!(said.unwrap_err(), "a: interrupted; nothing has changed");
    drop(lock);
    bed.interrupted.store(false, Ordering::Relaxed);
    // What another has begun to do is waited for.
    let lock = Lock::take(&bed.paths.run).unwrap();
    thread::scope(|scope| {
        let added = scope.spawn(|| bed.add("a", &["device=/dev/a", "slot=5"]));
        wait();
        bed.editor()
            .make_it_so("z", &lock, &Aim::Undone(None))
            .unwrap();
        bed.interrupted.store(true, Ordering::Relaxed);
        drop(lock);
        added.join().unwrap().unwrap();
    });
    assert_eq!(bed.world.folders(), ["1.5@eth0"]);
    assert!(bed.file().contains("[export.a]"));
}

#[test]
fn a_slot_in_use_by_hand_is_not_free_and_none_sticks_that_was_not_used() {
    let mut bed = Bed::new(MAIN);
    bed.world.missing.insert("/dev/gone".into());
    let others = "mtu=0 cache=through announce=all log=normal on_conflict=report conflict_check=10";
    let by_hand = format!("1 1 eth0 /dev/x ro=0 shared=0 offset=0 length=0 bufcnt=9 {others}");
    bed.world.add(&by_hand).unwrap();
    bed.add("g", &["device=/dev/gone"]).unwrap_err();
    bed.add("a", &["device=/dev/a"]).unwrap();
    assert_eq!(bed.world.folders(), ["1.1@eth0", "1.2@eth0"]);
    bed.world.write("del", "1 1 eth0").unwrap();
    bed.add("b", &["device=/dev/b"]).unwrap();
    assert_eq!(
        bed.world.folders(),
        ["1.1@eth0", "1.2@eth0"],
        "1.1 is free again"
    );
    let slots = fs::read_to_string(bed.paths.lib.join("slots.toml")).unwrap();
    assert!(!slots.contains('g'), "{slots}");
}

#[test]
fn the_file_stays_that_of_its_group() {
    let bed = Bed::new(MAIN);
    bed.add("a", &["device=/dev/a"]).unwrap();
    let file = bed.paths.config_folder.join("kvctl.conf");
    // Only root can give it away.
    if chown(&file, None, Some(12)).is_err() {
        return;
    }
    fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
    bed.add("b", &["device=/dev/b"]).unwrap();
    let found = fs::metadata(&file).unwrap();
    assert_eq!((found.gid(), found.mode() & 0o777), (12, 0o640));
}
