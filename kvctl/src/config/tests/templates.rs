// SPDX-License-Identifier: GPL-2.0

//! One table for many exports.

use kvblade_wire::aoe::Mac;

use super::super::model;
use super::super::parse;
use super::super::problem::render;
use super::config;
use super::ethers;
use super::sources;

const DESKS: &str = r#"
[defaults]
interfaces = ["eth0"]
shelf = 1
[export."desk-{}"]
each = [
    "7  02:00:00:00:00:07",
    "12 02:00:00:00:00:0c",
]
slot = "{}"
device = "/dev/vg0/desk-{1}"
mask = ["{2}", "02:00:00:00:00:01"]
single-writer = true
"#;

fn refused(text: &str) -> String {
    let sources = sources(&[text]);
    match parse(&sources, &ethers()) {
        Ok(_) => panic!("accepted"),
        Err(problems) => render(&problems, &sources, false),
    }
}

#[test]
fn each_entry_is_an_export_of_its_own() {
    let exports = config(DESKS).exports;
    let [first, second] = exports.as_slice() else {
        panic!("two");
    };
    assert_eq!((first.name.as_str(), first.own.slot), ("desk-7", Some(7)));
    assert_eq!(
        (second.name.as_str(), second.own.slot),
        ("desk-12", Some(12))
    );
    let device = model::Source::Device("/dev/vg0/desk-12".into());
    assert_eq!(second.source, device);
    let masked = |export: &model::Export| {
        export
            .start
            .mask
            .iter()
            .any(|it| *it == Mac([2, 0, 0, 0, 0, 7]))
    };
    assert!(masked(first) && !masked(second));
}

#[test]
fn braces_that_are_no_placeholder_stay() {
    let text = DESKS.replace("single-writer = true", "config-string = \"{x} {\"");
    let exports = config(&text).exports;
    assert_eq!(exports[0].start.config.as_bytes(), b"{x} {");
    // Nor are they one where there is no list.
    let text = "[export.a]\nshelf = 0\nslot = 0\ndevice = \"/dev/{}\"\ninterfaces = [\"eth0\"]\n";
    assert_eq!(
        config(text).exports[0].source,
        model::Source::Device("/dev/{}".into())
    );
}

#[test]
fn what_is_wrong_is_told_where_it_is() {
    for (old, new, told, line) in [
        (
            "\"7  02",
            "\"x  02",
            "export desk-x: slot \"x\": not a whole number",
            10,
        ),
        (
            "{1}",
            "{3}",
            "export desk-7: device: \"7 02:00:00:00:00:07\" has no word for {3}",
            11,
        ),
        ("\"12 ", "\"7 ", "export desk-7: defined twice", 8),
        (
            "\"desk-{}\"",
            "desk",
            "export desk: each: all of them would have this name",
            5,
        ),
        (
            "\"desk-{}\"",
            "\"desk-{9}\"",
            "each: \"12 02:00:00:00:00:0c\" has no word for {9}",
            8,
        ),
        ("\"12 ", "\"300 ", "export desk-300: slot 300", 10),
        (
            "\"12 02:00:00:00:00:0c\"",
            "12",
            "each: a whole number in a list of texts",
            8,
        ),
        (
            "{}\"]\neach",
            "{}\"]\neach = []\nunused",
            "each: nothing in the list",
            6,
        ),
    ] {
        let text = DESKS.replace(old, new);
        assert_ne!(text, DESKS);
        let said = refused(&text);
        assert!(said.contains(told), "{told} is not told:\n{said}");
        assert!(
            said.contains(&format!("0.conf:{line}:")),
            "{told}, line {line}:\n{said}"
        );
    }
}

#[test]
fn a_name_of_a_template_is_not_had_twice() {
    for before in [true, false] {
        let other = "[export.desk-7]\ndevice = \"/dev/x\"\nslot = 1\n";
        let (head, table) = DESKS.split_once("[export").unwrap();
        let table = format!("[export{table}");
        let parts = if before {
            [other, &table]
        } else {
            [&table, other]
        };
        let said = refused(&format!("{head}{}{}", parts[0], parts[1]));
        assert!(said.contains("defined twice"), "{said}");
    }
}

#[test]
fn a_placeholder_without_a_list_is_told() {
    let text = DESKS.replace("each = [", "mask = [");
    assert!(refused(&text).contains("not a usable name"));
}
