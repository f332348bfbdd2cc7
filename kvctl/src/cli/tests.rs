// SPDX-License-Identifier: GPL-2.0

//! Commands beside others.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::apply::apply;
use super::args::Apply;
use super::args::ConfigFile;
use super::Context;
use crate::claim::Held;
use crate::paths::Paths;
use crate::state::record::Lock;
use crate::state::Made;
use crate::state::Record;
use crate::state::Sysfs;

/// Waits until someone waits for a lock, for a while.
fn wait_for_waiter(lock: &Path) {
    let inode = format!(":{} ", fs::metadata(lock).unwrap().ino());
    for _ in 0..300 {
        let locks = fs::read_to_string("/proc/locks").unwrap_or_default();
        let mut waiting = locks.lines().filter(|line| line.contains("-> FLOCK"));
        if waiting.any(|line| line.contains(&inode)) {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn apply_knows_what_was_added_while_it_waited() {
    let root = tempfile::tempdir().unwrap();
    let paths = Paths::under(root.path());
    fs::create_dir_all(&paths.config_folder).unwrap();
    fs::create_dir_all(&paths.kvblade).unwrap();
    fs::write(&paths.config, "[export]\n").unwrap();
    let context = Context {
        kernel: Sysfs(paths.kvblade.clone()),
        paths: paths.clone(),
    };
    let lock = Lock::take(&paths.run).unwrap();
    thread::scope(|scope| {
        let applied = scope.spawn(|| {
            let args = Apply {
                dry_run: false,
                yes: false,
                only_missing: false,
                config: ConfigFile { file: None },
                names: Vec::new(),
            };
            apply(&context, &args).is_ok()
        });
        wait_for_waiter(&paths.run.join("lock"));
        let table = "[export.b]\nshelf = 1\nslot = 1\ndevice = \"/dev/kvctl-none\"\n\
                     interfaces = [\"eth0\"]\n";
        fs::write(paths.config_folder.join("kvctl.conf"), table).unwrap();
        let made: Made = serde_json::from_str(
            r#"{"address": "1.1", "interfaces": ["eth0"], "loop_device": null, "model": "",
                "serial": "", "start": {}, "persist": []}"#,
        )
        .unwrap();
        let record = Record {
            exports: [("b".to_owned(), made)].into(),
            ..Record::default()
        };
        record.store(&paths.run).unwrap();
        drop(lock);
        // The device is not there.
        assert!(!applied.join().unwrap());
    });
    let record = Record::load(&paths.run).unwrap();
    assert!(record.exports.contains_key("b"), "it was ended");
    let waits = Held([("b".to_owned(), "/dev/kvctl-none".into())].into());
    assert_eq!(
        Held::load(&paths.run),
        waits,
        "it is made when the device is there"
    );
}

#[test]
fn what_is_not_finished_takes_no_slot_and_gives_none_away() {
    let root = tempfile::tempdir().unwrap();
    let paths = Paths::under(root.path());
    fs::create_dir_all(&paths.config_folder).unwrap();
    fs::create_dir_all(&paths.kvblade).unwrap();
    fs::create_dir_all(&paths.lib).unwrap();
    let slots = paths.lib.join("slots.toml");
    fs::write(&slots, "disk = \"1.7\"\n").unwrap();
    let config = "[export.disk]\nshelf = 2\ndevice = \"/nowhere\"\ninterfaces = [\"eth0\"]\n";
    fs::write(&paths.config, config).unwrap();
    let context = Context {
        kernel: Sysfs(paths.kvblade.clone()),
        paths,
    };
    // A disk that is not there yet has its slot when the administrator has thought of something better.
    let only_missing = Apply {
        dry_run: false,
        yes: false,
        only_missing: true,
        config: ConfigFile { file: None },
        names: Vec::new(),
    };
    assert!(apply(&context, &only_missing).is_err());
    assert_eq!(fs::read_to_string(&slots).unwrap(), "disk = \"1.7\"\n");
}
