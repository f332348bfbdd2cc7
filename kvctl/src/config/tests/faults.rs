// SPDX-License-Identifier: GPL-2.0

//! What is refused, and what is said of it.

use super::ethers;
use super::parse;
use super::render;
use super::sources;
use super::with;
use super::MINIMAL;

/// What is said of texts that are wrong.
pub(super) fn said(texts: &[&str]) -> String {
    let sources = sources(texts);
    let Err(problems) = parse(&sources, &ethers()) else {
        panic!("accepted: {texts:?}");
    };
    render(&problems, &sources, false)
}

#[test]
fn every_fault_is_shown_with_its_place_and_what_was_expected() {
    // What is wrong, and what must be said: place, text, expectation.
    let cases: [(&str, &str, &[&str]); 29] = [
        (
            "colour = 1",
            "0.conf:7:1",
            &["export a: unknown key colour", "read-only"],
        ),
        (
            "read-only = 1",
            "0.conf:7:13",
            &["export a", "true or false"],
        ),
        ("mtu = 1059", "0.conf:7:7", &["export a: mtu 1059", "1060"]),
        (
            "buffer-count = 1",
            "0.conf:7:16",
            &["buffer-count 1", "2 to 512"],
        ),
        ("offset = 100", "0.conf:7:10", &["offset 100", "512"]),
        (
            "offset = -512",
            "0.conf:7:10",
            &["-512: not a number of bytes", "1 GiB"],
        ),
        ("length = \"much\"", "0.conf:7:10", &["\"much\"", "1 GiB"]),
        ("length = []", "0.conf:7:10", &["number of bytes"]),
        (
            "wwn = \"4123\"",
            "0.conf:7:7",
            &["wwn \"4123\"", "16 hexadecimal"],
        ),
        (
            "serial = \"123456789012345678901\"",
            "0.conf:7:10",
            &["20 characters"],
        ),
        ("model = \"\u{e4}\"", "0.conf:7:9", &["not printable ASCII"]),
        (
            "config-string = '\\z'",
            "0.conf:7:17",
            &["config-string", "\\xNN"],
        ),
        (
            "announce = \"some\"",
            "0.conf:7:12",
            &["announce \"some\"", "\"accepted\""],
        ),
        (
            "persist = [\"all\"]",
            "0.conf:7:12",
            &["persist \"all\"", "\"mask\""],
        ),
        (
            "on-conflict = \"fight\"",
            "0.conf:7:15",
            &["on-conflict \"fight\"", "\"silent\""],
        ),
        (
            "announce-every = 3601",
            "0.conf:7:18",
            &["announce-every 3601", "or 0 for never"],
        ),
        (
            "conflict-check = -1",
            "0.conf:7:18",
            &["conflict-check -1", "or 0 for never"],
        ),
        (
            "mask = [\"02:00:00:00:00\"]",
            "0.conf:7:9",
            &["mask", "an address like"],
        ),
        (
            "mask = [\"ff:ff:ff:ff:ff:ff\"]",
            "0.conf:7:9",
            &["not the address of a card"],
        ),
        (
            "access = { read = \"x\" }",
            "0.conf:7:19",
            &["x: no such access list", "all, none"],
        ),
        (
            "access = { all = \"x\" }",
            "0.conf:7:12",
            &["unknown key all", "discover"],
        ),
        ("file = \"/x\"", "0.conf:7:8", &["both device and file"]),
        (
            "format = \"qcow2\"",
            "0.conf:7:10",
            &["format \"qcow2\"", "\"raw\""],
        ),
        (
            "format = \"raw\"",
            "0.conf:7:10",
            &["format is given with device", "served as it is"],
        ),
        (
            "[export.\"a b\"]",
            "0.conf:7:9",
            &["export a b: not a usable name", "letters"],
        ),
        (
            "[interface.eth0]\nmtu = 5",
            "0.conf:8:7",
            &["interface eth0: mtu 5"],
        ),
        (
            "[interface.\"a@b\"]",
            "0.conf:7:12",
            &["interface \"a@b\": no interface can have this name"],
        ),
        (
            "[interface.\"eth*:\"]",
            "0.conf:7:12",
            &["interface \"eth*:\": no interface can have this name"],
        ),
        ("slot = 0", "0.conf:7:1", &["duplicate key"]),
    ];
    for (line, place, words) in cases {
        let said = said(&[&with(line)]);
        for word in words.iter().chain([&place]) {
            assert!(
                said.contains(word),
                "{word:?} is missing for {line:?} in:\n{said}"
            );
        }
        let text = line.lines().last().unwrap_or_default();
        assert!(
            said.contains(text),
            "the offending text is missing in:\n{said}"
        );
    }
}

#[test]
fn an_export_must_have_a_shelf_a_device_and_interfaces() {
    let said = said(&["[export.web]"]);
    for what in [
        "shelf is missing",
        "the device is missing",
        "interfaces is missing",
    ] {
        assert!(said.contains(&format!("export web: {what}")), "{said}");
    }
}

#[test]
fn what_is_there_but_wrong_is_told_once() {
    let said = said(&[&MINIMAL.replace("shelf = 0", "shelf = 4095")]);
    assert_eq!(said.matches("error:").count(), 1, "{said}");
    assert!(said.contains("0.conf:3:9"));
}

#[test]
fn all_faults_of_all_files_are_told() {
    let said = said(&[
        &with("mtu = 1"),
        &with("mtu = 2").replace("export.a", "export.b"),
    ]);
    assert!(
        said.contains("0.conf:7:7") && said.contains("1.conf:7:7"),
        "{said}"
    );
}

#[test]
fn what_excludes_each_other_is_shown_in_both_places() {
    let second = |name: &str, slot: &str, device: &str| {
        let text = MINIMAL.replace("export.a", &format!("export.{name}"));
        text.replace("slot = 0", slot).replace("/dev/sda2", device)
    };
    for (other, what) in [
        (second("a", "slot = 1", "/dev/sdb"), "defined twice"),
        (second("b", "slot = 0", "/dev/sdb"), "has the address of a"),
        (second("b", "slot = 1", "/dev/sda2"), "has the device of a"),
    ] {
        let said = said(&[MINIMAL, &other]);
        assert!(said.contains(what), "{said}");
        assert!(
            said.contains("0.conf:2:9") && said.contains("1.conf:2:9"),
            "{said}"
        );
    }
    let shared = |text: &str| format!("{text}shared = true\n");
    let texts = [
        shared(MINIMAL),
        shared(&second("b", "slot = 1", "/dev/sda2")),
    ];
    assert!(parse(&sources(&[&texts[0], &texts[1]]), &ethers()).is_ok());
}

#[test]
fn defaults_are_for_all() {
    for line in [
        "slot = 1",
        "device = \"/dev/sda\"",
        "serial = \"x\"",
        "wwn = \"5000000000000000\"",
    ] {
        let said = said(&[&format!("[defaults]\n{line}\n{MINIMAL}")]);
        assert!(
            said.contains("cannot be the same for all exports"),
            "{said}"
        );
    }
    let said = said(&["[defaults]\nmtu = 0", "[defaults]\nmtu = 0"]);
    assert!(said.contains("defaults: defined twice"), "{said}");
}

#[test]
fn lists_that_cannot_be() {
    for (text, what) in [
        ("[access.x]\naccept = [\"x\"]", "contains itself"),
        (
            "[access.x]\naccept = [\"y\"]\n[access.y]\ndeny = [\"x\"]",
            "contains itself",
        ),
        ("[access.x]\naccept = [\"nobody\"]", "nobody: neither"),
        ("[access.x]\nrules = [{}]", "accepts or denies"),
        (
            "[access.x]\nrules = []\naccept = []",
            "rules beside accept or deny",
        ),
        ("[access.all]\naccept = []", "has a meaning already"),
        ("[access.x]\npolicy = \"maybe\"", "policy \"maybe\""),
    ] {
        let said = said(&[text]);
        assert!(said.contains(what), "{text}: {said}");
    }
    let macs: Vec<String> = (0..129)
        .map(|n| format!("\"02:00:00:00:01:{n:02x}\""))
        .collect();
    let said = said(&[&format!("[access.x]\naccept = [{}]", macs.join(", "))]);
    assert!(
        said.contains("comes to 129 cards") && said.contains("128 at most"),
        "{said}"
    );
}

#[test]
fn what_is_no_toml() {
    for text in [
        "[export.a",
        "x",
        "a = ",
        "a = \"",
        "\u{0}",
        "[export.a]\nshelf = 1_",
    ] {
        assert!(said(&[text]).contains("0.conf:"), "{text:?}");
    }
}
