// SPDX-License-Identifier: GPL-2.0

//! Complete examples of all three, and what cannot be read.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use kvblade_wire::aoe::Mac;

use super::import;
use crate::cli::args::Format;
use crate::config::model::Source as Backing;
use crate::config::parse;
use crate::config::problem::render;
use crate::config::problem::Source;
use crate::config::Export;

/// Imports a file with this text; its format is to be found.
fn text(text: &str) -> Result<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.conf");
    fs::write(&path, text).unwrap();
    import(&path, None)
}

/// The exports that an imported configuration has.
fn exports(text: &str) -> BTreeMap<String, Export> {
    let sources = [Source {
        path: "imported".into(),
        text: text.to_owned(),
    }];
    let ethers = BTreeMap::from([("node7".to_owned(), Mac([2, 0, 0, 0, 0, 7]))]);
    let config = parse(&sources, &ethers)
        .unwrap_or_else(|found| panic!("{}\n{text}", render(&found, &sources, false)));
    let exports = config.exports.into_iter();
    exports
        .map(|export| (export.name.clone(), export))
        .collect()
}

fn interfaces(export: &Export) -> Vec<String> {
    export.interfaces.iter().map(ToString::to_string).collect()
}

fn lists(export: &Export) -> Vec<String> {
    let lists = export.access.lists();
    lists.iter().map(|(_, set)| set.to_string()).collect()
}

const GGAOED: &str = include_str!("examples/ggaoed.conf");
const QAOED: &str = include_str!("examples/qaoed.conf");
const VBLADE: &str = include_str!("examples/vblade.conf");

#[test]
fn ggaoed_with_all_of_its_options() {
    let imported = text(GGAOED).unwrap();
    let exports = exports(&imported);
    let disk = &exports["disk0"];
    assert_eq!((disk.shelf, disk.slot), (1, Some(2)));
    assert_eq!(disk.source, Backing::Device("/dev/sdb".into()));
    assert_eq!(interfaces(disk), ["eth1", "san*"]);
    assert_eq!((disk.buffer_count, disk.mtu), (32, 9000));
    assert_eq!(disk.announce.word(), "accepted");
    assert_eq!(disk.persist.len(), 3, "as ggaoed does it");
    assert_eq!(
        lists(disk),
        vec!["only 02:00:00:00:00:01 02:00:00:00:00:07"; 4],
        "group, less the denied"
    );
    let image = &exports["image"];
    assert_eq!(image.source, Backing::File("/srv/image".into()));
    assert!(image.read_only);
    assert_eq!((image.buffer_count, image.announce.word()), (512, "all"));
    assert_eq!(interfaces(image), ["eth0"]);
    assert_eq!(
        lists(image),
        vec!["only 02:00:00:00:00:01 02:00:00:00:00:07 02:00:00:00:00:08"; 4]
    );
    let path = "/dev/disk/by-uuid/1234-5678".into();
    assert_eq!(exports["by-uuid"].source, Backing::Device(path));
    assert_eq!(lists(&exports["by-uuid"]), vec!["all"; 4]);
    for option in [
        "direct-io",
        "trace-io",
        "ring-buffer-size",
        "send-buffer-size",
        "receive-buffer-size",
        "tx-ring-bug",
        "max-delay",
        "merge-delay",
        "pid-file",
        "control-socket",
        "state-directory",
    ] {
        assert!(
            imported.contains(&format!("# {option} = ")),
            "{option} is not told:\n{imported}"
        );
    }
    assert!(
        imported.contains("[interface.\"san*\"]\nmtu = 4000"),
        "{imported}"
    );
}

#[test]
fn ggaoed_that_is_malformed() {
    for (broken, what) in [
        (
            "[a]\nshelf = x\nslot = 0\npath = /dev/sda",
            "x.conf:2: shelf = x: not a number",
        ),
        (
            "[a]\nshelf = 1\npath = /dev/sda",
            "x.conf:1: [a]: slot is missing",
        ),
        (
            "[a]\nshelf = 1\nslot = 0",
            "x.conf:1: [a]: path or uuid is missing",
        ),
        (
            "[a]\nslot = 0\npath = /dev/sda",
            "x.conf:1: [a]: a device without shelf",
        ),
        (
            "[a]\nshelf = 1\nslot = 0\npath = /x\nread-only = maybe",
            "x.conf:5: read-only = maybe",
        ),
        (
            "[defaults]\ncolour = red",
            "x.conf:2: colour: no option of ggaoed",
        ),
        ("[defaults\nmtu = 0", "x.conf:1: [defaults: no ]"),
        ("[defaults]\nmtu", "x.conf:2: mtu: neither"),
        ("mtu = 0\n[defaults]", "x.conf:1: mtu = 0: before the first"),
    ] {
        let said = text(broken).unwrap_err();
        assert!(said.contains(what), "{broken:?}: {said}");
    }
}

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

#[test]
fn vblade_with_all_of_its_options() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("home.conf"), VBLADE).unwrap();
    fs::write(
        folder.path().join("b.conf"),
        "shelf=1\nslot=2\nnetif=eth1\nfilename='/srv/a b'\n",
    )
    .unwrap();
    fs::write(folder.path().join("README"), "not a configuration").unwrap();
    let imported = import(folder.path(), None).unwrap();
    let exports = exports(&imported);
    let home = &exports["home"];
    assert_eq!((home.shelf, home.slot), (7, Some(3)));
    assert_eq!(home.source, Backing::Device("/dev/vg/home".into()));
    assert_eq!(interfaces(home), ["eth0"]);
    assert_eq!((home.buffer_count, home.offset, home.length), (24, 8, 2048));
    assert!(home.read_only);
    assert_eq!(
        lists(home),
        vec!["only 02:00:00:00:00:0a 02:00:00:00:00:0b"; 4]
    );
    assert_eq!(exports["b"].source, Backing::File("/srv/a b".into()));
    for told in ["option -d", "option -s", "ionice = "] {
        assert!(
            imported.contains(&format!("# {told}")),
            "{told} is not told:\n{imported}"
        );
    }
}

#[test]
fn vblade_that_is_malformed() {
    let good = "shelf=1\nslot=2\nnetif=eth1\nfilename=/dev/sda\n";
    for (broken, what) in [
        (good.replace("shelf=1\n", ""), "shelf is missing"),
        (
            good.replace("slot=2", "slot=two"),
            "x.conf:2: slot=two: not a number",
        ),
        (format!("{good}colour=red"), "x.conf:5: colour"),
        (
            format!("{good}nonsense"),
            "x.conf:5: nonsense: not KEY=VALUE",
        ),
        (
            format!("{good}options=\"-x\""),
            "x.conf:5: options: -x: no option of vblade",
        ),
        (
            format!("{good}options=\"-b\""),
            "options: -b: an argument is missing",
        ),
        (
            format!("{good}options=\"-o ten\""),
            "options: -o: ten: not a number",
        ),
        (
            format!("{good}options=\"-m 0200\""),
            "options: -m: 0200: no MAC address",
        ),
    ] {
        let said = text(&broken).unwrap_err();
        assert!(said.contains(what), "{broken:?}: {said}");
    }
}

#[test]
fn the_format_can_be_said_or_found() {
    assert!(text("nothing of the kind")
        .unwrap_err()
        .contains("say --from"));
    assert!(text("").is_err());
    let folder = tempfile::tempdir().unwrap();
    assert!(import(folder.path(), None)
        .unwrap_err()
        .contains("no files *.conf"));
    assert!(import(folder.path(), Some(Format::Qaoed))
        .unwrap_err()
        .contains("a folder"));
    let missing = folder.path().join("missing");
    assert!(import(&missing, None)
        .unwrap_err()
        .contains("missing: No such file"));
    assert!(import(Path::new("/dev/null"), Some(Format::Ggaoed)).is_ok());
}
