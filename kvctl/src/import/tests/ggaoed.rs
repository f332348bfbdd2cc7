// SPDX-License-Identifier: GPL-2.0

//! Files of ggaoed.

use kvblade_wire::settings::Tunable;

use super::exports;
use super::failures;
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
    assert_eq!((disk.shelf, disk.own.slot), (1, Some(2)));
    assert_eq!(disk.source, Backing::Device("/dev/sdb".into()));
    assert_eq!(interfaces(disk), ["eth1", "san*"]);
    assert_eq!(
        (
            disk.tuned.number(Tunable::BufferCount),
            disk.tuned.number(Tunable::MtuMax)
        ),
        (32, 9000)
    );
    assert_eq!(disk.tuned.word(Tunable::Announce), "accepted");
    assert_eq!(
        disk.own.persist.as_ref().unwrap().len(),
        3,
        "as ggaoed does it"
    );
    assert_eq!(
        lists(disk),
        vec!["only 02:00:00:00:00:01 02:00:00:00:00:07"; 4],
        "group, less the denied"
    );
    let image = &exports["image"];
    assert_eq!(image.source, Backing::File("/srv/image".into()));
    assert!(image.read_only);
    assert_eq!(
        (
            image.tuned.number(Tunable::BufferCount),
            image.tuned.word(Tunable::Announce)
        ),
        (512, "all")
    );
    assert_eq!(interfaces(image), ["san0"]);
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

/// A device, and what it has besides.
fn device(more: &str) -> String {
    format!("[sdb]\npath = /dev/sdb\nshelf = 0\nslot = 0\n{more}\n")
}

#[test]
fn groups_of_one_name_are_one() {
    let imported = text(
        "[defaults]\nqueue-length = 64\n[acls]\na = 02:00:00:00:00:01\n[sdb]\npath = /dev/sdb\n\
         accept = b\n[acls]\nb = a, 02:00:00:00:00:02\n[defaults]\ninterfaces = san0\n\
         queue-length = 32\n[sdb]\nshelf = 1\nslot = 2\nshelf = 3\n",
    );
    let exports = exports(&imported.unwrap());
    let sdb = &exports["sdb"];
    assert_eq!(
        (
            sdb.shelf,
            sdb.own.slot,
            sdb.tuned.number(Tunable::BufferCount)
        ),
        (3, Some(2), 32)
    );
    assert_eq!(interfaces(sdb), ["san0"]);
    assert_eq!(
        lists(sdb),
        vec!["only 02:00:00:00:00:01 02:00:00:00:00:02"; 4]
    );
}

#[test]
fn what_ggaoed_does_not_look_at_is_a_comment() {
    for (group, line, told) in [
        ("", "[defaults]\nbuffers = 5", "# buffers = 5: obsolete"),
        (
            "",
            "[defaults]\nread-only = true",
            "# read-only = true: no option of ggaoed here",
        ),
        (
            "",
            "[eth0]\ninterfaces = x",
            "# interfaces = x: no option of ggaoed here",
        ),
        ("sdb", "acept = x", "; did you mean accept?"),
        ("sdb", ";read-only = true", "# ;read-only = true: no option"),
        (
            "sdb",
            "read-only[de] = true",
            "# read-only[de] = true: no option",
        ),
    ] {
        let text_ = match group {
            "" => device("") + line,
            _ => device(line),
        };
        let imported = text(&text_).unwrap();
        assert!(imported.contains(told), "{told} is not told:\n{imported}");
        assert!(!exports(&imported)["sdb"].read_only);
    }
}

#[test]
fn values_are_those_of_a_key_file() {
    let imported = text(
        "\u{feff}[sdb]\r\npath = /dev/sd\\\\b\r\nshelf = 010 # ten\r\nslot = 0\r\nread-only=1",
    );
    let exports = exports(&imported.unwrap());
    assert_eq!(exports["sdb"].source, Backing::Device("/dev/sd\\b".into()));
    assert_eq!((exports["sdb"].shelf, exports["sdb"].read_only), (10, true));
}

#[test]
fn a_device_is_on_interfaces_of_the_defaults_only() {
    let on = |all: &str, own: &str| {
        let imported = text(
            &(format!("[defaults]\ninterfaces = {all}\n")
                + &device(&format!("interfaces = {own}"))),
        );
        imported.map(|text| interfaces(&exports(&text)["sdb"]))
    };
    assert_eq!(on("eth0, san*", "*").unwrap(), ["eth0", "san*"]);
    assert_eq!(on("eth*", "eth1, san0").unwrap(), ["eth1"]);
    assert_eq!(on("", "eth1").unwrap(), ["eth1"]);
    assert_eq!(on("eth0", "").unwrap(), ["eth0"]);
    assert!(on("eth0", "san0").unwrap_err().contains("none of them"));
    assert!(on("eth*", ",").unwrap_err().contains("names no interface"));
}

#[test]
fn lists_are_as_ggaoed_reads_them() {
    let clients = |acls: &str, accept: &str| {
        let imported =
            text(&(format!("[acls]\n{acls}\n") + &device(&format!("accept = {accept}"))));
        imported.map(|text| lists(&exports(&text)["sdb"])[0].clone())
    };
    let (a, b) = ("02:00:00:00:00:01", "02:00:00:00:00:07");
    assert_eq!(
        clients("all = 2:0:0:0:0:1", "all").unwrap(),
        format!("only {a}")
    );
    assert_eq!(
        clients("none = 2:0:0:0:0:1", "none").unwrap(),
        format!("only {a}")
    );
    assert_eq!(
        clients("x y = 2:0:0:0:0:1", "x y").unwrap(),
        format!("only {a}")
    );
    assert_eq!(clients("", "node7").unwrap(), format!("only {b}"));
    assert_eq!(
        clients("node7 = 2:0:0:0:0:1", "node7").unwrap(),
        format!("only {a}")
    );
    assert_eq!(
        clients("x = nobody, 2:0:0:0:0:1", "x").unwrap(),
        format!("only {a}")
    );
    assert_eq!(
        clients("x = ff:ff:ff:ff:ff:ff, 2:0:0:0:0:1", "x").unwrap(),
        format!("only {a}")
    );
    assert_eq!(
        clients("x = 2:0:0:0:0:1 node7", "x").unwrap(),
        format!("only {a}")
    );
    assert_eq!(clients("", "").unwrap(), "all");
    for (acls, accept) in [("", "nobody"), ("x =", "x"), ("x = nobody", "x"), ("", ",")] {
        let said = clients(acls, accept).unwrap_err();
        assert!(said.contains("ggaoed lets in everybody then"), "{said}");
    }
    assert!(clients("x = y\ny = x", "x")
        .unwrap_err()
        .contains("contains itself"));
}

#[test]
fn what_cannot_be_exported_keeps_no_other_back() {
    let other = "[other]\npath = /dev/sdz\nshelf = 9\nslot = 9\n";
    for (more, what) in [
        (
            "path = /dev/a\\sb",
            "\"/dev/a b\": a device whose path has blanks",
        ),
        ("path = \"/dev/sdb\"", "a path that depends on where"),
        ("path = sdb", "a path that depends on where"),
        ("path = /dev/a\\b", "path = /dev/a\\b: a wrong escape"),
        ("uuid = 1-2", "both path and uuid"),
        ("shelf = 4095", "4095"),
        ("shelf = 70000", "70000"),
        ("slot = 255", "255"),
        ("shelf = x", "shelf = x: not a number"),
        ("read-only = yes", "read-only = yes: not true or false"),
        ("broadcast = maybe", "broadcast = maybe: not true or false"),
        ("mtu = 5", ""),
        ("queue-length = 64x", "not a number"),
    ] {
        let (imported, said) = failures(&(device(more) + other));
        let exports = exports(&imported);
        assert_eq!(exports["other"].own.slot, Some(9));
        assert_eq!(
            exports.len(),
            if what.is_empty() { 2 } else { 1 },
            "{imported}"
        );
        assert!(said.join("\n").contains(what), "{more}: {said:?}");
        assert_eq!(said.is_empty(), what.is_empty());
        let told = said
            .iter()
            .all(|it| imported.contains(&format!("# NOT IMPORTED: {it}")));
        assert!(told, "{imported}");
    }
    let (imported, said) = failures(&(device("") + "[z]\npath = /dev/z\nshelf = 0\nslot = 0\n"));
    assert!(said[0].contains("has the address of sdb"), "{said:?}");
    assert_eq!(exports(&imported).len(), 1);
}

#[test]
fn ggaoed_that_is_malformed() {
    for (broken, what) in [
        (
            "[a]\nshelf = x\nslot = 0\npath = /dev/sda",
            "x.conf:1: [a]: shelf = x: not a number",
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
            "[defaults]\nqueue-length = many",
            "x.conf:2: queue-length = many: not a number",
        ),
        ("[defaults]\nmtu = 5", "mtu 5: out of range"),
        ("[defaults\nmtu = 0", "x.conf:1: [defaults\nmtu = 0"),
        ("[defaults\nmtu", "x.conf:1: [defaults: no ]"),
        ("[defaults]\nmtu", "x.conf:2: mtu: neither"),
        ("mtu = 0\n[defaults]", "x.conf:1: mtu = 0: before the first"),
        ("[defaults]", "no export is in there"),
        ("[a]\nmtu = 1500", "no export is in there"),
    ] {
        let said = text(broken).unwrap_err();
        let what = what.split('\n').next().unwrap();
        assert!(said.contains(what), "{broken:?}: {said}");
    }
}

#[test]
fn who_is_denied_and_not_known_is_not_let_in() {
    let of = |acls: &str, lines: &str| {
        format!("[acls]\n{acls}\n[disk]\nshelf = 1\nslot = 1\npath = /dev/sdb\ninterfaces = eth0\n{lines}\n")
    };
    for (acls, lines) in [
        ("", "deny = stranger"),
        ("bad = node7, stranger", "deny = bad"),
        ("bad = worse\nworse = stranger", "deny = bad"),
    ] {
        let (_, said) = failures(&(KNOWN.to_owned() + &of(acls, lines)));
        assert!(
            said.len() == 1 && said[0].contains("deny") && said[0].contains("stranger"),
            "{lines}: {said:?}"
        );
    }
    let accepted = text(&of("", "accept = node7, stranger")).unwrap();
    assert!(
        accepted.contains("stranger: neither an address"),
        "{accepted}"
    );
    let names = text(&of("", "deny = NODE7")).unwrap();
    assert_eq!(
        lists(&exports(&names)["disk"]),
        vec!["all but 02:00:00:00:00:07"; 4]
    );
}

/// Something that can be imported.
const KNOWN: &str = "[other]\nshelf = 1\nslot = 2\npath = /dev/sdc\ninterfaces = eth0\n";
