// SPDX-License-Identifier: GPL-2.0

//! Files of qaoed.

use kvblade_wire::settings::Tunable;
use std::fs;

use super::addresses;
use super::exports;
use super::failures;
use super::interfaces;
use super::lists;
use super::text;
use super::Backing;

const QAOED: &str = include_str!("../examples/qaoed.conf");

#[test]
fn qaoed_with_all_of_its_options() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("more.conf"),
        "device { shelf = 5; slot = 6; target = /dev/sdz; }",
    )
    .unwrap();
    let more = folder.path().join("*.conf").display().to_string();
    let imported = text(&QAOED.replace("/etc/qaoed.d/*.conf", &more)).unwrap();
    let exports = exports(&imported);
    let first = &exports["sda2"];
    assert_eq!((first.shelf, first.own.slot), (33, Some(4)));
    assert_eq!(interfaces(first), ["eth0"]);
    assert_eq!(first.tuned.word(Tunable::Cache), "back");
    assert_eq!(
        (
            first.tuned.word(Tunable::Announce),
            first.tuned.word(Tunable::Log)
        ),
        ("all", "normal")
    );
    let second = &exports["data"];
    assert_eq!(
        (second.shelf, second.own.slot),
        (33, Some(5)),
        "the next slot"
    );
    assert_eq!(second.source, Backing::File("/srv/my data/data".into()));
    assert_eq!(interfaces(second), ["eth1"]);
    assert_eq!(second.tuned.word(Tunable::Cache), "through");
    assert_eq!(
        (
            second.tuned.word(Tunable::Announce),
            second.tuned.word(Tunable::Log)
        ),
        ("none", "access")
    );
    assert_eq!(
        lists(second),
        [
            "only 02:00:00:00:00:0a",
            "none",
            "all but 02:00:00:00:00:0b",
            "none"
        ]
    );
    assert_eq!(exports["data-2"].own.slot, Some(9));
    assert_eq!(exports["data-2"].tuned.word(Tunable::Log), "quiet");
    assert_eq!(
        (exports["sdz"].shelf, exports["sdz"].own.slot),
        (5, Some(6)),
        "from the included file"
    );
    assert!(
        imported.contains("[interface.eth1]\nmtu = 4096"),
        "{imported}"
    );
    for option in [
        "apisocket = ",
        "log-level = ",
        "logging default: ",
        "log = default: ",
    ] {
        assert!(
            imported.contains(&format!("# {option}")),
            "{option} is not told:\n{imported}"
        );
    }
}

#[test]
fn includes_are_followed_from_where_qaoed_was_started() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let at = |name: &str| folder.path().join(name).display().to_string();
    file("d/b.conf", "device { target = /dev/b; }");
    let nested = format!(
        "device {{ target = /dev/a; }} include = \"{}\";",
        at("d/deep/*.conf")
    );
    file("d/a.conf", &nested);
    file("d/deep/c.conf", "device { target = /dev/c; }");
    file("d/.hidden.conf", "device { target = /dev/hidden; }");
    let main = format!(
        "include = \"{}\"; default {{ interface = eth0; shelf = 4; }} device {{ target = /dev/main; }}",
        at("d/*.conf")
    );
    let found = text(&main).unwrap();
    assert_eq!(
        addresses(&found),
        ["4.0 /dev/main", "4.1 /dev/a", "4.2 /dev/c", "4.3 /dev/b"]
    );
    for (pattern, what) in [
        (at("none/*.conf"), "no such file, and qaoed refuses that"),
        ("none-here/*.conf".to_owned(), "run this there"),
        (at("d/[.conf"), "not a pattern"),
    ] {
        let said = text(&main.replace(&at("d/*.conf"), &pattern)).unwrap_err();
        assert!(said.contains(what), "{said}");
    }
    file(
        "d/deep/loop.conf",
        &format!("include = \"{}\";", at("d/a.conf")),
    );
    assert!(text(&main).unwrap_err().contains("includes itself"));
    file(
        "d/deep/loop.conf",
        "device { target = /dev/d; color = red; }",
    );
    assert!(text(&main)
        .unwrap_err()
        .contains("loop.conf:1: color = red"));
}

/// A device on eth0 with a list for reading.
fn listed(rules: &str) -> Result<Vec<String>, String> {
    let imported = text(&format!(
        "access-list {{ name = it; {rules} }} device {{ target = /dev/a; interface = eth0; shelf = 0; acl \
         {{ read = it; }} }}"
    ));
    imported.map(|text| lists(&exports(&text)["a"]))
}

#[test]
fn lists_are_as_qaoed_reads_them() {
    let read = |rules: &str| listed(rules).map(|lists| lists[2].clone());
    assert_eq!(
        read("policy = reject; accept = 2:0:0:0:0:A;").unwrap(),
        "only 02:00:00:00:00:0a"
    );
    assert_eq!(read("policy = accept;").unwrap(), "all");
    assert_eq!(read("").unwrap(), "none");
    assert_eq!(read("accept = FF:ff:ff:ff:ff:ff;").unwrap(), "none");
    for rules in [
        "accept = node7;",
        "accept = 2:0:0:0:0;",
        "policy = maybe;",
        "allow = 2:0:0:0:0:1;",
    ] {
        assert!(read(rules).unwrap_err().contains("x.conf:1: "), "{rules}");
    }
    let twice = "policy = accept; } access-list { name = it; policy = reject;";
    assert_eq!(read(twice).unwrap(), "all", "the first of a name counts");
    let reserved = "access-list { name = all; } device { target = /dev/a; interface = eth0; acl { write = all; } }";
    assert_eq!(lists(&exports(&text(reserved).unwrap())["a"])[3], "none");
    let unknown = "device { target = /dev/a; interface = eth0; acl { write = most; } }";
    assert!(text(unknown)
        .unwrap_err()
        .contains("qaoed lets in everybody then"));
}

#[test]
fn a_device_on_two_interfaces_is_one_export() {
    let device = |interface: &str, more: &str| {
        format!(
            "device {{ target = /dev/a; interface = {interface}; shelf = 1; slot = 2; {more} }}\n"
        )
    };
    let both = text(&(device("eth0", "") + &device("eth1", ""))).unwrap();
    assert_eq!(interfaces(&exports(&both)["a"]), ["eth0", "eth1"]);
    let (imported, said) = failures(&(device("eth0", "") + &device("eth1", "broadcast = off;")));
    assert!(said[0].contains("has the address of a"), "{said:?}");
    assert_eq!(interfaces(&exports(&imported)["a"]), ["eth0"]);
}

#[test]
fn defaults_are_the_first_and_those_of_qaoed() {
    let imported = text(
        "default { interface = eth0; shelf = 1; slot = 5; acl { discover = it; } }\n\
         default { interface = eth1; writecache = off; }\n\
         access-list { name = it; accept = 2:0:0:0:0:1; }\n\
         device { target = /dev/a; broadcast = on; }\ndevice { target = /dev/b; slot = 1; }\n\
         device { target = /dev/c; }\ninterface { interface = eth0; mtu = 4000; }\n\
         interface { interface = eth0; mtu = 5000; }\n",
    )
    .unwrap();
    assert_eq!(
        addresses(&imported),
        ["1.1 /dev/b", "1.5 /dev/a", "1.6 /dev/c"]
    );
    let a = &exports(&imported)["a"];
    assert_eq!(
        (interfaces(a), a.tuned.word(Tunable::Announce)),
        (vec!["eth0".to_owned()], "accepted")
    );
    assert!(
        imported.contains("x.conf:2: default: qaoed uses the first"),
        "{imported}"
    );
    assert!(
        imported.contains("x.conf:8: interface eth0: qaoed uses the first"),
        "{imported}"
    );
    assert!(imported.contains("mtu = 4000") && !imported.contains("mtu = 5000"));
}

#[test]
fn qaoed_that_is_malformed() {
    for (broken, what) in [
        (
            "device { target = /dev/sda }",
            "x.conf:1: }: expected a semicolon",
        ),
        (
            "device {\ntarget = /dev/sda;",
            "x.conf:2: the end: expected a name",
        ),
        (
            "device { shelf = 0; }",
            "x.conf:1: device: target is missing",
        ),
        (
            "device { target = /dev/sda; slot = x; }",
            "x.conf:1: slot = x: not a number",
        ),
        (
            "device { target = /dev/sda; interface = eth0; broadcast = true; }",
            "broadcast = true: not on or off",
        ),
        ("device { target = /dev/sda; }", "interface is missing"),
        (
            "device { target = /dev/sda; colour = red; }",
            "colour = red: no option here",
        ),
        (
            "device { target = /dev/sda; interface = eth0; acl { x = y; } }",
            "x = y: no option of acl",
        ),
        (
            "access-list { accept = 02:00:00:00:00:01; }",
            "access-list: its name is missing",
        ),
        ("interface { mtu = 5; }", "interface: its name is missing"),
        ("interface { interface = eth?; }", "not a pattern"),
        (
            "device { target = /dev/a; interface = \"*\"; }",
            "not a pattern",
        ),
        ("default { } tape { }", "tape: no block of qaoed"),
        ("device /* { }", "x.conf:1: a comment without end"),
        ("device /*/ { }", "x.conf:1: a comment without end"),
        (
            "device {\ntarget = \"/dev/sda;\n}",
            "x.conf:2: a text without end",
        ),
        ("device { = }", "=: expected a name"),
        ("device { target { }", "the end: expected"),
    ] {
        let said = text(broken).unwrap_err();
        assert!(said.contains(what), "{broken:?}: {said}");
    }
}
