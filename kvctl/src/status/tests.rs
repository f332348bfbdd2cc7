// SPDX-License-Identifier: GPL-2.0

use super::findings::Level;
use super::*;
use crate::metrics::tests::Machine;
use crate::plan::host::Host;
use crate::state::Sysfs;

const CONFIG: &str = "[export.disk]\nshelf = 3\ndevice = \"/nowhere\"\ninterfaces = [\"eth0\"]\n";

impl Machine {
    fn status(&self, names: &[&str]) -> Result<Status, String> {
        let kernel = Sysfs(self.paths.kvblade.clone());
        let host = Host(self.paths.clone());
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        look(&kernel, &host, &self.paths, None, &names)
    }
}

/// The first words of the line with numbers, and how bad it is.
fn told(machine: &Machine) -> (String, Level) {
    let status = machine.status(&[]).unwrap();
    let text = status.plugin();
    let (said, _) = text.split_once(" | ").unwrap();
    (said.to_owned(), status.level())
}

#[test]
fn a_state_has_its_level_and_what_to_do() {
    for (state, level) in [
        ("up", Level::Ok),
        ("offline", Level::Ok),
        ("offline: no carrier", Level::Warning),
        ("closing: waiting for requests to end", Level::Warning),
        ("down: no carrier", Level::Critical),
        ("down: device is gone", Level::Critical),
        ("down: port of br0", Level::Critical),
        ("conflict: 02:00:00:00:00:01", Level::Critical),
        ("degraded: device is read-only", Level::Warning),
        ("degraded: 1 read error in the last minute", Level::Warning),
        (
            "degraded: 1 write fault, 2 read errors in the last minute",
            Level::Critical,
        ),
        ("degraded: 7 requests older than 5 s", Level::Critical),
    ] {
        let machine = Machine::new();
        machine.export("3.4@eth0", state);
        let status = machine.status(&[]).unwrap();
        assert_eq!(status.level(), level, "{state}");
        let page = status.page(false);
        let mut lines = page.lines();
        assert!(lines
            .next()
            .unwrap()
            .starts_with(&format!("{level}: 1 export")));
        if level != Level::Ok {
            let line = lines.nth(2).unwrap();
            assert!(
                line.contains(state) && line.starts_with(&level.to_string()),
                "{line}"
            );
        }
    }
}

#[test]
fn the_advice_is_for_the_reason() {
    for (state, advice) in [
        ("down: not Ethernet", "export on an Ethernet interface"),
        ("down: carries IP only", "export on a card or a macvlan"),
        ("down: frames go to a tap", "export on a card or a macvlan"),
        (
            "down: port of br0",
            "export on the interface that takes its frames",
        ),
        (
            "down: port of an Open vSwitch",
            "export on an interface of the switch itself",
        ),
        (
            "degraded: device is read-only",
            "blockdev --setrw DEVICE, or read-only = true",
        ),
    ] {
        let machine = Machine::new();
        machine.export("3.4@eth0", state);
        let page = machine.status(&[]).unwrap().page(false);
        assert!(page.contains(advice), "{page}");
    }
}

#[test]
fn another_path_makes_it_less_bad() {
    let machine = Machine::new();
    machine.export("3.4@eth0", "down: no carrier");
    machine.export("3.4@eth1", "up");
    let (said, level) = told(&machine);
    assert_eq!(said, "KVBLADE WARNING - e3.4 on eth0: down: no carrier");
    assert_eq!(level, Level::Warning);
}

#[test]
fn the_line_for_plugins_has_numbers() {
    let machine = Machine::new();
    machine.export("3.4@eth0", "up");
    machine.export("3.5@eth0", "down: no carrier");
    machine.export("3.6@eth0", "conflict: 02:00:00:00:00:01");
    let text = machine.status(&[]).unwrap().plugin();
    let mut lines = text.lines();
    assert_eq!(
        lines.next().unwrap(),
        "KVBLADE CRITICAL - e3.5 on eth0: down: no carrier, and 1 more | \
         exports=3 up=1 down=1 degraded=0 conflict=1 offline=0"
    );
    assert_eq!(lines.count(), 2);
}

#[test]
fn what_is_configured_and_does_not_run_has_a_reason() {
    let machine = Machine::new();
    machine.file("etc/kvblade.conf", CONFIG);
    let (said, level) = told(&machine);
    assert_eq!(level, Level::Critical);
    assert_eq!(
        said,
        "KVBLADE CRITICAL - module: not loaded: nothing is exported, and 1 more"
    );
    machine.export("3.9@eth0", "up");
    machine.file(
        "run/kvblade/exports.json",
        "{\"exports\": {}, \"removed\": [\"disk\"]}",
    );
    assert!(told(&machine)
        .0
        .contains("does not run: removed with --runtime, until "));
    machine.file("run/kvblade/exports.json", "{\"exports\": {}}");
    let (said, _) = told(&machine);
    assert!(
        said.starts_with("KVBLADE CRITICAL - disk: configured, does not run: ")
            && said.contains("/nowhere: not there"),
        "{said}"
    );
    machine.file("etc/kvblade.conf", "nonsense");
    let (said, level) = told(&machine);
    assert_eq!(level, Level::Warning);
    assert!(
        said.starts_with("KVBLADE WARNING - configuration: "),
        "{said}"
    );
}

#[test]
fn after_a_start_with_a_wrong_configuration_nothing_is_well() {
    let machine = Machine::new();
    machine.file("etc/kvblade.conf", "colour = 1");
    let (said, level) = told(&machine);
    assert_eq!(level, Level::Critical);
    let module = "KVBLADE CRITICAL - configuration: ";
    assert!(said.starts_with(module), "{said}");
    assert!(
        said.ends_with(": nothing is exported, and 1 more"),
        "{said}"
    );
    // The module was loaded before the configuration was looked at.
    std::fs::create_dir_all(&machine.paths.kvblade).unwrap();
    let (said, level) = told(&machine);
    assert_eq!(level, Level::Critical);
    assert!(said.ends_with(": nothing is exported"), "{said}");
}

#[test]
fn an_export_that_is_offline_and_should_not_be_is_told() {
    for (configured, level) in [("", Level::Warning), ("online = false\n", Level::Ok)] {
        let machine = Machine::new();
        let table = "[export.disk]\nshelf = 3\nslot = 4\ndevice = \"/dev/null\"\n\
                     interfaces = [\"eth0\"]\n";
        machine.file("etc/kvblade.conf", &format!("{table}{configured}"));
        machine.export("3.4@eth0", "offline");
        let made = "{\"exports\":{\"disk\":{\"address\":\"3.4\",\
                    \"interfaces\":[\"eth0\"],\"loop_device\":null,\"model\":\"m\",\"serial\":\"s\",\
                    \"start\":{},\"persist\":[]}}}";
        machine.file("run/kvblade/exports.json", made);
        let page = machine.status(&[]).unwrap().page(false);
        let told = page.contains("offline, and configured to be online: clients get no I/O");
        assert_eq!(told, level == Level::Warning, "{page}");
        assert!(!told || page.contains("kvctl online NAME"), "{page}");
    }
}

#[test]
fn what_is_only_half_made_does_not_go_online_by_hand() {
    let machine = Machine::new();
    let table = "[export.disk]\nshelf = 3\nslot = 4\ndevice = \"/dev/null\"\n\
                 interfaces = [\"eth0\"]\n";
    machine.file("etc/kvblade.conf", table);
    machine.export("3.4@eth0", "offline");
    let made = "{\"exports\":{\"disk\":{\"address\":\"3.4\",\
                \"interfaces\":[\"eth0\"],\"loop_device\":null,\"model\":\"m\",\"serial\":\"s\",\
                \"start\":{},\"persist\":[],\"unfinished\":true}}}";
    machine.file("run/kvblade/exports.json", made);
    let status = machine.status(&[]).unwrap();
    let page = status.page(false);
    assert_eq!(status.level(), Level::Critical);
    assert!(
        page.contains("only half made") && page.contains("kvctl apply"),
        "{page}"
    );
    assert!(!page.contains("kvctl online"), "{page}");
}

#[test]
fn what_is_to_be_kept_and_is_not_is_told() {
    let machine = Machine::new();
    machine.export("3.4@eth0", "up");
    let made = |persist: &str| {
        format!(
            "{{\"exports\":{{\"disk\":{{\"address\":\"3.4\",\"interfaces\":[\"eth0\"],\
             \"loop_device\":null,\"model\":\"m\",\"serial\":\"s\",\"start\":{{}},\
             \"persist\":[{persist}],\"table\":\"x\"}}}}}}"
        )
    };
    machine.file("run/kvblade/exports.json", &made(""));
    assert_eq!(told(&machine).1, Level::Ok);
    machine.file("run/kvblade/exports.json", &made("\"mask\""));
    let (said, level) = told(&machine);
    assert_eq!(level, Level::Warning);
    assert!(said.contains("nobody keeps what clients set"), "{said}");
    let _alive = crate::persist::alive::begin(&machine.paths.run).unwrap();
    assert_eq!(told(&machine).1, Level::Ok);
    machine.file(
        "run/kvblade/persist/owed.json",
        "{\"disk\": \"no space left\"}",
    );
    let (said, level) = told(&machine);
    assert_eq!(level, Level::Warning);
    assert!(
        said.ends_with("disk: what clients have set cannot be kept: no space left"),
        "{said}"
    );
}

#[test]
fn what_cannot_be_seen_is_not_well() {
    let machine = Machine::new();
    machine.file("run/kvblade/exports.json", "nonsense");
    machine.export("3.9@eth0", "up");
    assert!(machine.status(&[]).is_err());
}

#[test]
fn one_of_many_is_shown_by_its_name() {
    let machine = Machine::new();
    for slot in 0..30 {
        machine.export(&format!("3.{slot}@eth0"), "up");
    }
    machine.export("3.30@eth0", "down: no carrier");
    let page = machine.status(&[]).unwrap().page(false);
    assert!(page.contains("... and 11 more"), "{page}");
    assert!(page.contains("duplicates") && page.contains("another target has answered"));
    let page = machine.status(&["e3.7"]).unwrap().page(true);
    assert!(
        page.starts_with("OK: 1 export\n") && !page.contains("e3.8"),
        "{page}"
    );
    assert!(page.contains("no: made by hand"), "{page}");
    let both = "several clients write: 02:00:00:00:00:0a, 02:00:00:00:00:0b";
    assert!(page.contains(both), "{page}");
    for (client, writes) in [("0a", "yes"), ("0b", "yes"), ("0c", "no")] {
        let mut lines = page.lines();
        let own = |line: &&str| line.starts_with("e3.7") && line.contains(&format!(":{client} "));
        assert!(lines.find(own).unwrap().ends_with(writes), "{page}");
    }
    assert_eq!(
        machine.status(&["web"]).err().unwrap(),
        "web: neither configured nor exported"
    );
}
