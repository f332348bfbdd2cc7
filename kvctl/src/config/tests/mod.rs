// SPDX-License-Identifier: GPL-2.0

//! What is accepted, and what it comes to.

mod at_once;
mod faults;
mod templates;

use kvblade_wire::settings::Tunable;
use std::collections::BTreeMap;
use std::path::PathBuf;

use kvblade_wire::aoe::Mac;

use super::model;
use super::parse;
use super::problem::render;
use super::problem::Source;
use super::table::Format;
use super::Config;

fn sources(texts: &[&str]) -> Vec<Source> {
    let source = |(number, text): (usize, &&str)| Source {
        path: PathBuf::from(format!("{number}.conf")),
        text: (*text).to_owned(),
    };
    texts.iter().enumerate().map(source).collect()
}

fn ethers() -> BTreeMap<String, Mac> {
    BTreeMap::from([("laptop".to_owned(), Mac([2, 0, 0, 0, 0, 9]))])
}

fn config(text: &str) -> Config {
    let sources = sources(&[text]);
    parse(&sources, &ethers()).unwrap_or_else(|found| panic!("{}", render(&found, &sources, false)))
}

const MINIMAL: &str = r#"
[export.a]
shelf = 0
slot = 0
device = "/dev/sda2"
interfaces = ["eth0"]
"#;

fn with(line: &str) -> String {
    format!("{MINIMAL}{line}\n")
}

#[test]
fn an_export_with_nothing_said_is_as_the_module_has_it() {
    let export = config(MINIMAL).exports.remove(0);
    assert_eq!((export.shelf, export.own.slot), (0, Some(0)));
    assert_eq!(export.source, model::Source::Device("/dev/sda2".into()));
    assert_eq!(
        (
            export.tuned.number(Tunable::BufferCount),
            export.tuned.number(Tunable::MtuMax),
            export.offset
        ),
        (64, 0, 0)
    );
    assert!(
        !export.read_only
            && !export.shared
            && export.tuned.number(Tunable::Cache) == 0
            && !export.force
    );
    assert!(export.start.online);
    assert!(export
        .access()
        .iter()
        .all(|(_, set)| set.to_string() == "all"));
}

#[test]
fn defaults_hold_for_what_a_table_does_not_say() {
    let text = r#"
[defaults]
shelf = 7
interfaces = ["eth*"]
read-only = true
announce = "none"
[export.b]
file = "/srv/a b.img"
announce = "all"
[export.a]
shelf = 8
device = "LABEL=my disk"
read-only = false
"#;
    let exports = config(text).exports;
    let [b, a] = exports.as_slice() else {
        panic!("two, in the order of the file")
    };
    assert_eq!(
        (b.shelf, b.read_only, b.tuned.word(Tunable::Announce)),
        (7, true, "all")
    );
    assert_eq!(b.source, model::Source::File("/srv/a b.img".into()));
    assert_eq!(
        (a.shelf, a.read_only, a.tuned.word(Tunable::Announce)),
        (8, false, "none")
    );
    let path = PathBuf::from("/dev/disk/by-label/my\\x20disk");
    assert_eq!(a.source, model::Source::Device(path));
}

#[test]
fn a_format_in_the_defaults_is_for_files_only() {
    let text = "
[defaults]
interfaces = [\"eth0\"]
shelf = 1
format = \"raw\"
[export.a]
device = \"/dev/a\"
[export.b]
file = \"/srv/b\"
";
    let exports = config(text).exports;
    assert_eq!(exports[1].own.format, Some(Format::Raw));
    let without = config(&text.replace("format = \"raw\"\n", ""));
    assert_eq!(without.exports[1].own.format, None);
}

#[test]
fn sizes_have_units() {
    let export = config(&with("offset = \"1 MiB\"\nlength = 1024"))
        .exports
        .remove(0);
    assert_eq!((export.offset, export.length), (2048, 2));
    let export = config(&with("offset = \"10G\"\nlength = \"10 GB\""))
        .exports
        .remove(0);
    assert_eq!((export.offset, export.length), (20_971_520, 19_531_250));
}

#[test]
fn a_path_may_have_an_equals_sign() {
    let text = MINIMAL.replace("/dev/sda2", "/dev/mapper/a=b");
    let path = PathBuf::from("/dev/mapper/a=b");
    assert_eq!(config(&text).exports[0].source, model::Source::Device(path));
}

fn list(text: &str) -> String {
    let text = format!("{}access = {{ read = \"it\" }}\n{text}", MINIMAL);
    let config = config(&text);
    let [_, _, (_, read), _] = config.exports[0].access();
    read.to_string()
}

const A: &str = "02:00:00:00:00:0a";
const B: &str = "02:00:00:00:00:0b";

#[test]
fn lists_come_to_sets_of_cards() {
    let it = |text: &str| list(&format!("[access.it]\n{text}"));
    assert_eq!(it(&format!("accept = [\"{A}\"]")), format!("only {A}"));
    assert_eq!(it(&format!("deny = [\"{A}\"]")), format!("all but {A}"));
    assert_eq!(
        it(&format!("accept = [\"{A}\", \"{B}\"]\ndeny = [\"{A}\"]")),
        format!("only {B}")
    );
    assert_eq!(it("accept = [\"laptop\"]"), "only 02:00:00:00:00:09");
    assert_eq!(it("policy = \"deny\""), "none");
    assert_eq!(
        it(&format!("accept = [\"{A}\"]\npolicy = \"accept\"")),
        "all"
    );
    assert_eq!(it("accept = []"), "none");
    assert_eq!(it("deny = []"), "all");
}

#[test]
fn of_rules_the_first_that_speaks_of_a_card_decides() {
    let rules = |list: &str| format!("[access.it]\nrules = [{list}]\n");
    let (accept, deny) = (
        format!("{{ accept = \"{A}\" }}"),
        format!("{{ deny = \"{A}\" }}"),
    );
    assert_eq!(
        list(&rules(&format!("{accept}, {deny}"))),
        format!("only {A}")
    );
    assert_eq!(list(&rules(&format!("{deny}, {accept}"))), "none");
    assert_eq!(
        list(&rules(&format!("{deny}, {{ accept = \"all\" }}"))),
        format!("all but {A}")
    );
}

#[test]
fn lists_contain_lists() {
    let text = format!(
        "[access.both]\naccept = [\"{A}\", \"{B}\"]\n[access.bad]\ndeny = [\"{A}\"]\n\
         [access.it]\nrules = [{{ deny = \"both\" }}, {{ accept = \"bad\" }}]\n"
    );
    assert_eq!(list(&text), format!("all but {A} {B}"));
}

/// The tables of an example in a manual page.
fn example(page: &str, number: usize) -> String {
    let (_, examples) = page.split_once(".SH EXAMPLES").unwrap();
    let block = examples.split(".EX\n").nth(number).unwrap();
    block.split(".EE").next().unwrap().replace("\\-", "-")
}

#[test]
fn the_examples_of_the_manual_page_are_right() {
    let page = include_str!("../../../../docs/man/kvblade.conf.5");
    let seed = config(&example(page, 1)).exports.remove(0);
    assert_eq!(
        (seed.shelf, seed.own.slot, seed.read_only),
        (0, Some(0), true)
    );
    assert_eq!(seed.source, model::Source::Device("/dev/sda2".into()));
    let san = example(page, 2).replace("\"backup\"", "\"laptop\"");
    let san = config(&san).exports;
    assert_eq!(san.len(), 4);
    let [(_, discover), _, _, (_, write)] = san[0].access();
    assert_eq!(
        (discover.to_string(), write.to_string()),
        (
            format!("only 02:00:00:00:00:09 {A} {B}"),
            format!("only {A} {B}")
        )
    );
}
