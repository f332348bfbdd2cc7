// SPDX-License-Identifier: GPL-2.0

//! Files of qaoed.

use std::fs;

use super::exports;
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
    assert_eq!((first.shelf, first.slot), (33, Some(4)));
    assert_eq!(interfaces(first), ["eth0"]);
    assert!(first.write_cache);
    assert_eq!((first.announce.word(), first.log.word()), ("all", "normal"));
    let second = &exports["data"];
    assert_eq!((second.shelf, second.slot), (33, Some(5)), "the next slot");
    assert_eq!(second.source, Backing::File("/srv/my data/data".into()));
    assert_eq!(interfaces(second), ["eth1"]);
    assert!(!second.write_cache);
    assert_eq!(
        (second.announce.word(), second.log.word()),
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
    assert_eq!(exports["data-2"].slot, Some(9));
    assert_eq!(exports["data-2"].log.word(), "quiet");
    assert_eq!(
        (exports["sdz"].shelf, exports["sdz"].slot),
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
            "device { target = /dev/sda; broadcast = maybe; }",
            "broadcast = maybe: not on or off",
        ),
        (
            "device { target = /dev/sda; colour = red; }",
            "colour = red: no option here",
        ),
        (
            "device { target = /dev/sda; acl { x = y; } }",
            "x = y: no option of acl",
        ),
        (
            "access-list { accept = 02:00:00:00:00:01; }",
            "access-list: its name is missing",
        ),
        ("interface { mtu = 5; }", "interface: its name is missing"),
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
