// SPDX-License-Identifier: GPL-2.0

//! Exports that come, change and go by the command line, with a module and a machine that only
//! pretend.

mod killed;
mod slots;
mod together;

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::Barrier;
use std::thread;

use super::parse_settings;
use super::Change;
use super::Editor;
use crate::config;
use crate::paths::Paths;
use crate::plan;
use crate::plan::tests::world::World;
use crate::state::saved::Saved;
use crate::state::slots::Slots;
use crate::state::Kernel;
use crate::state::Record;

/// A machine with a configuration.
struct Bed {
    root: tempfile::TempDir,
    paths: Paths,
    world: World,
    interrupted: AtomicBool,
}

impl Bed {
    fn new(main: &str) -> Self {
        // In memory, if there is such a place: everything is written through to the disk.
        let place = [Path::new("/dev/shm"), Path::new("/tmp")];
        let place = place.into_iter().find(|it| it.is_dir()).unwrap();
        let root = tempfile::tempdir_in(place).unwrap();
        let paths = Paths::under(root.path());
        fs::create_dir_all(&paths.config_folder).unwrap();
        fs::write(&paths.config, main).unwrap();
        Self {
            root,
            paths,
            world: World::new(),
            interrupted: AtomicBool::new(false),
        }
    }

    fn editor(&self) -> Editor<'_> {
        Editor {
            paths: &self.paths,
            kernel: &self.world,
            machine: &self.world,
            interrupted: &self.interrupted,
        }
    }

    fn settings(words: &[&str]) -> Vec<super::Setting> {
        let words: Vec<String> = words.iter().map(ToString::to_string).collect();
        parse_settings(&words).unwrap()
    }

    fn add(&self, name: &str, words: &[&str]) -> Result<Vec<String>, String> {
        self.editor()
            .change(name, &Change::Add(Self::settings(words)))
    }

    fn set(&self, name: &str, words: &[&str]) -> Result<Vec<String>, String> {
        self.editor()
            .change(name, &Change::Set(Self::settings(words)))
    }

    fn remove(&self, name: &str) -> Result<Vec<String>, String> {
        self.editor().change(name, &Change::Remove)
    }

    fn running(&self, name: &str, change: Change) -> Result<Vec<String>, String> {
        self.editor().change_running(name, &change)
    }

    fn file(&self) -> String {
        fs::read_to_string(self.paths.config_folder.join("kvctl.conf")).unwrap_or_default()
    }

    /// What apply would say of a file that says nothing any more.
    fn emptied(&self) -> Option<String> {
        let config = config::load(&self.paths, None).unwrap();
        let record = Record::load(&self.paths.run).unwrap();
        let state = plan::look(&self.world, record, Slots::default()).unwrap();
        plan::emptied(&config, &[], &state).map(|it| it.what)
    }

    /// What apply would do, which does it.
    fn apply(&self) -> Vec<String> {
        self.apply_with(|_, _| ())
    }

    /// What a device that appears has done.
    fn apply_missing(&self) -> Vec<String> {
        self.apply_with(|plan, state| plan.only_missing(state))
    }

    fn apply_with(&self, change: impl Fn(&mut plan::Plan, &plan::State)) -> Vec<String> {
        let config = config::load(&self.paths, None).unwrap();
        let record = Record::load(&self.paths.run).unwrap();
        let slots = Slots::load(&self.paths.lib).unwrap();
        let mut state = plan::look(&self.world, record, slots).unwrap();
        let saved = |name: &str| Saved::load(&self.paths.lib, name);
        let mut plan = plan::plan(&config, &[], &mut state, &self.world, saved);
        change(&mut plan, &state);
        state.slots.store(&self.paths.lib).unwrap();
        let done = plan.run(
            &self.world,
            &self.world,
            state.record,
            &self.interrupted,
            |_, _| Ok(()),
            |record| record.store(&self.paths.run),
        );
        done.unwrap().0.store(&self.paths.run).unwrap();
        plan.lines
    }
}

const MAIN: &str = "# mine\n[defaults]\nshelf = 1\ninterfaces = [\"eth0\"]\n[export.m]\nslot = 0\n\
                    device = \"/dev/m\"\n";

#[test]
fn an_export_comes_changes_and_goes_for_good() {
    let bed = Bed::new(MAIN);
    let done = bed.add(
        "a",
        &[
            "device=/dev/a",
            "slot=5",
            "read-only=yes",
            "access.write=none",
        ],
    );
    assert_eq!(done.unwrap()[0], "a: add 1.5 on eth0: /dev/a");
    assert_eq!(bed.world.folders(), ["1.5@eth0"], "m is not applied");
    assert_eq!(bed.world.value("1.5@eth0/ro"), "1");
    assert_eq!(bed.world.value("1.5@eth0/access/write"), "none");
    assert_eq!(
        bed.file(),
        "# Written by kvctl add, set and remove. Comments stay.\n\n[export.a]\n\
         device = \"/dev/a\"\nslot = 5\nread-only = true\naccess = { write = \"none\" }\n"
    );
    bed.add("b", &["file=/srv/b", "slot=6", "interfaces=eth0,eth1"])
        .unwrap();
    assert!(bed.world.folders().contains(&"1.6@eth1".to_owned()));
    bed.set(
        "a",
        &[
            "buffer-count=9",
            "read-only=",
            "mask=02:00:00:00:00:01",
            "access=",
        ],
    )
    .unwrap();
    assert_eq!(bed.world.value("1.5@eth0/bufcnt"), "9");
    assert_eq!(bed.world.value("1.5@eth0/ro"), "0");
    assert_eq!(bed.world.value("1.5@eth0/access/write"), "all");
    assert!(
        bed.file().contains("mask = [\"02:00:00:00:00:01\"]") && !bed.file().contains("read-only")
    );
    bed.apply();
    assert_eq!(
        bed.apply(),
        Vec::<String>::new(),
        "what runs is what is configured"
    );
    assert_eq!(bed.remove("a").unwrap(), ["a: remove 1.5 from eth0"]);
    bed.remove("b").unwrap();
    assert_eq!(bed.world.folders(), ["1.0@eth0"]);
    assert_eq!(
        bed.file(),
        "# Written by kvctl add, set and remove. Comments stay.\n"
    );
    assert_eq!(fs::read_to_string(&bed.paths.config).unwrap(), MAIN);
    let left: Vec<_> = fs::read_dir(&bed.paths.config_folder).unwrap().collect();
    assert_eq!(left.len(), 1, "no temporary file is left");
    assert!(bed.root.path().exists());
}

#[test]
fn comments_and_what_others_wrote_stay() {
    let bed = Bed::new(MAIN);
    let text =
        "# first\n[export.a] # the first\ndevice = \"/dev/a\" # a disk\nslot = 5\n\n# second\n\
                [export.b]\nslot=6\ndevice=\"/dev/b\"\n# end\n";
    fs::write(bed.paths.config_folder.join("kvctl.conf"), text).unwrap();
    bed.set("a", &["device=/dev/c", "mtu=2000"]).unwrap();
    let changed = text
        .replace("\"/dev/a\" #", "\"/dev/c\" #")
        .replace("slot = 5\n", "slot = 5\nmtu = 2000\n");
    assert_eq!(bed.file(), changed);
    bed.add("z", &["device=/dev/z", "slot=9"]).unwrap();
    assert!(
        bed.file().starts_with(changed.trim_end_matches("# end\n")),
        "{}",
        bed.file()
    );
    bed.remove("z").unwrap();
    assert_eq!(bed.file(), changed);
    bed.remove("a").unwrap();
    assert!(
        bed.file().contains("# second\n[export.b]\nslot=6\n"),
        "{}",
        bed.file()
    );
}

#[test]
fn what_cannot_be_changes_nothing() {
    let mut bed = Bed::new(MAIN);
    bed.add("a", &["device=/dev/a", "slot=5"]).unwrap();
    let desks = "[export.\"desk-{}\"]\neach = [\"7\"]\nslot = \"{}\"\ndevice = \"/dev/desk-{}\"\n";
    fs::write(bed.paths.config_folder.join("desks.conf"), desks).unwrap();
    bed.apply();
    let before = (bed.file(), bed.world.folders());
    bed.world.missing.insert("/dev/gone".into());
    bed.world.refused = Some("mask");
    let add = |bed: &Bed, name: &str, words: &[&str]| bed.add(name, words).unwrap_err();
    for (said, what) in [
        (add(&bed, "a", &["device=/dev/b"]), "a: there already: "),
        (add(&bed, "m", &["device=/dev/b"]), "kvblade.conf:5"),
        (
            add(&bed, "b", &["device=/dev/b", "slot=5"]),
            "has the address of a",
        ),
        (
            add(&bed, "b", &["device=/dev/b", "slot=300"]),
            "slot 300: out of range",
        ),
        (add(&bed, "b", &["slot=6"]), "the device is missing"),
        (add(&bed, "../b", &["device=/dev/b"]), "not a usable name"),
        (
            add(&bed, "b", &["device=/dev/gone"]),
            "/dev/gone: not there; nothing has changed",
        ),
        (
            add(&bed, "b", &["device=/dev/b", "interfaces=eth0,eth9"]),
            "eth9: no such Ethernet interface",
        ),
        (
            bed.set("a", &["mask=02:00:00:00:00:01"]).unwrap_err(),
            "mask: refused; nothing has changed",
        ),
        (
            bed.set("a", &["device=/dev/gone"]).unwrap_err(),
            "not there; nothing has changed",
        ),
        (bed.set("a", &["mtu=5"]).unwrap_err(), "mtu 5: out of range"),
        (
            bed.set("m", &["mtu=5000"]).unwrap_err(),
            "in a file that is yours: ",
        ),
        (
            bed.remove("m").unwrap_err(),
            "kvblade.conf:5; change it there, or say --runtime",
        ),
        (
            bed.remove("desk-7").unwrap_err(),
            "desk-7: in a file that is yours: ",
        ),
        (
            add(&bed, "desk-7", &["device=/dev/b"]),
            "kvblade.conf.d/desks.conf:2",
        ),
        (bed.remove("nobody").unwrap_err(), "nobody: not configured"),
        (
            bed.set("nobody", &["mtu=5"]).unwrap_err(),
            "nobody: not configured",
        ),
    ] {
        assert!(said.contains(what), "{what}: {said}");
        assert_eq!((bed.file(), bed.world.folders()), before, "{said}");
    }
    bed.world.refused = None;
    bed.apply();
    assert_eq!(bed.apply(), Vec::<String>::new());
    fs::write(&bed.paths.config, "colour = 1\n").unwrap();
    assert!(add(&bed, "b", &["device=/dev/b"]).contains("colour"));
    assert_eq!(bed.file(), before.0);
}

#[test]
fn an_entry_of_a_template_goes_for_now_and_the_others_stay() {
    let desks =
        "[export.\"desk-{}\"]\neach = [\"7\", \"8\"]\nslot = \"{}\"\ndevice = \"/dev/desk-{}\"\n";
    let bed = Bed::new(&format!("{MAIN}{desks}"));
    bed.apply();
    assert_eq!(bed.world.folders(), ["1.0@eth0", "1.7@eth0", "1.8@eth0"]);
    bed.running("desk-7", Change::Remove).unwrap();
    assert_eq!(bed.world.folders(), ["1.0@eth0", "1.8@eth0"]);
    bed.running("desk-8", Change::Remove).unwrap();
    assert_eq!(bed.world.folders(), ["1.0@eth0"]);
    let set = Change::Set(Bed::settings(&["mtu=2000"]));
    let said = bed.running("desk-7", set).unwrap_err();
    assert!(said.contains("the template at "), "{said}");
}

#[test]
fn what_is_for_now_only_is_in_no_file() {
    let bed = Bed::new(MAIN);
    bed.apply();
    let add = |name: &str, words: &[&str]| bed.running(name, Change::Add(Bed::settings(words)));
    add("t", &["file=/srv/t", "slot=7"]).unwrap();
    assert_eq!(bed.apply(), Vec::<String>::new(), "apply leaves it alone");
    assert_eq!(bed.world.folders(), ["1.0@eth0", "1.7@eth0"]);
    assert!(add("t", &["device=/dev/t"])
        .unwrap_err()
        .contains("there already"));
    assert!(add("m", &["device=/dev/t"])
        .unwrap_err()
        .contains("configured already: "));
    let set = |name: &str, words: &[&str]| bed.running(name, Change::Set(Bed::settings(words)));
    set("t", &["mtu=2000"]).unwrap();
    assert_eq!(bed.world.value("1.7@eth0/mtu_max"), "2000");
    set("m", &["mtu=3000"]).unwrap();
    assert_eq!(bed.world.value("1.0@eth0/mtu_max"), "3000");
    assert_eq!(bed.apply(), ["m: set mtu_max: 0, was 3000"]);
    assert!(bed.remove("t").unwrap_err().contains("say --runtime"));
    bed.running("t", Change::Remove).unwrap();
    bed.running("m", Change::Remove).unwrap();
    assert_eq!(bed.world.folders(), Vec::<String>::new());
    assert!(bed
        .running("t", Change::Remove)
        .unwrap_err()
        .contains("no such export"));
    assert_eq!(
        bed.apply_missing(),
        Vec::<String>::new(),
        "it is to be away"
    );
    assert_eq!(bed.apply(), ["m: add 1.0 on eth0: /dev/m"]);
    // For good what was for now.
    add("t", &["device=/dev/t", "slot=7"]).unwrap();
    bed.add("t", &["device=/dev/t", "slot=7"]).unwrap();
    bed.remove("t").unwrap();
    assert_eq!(bed.world.folders(), ["1.0@eth0"]);
    assert!(bed.file().starts_with('#') && !bed.file().contains("export"));
    assert_eq!(fs::read_to_string(&bed.paths.config).unwrap(), MAIN);
}

#[test]
fn a_hundred_in_a_row_and_a_hundred_at_a_time() {
    let bed = Bed::new(MAIN);
    for number in 0..100 {
        let device = format!("device=/dev/r{number}");
        bed.add(&format!("r{number}"), &[&device]).unwrap();
    }
    assert_eq!(bed.world.folders().len(), 100);
    let begin = Barrier::new(100);
    let at_once = |work: &(dyn Fn(usize) + Sync)| {
        thread::scope(|scope| {
            for number in 0..100 {
                let begin = &begin;
                scope.spawn(move || {
                    begin.wait();
                    work(number);
                });
            }
        });
    };
    at_once(&|number| {
        // One comes, another goes, and a third changes.
        match number % 3 {
            0 => {
                let device = format!("device=/dev/p{number}");
                bed.add(&format!("p{number}"), &[&device]).unwrap();
            }
            1 => {
                bed.set(&format!("r{number}"), &["buffer-count=9"]).unwrap();
            }
            _ => {
                bed.remove(&format!("r{number}")).unwrap();
            }
        }
    });
    let folders = bed.world.folders();
    assert_eq!(folders.len(), 100 + 34 - 33);
    assert_eq!(bed.file().matches("[export.").count(), folders.len());
    let nine = |folder: &&String| bed.world.read(&format!("{folder}/bufcnt")).unwrap() == "9";
    assert_eq!(folders.iter().filter(nine).count(), 33);
    assert_eq!(bed.apply(), ["m: add 1.0 on eth0: /dev/m"]);
    assert!(fs::read_dir(bed.paths.run.join("pending"))
        .unwrap()
        .next()
        .is_none());
}
