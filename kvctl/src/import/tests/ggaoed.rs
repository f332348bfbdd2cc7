// SPDX-License-Identifier: GPL-2.0

//! Files of ggaoed.

use super::exports;
use super::interfaces;
use super::lists;
use super::text;
use super::Backing;

const GGAOED: &str = include_str!("../examples/ggaoed.conf");

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
