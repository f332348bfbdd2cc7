// SPDX-License-Identifier: GPL-2.0

use std::fs;

use super::*;
use crate::plan::tests::world::World;

#[test]
fn whether_it_is_kept_can_be_asked() {
    let root = tempfile::tempdir().unwrap();
    let run = &Paths::under(root.path()).run;
    assert!(!alive::is_kept(run), "it was never begun");
    let alive = alive::begin(run).unwrap();
    assert!(alive::is_kept(run));
    drop(alive);
    assert!(!alive::is_kept(run), "it was ended");
    let due = Due::from([("a".to_owned(), "no space".to_owned())]);
    let _alive = alive::begin(run).unwrap();
    alive::tell(run, &due).unwrap();
    assert_eq!(alive::owed(run), due);
    alive::tell(run, &Due::new()).unwrap();
    assert_eq!(alive::owed(run), Due::new());
}

#[test]
fn those_who_ask_do_not_take_each_other_for_who_keeps_it() {
    let root = tempfile::tempdir().unwrap();
    let run = &Paths::under(root.path()).run;
    drop(alive::begin(run).unwrap());
    std::thread::scope(|scope| {
        let ask = || (0..2000).all(|_| !alive::is_kept(run));
        let asking = [(); 4].map(|()| scope.spawn(ask));
        for one in asking {
            assert!(one.join().unwrap(), "nobody keeps it");
        }
    });
}

#[test]
fn that_the_folder_goes_is_told_also_to_who_keeps_it() {
    let root = tempfile::tempdir().unwrap();
    let run = &Paths::under(root.path()).run;
    let _alive = alive::begin(run).unwrap();
    let changes = changes_of(run).unwrap();
    fs::remove_dir_all(run).unwrap();
    let mut fds = [PollFd::new(&changes, PollFlags::IN)];
    assert_eq!(poll(&mut fds, Some(&LOOK)), Ok(1));
}

#[test]
fn what_is_free_has_the_configuration_applied_once_until_that_may_help() {
    let root = tempfile::tempdir().unwrap();
    let paths = Paths::under(root.path());
    let device = root.path().join("disk");
    fs::create_dir_all(&paths.config_folder).unwrap();
    let changes = changes_of(&paths.run).unwrap();
    let (world, mut asked, mut looking) = (World::new(), None, None);
    let held = Held([("a".to_owned(), device.clone())].into());
    held.store(&paths.run).unwrap();
    let mut wait = Wait {
        changes: &changes,
        held,
        asked: &mut asked,
        looking: &mut looking,
        kernel: &world,
        paths: &paths,
    };
    let mut asks = || {
        // What it has seen before, and what there is now.
        let mut asked = false;
        for _ in 0..2 {
            while wait.looking.as_ref().is_some_and(|it| !it.is_finished()) {
                thread::yield_now();
            }
            wait.ask();
            asked |= fs::remove_file(&paths.hotplug).is_ok();
        }
        asked
    };
    assert!(!asks(), "it is not there");
    fs::write(&device, "").unwrap();
    assert!(asks());
    assert!(!asks(), "it was of no use");
    fs::write(&paths.config, "[export]\n").unwrap();
    assert!(asks(), "the configuration has changed");
    assert!(!asks());
    fs::remove_file(&device).unwrap();
    assert!(!asks());
    fs::write(&device, "").unwrap();
    assert!(asks(), "it is there again");
}
