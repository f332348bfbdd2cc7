// SPDX-License-Identifier: GPL-2.0

//! Files of vblade.

use std::fs;

use super::exports;
use super::import;
use super::interfaces;
use super::lists;
use super::text;
use super::Backing;

const VBLADE: &str = include_str!("../examples/vblade.conf");

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
