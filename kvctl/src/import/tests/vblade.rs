// SPDX-License-Identifier: GPL-2.0

//! Files of vblade.

use kvblade_wire::settings::Tunable;
use std::fs;

use super::exports;
use super::file;
use super::interfaces;
use super::lists;
use super::text;
use super::Backing;
use super::Imported;

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
    let imported = file(folder.path()).unwrap().text;
    let exports = exports(&imported);
    let home = &exports["home"];
    assert_eq!((home.shelf, home.own.slot), (7, Some(3)));
    assert_eq!(home.source, Backing::Device("/dev/vg/home".into()));
    assert_eq!(interfaces(home), ["eth0"]);
    assert_eq!(
        (
            home.tuned.number(Tunable::BufferCount),
            home.offset,
            home.length
        ),
        (24, 8, 2048)
    );
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

/// A file with options.
fn with(options: &str) -> String {
    format!("shelf=1\nslot=2\nnetif=eth1\nfilename=/dev/sda\noptions='{options}'\n")
}

#[test]
fn flags_are_taken_apart_as_getopt_does_it() {
    let export = |options: &str| exports(&text(&with(options)).unwrap()).remove("x").unwrap();
    for options in [
        "-dr -b16",
        "-rdb16",
        "-b 16 -rs",
        "-r -b 9 -b16 -r",
        "-rb16 --",
        "-sb 16 -r",
    ] {
        let export = export(options);
        assert!(export.read_only, "{options}");
        assert_eq!(export.tuned.number(Tunable::BufferCount), 16, "{options}");
    }
    for options in [
        "-sm0200000000c1,0200000000c2",
        "-m 02:00:00:00:00:c1 -m 2:0:0:0:0:c2",
    ] {
        let only = "only 02:00:00:00:00:c1 02:00:00:00:00:c2";
        assert_eq!(lists(&export(options)), vec![only; 4], "{options}");
    }
    for (options, offset, length) in [
        ("-o 0x800 -l 0x400000", 2048, 0x0040_0000),
        ("-o02000 -l 10 -l 20", 1024, 20),
        ("-o 0 -l1", 0, 1),
        ("-o 8s", 8, 0),
    ] {
        let export = export(options);
        assert_eq!(
            (export.offset, export.length),
            (offset, length),
            "{options}"
        );
    }
    assert!(text(&with("-o 8s"))
        .unwrap()
        .contains("# option -o 8s: vblade reads 8"));
    assert!(text(&with("-b 5000"))
        .unwrap()
        .contains("# option -b 5000: from 2 to 512"));
}

#[test]
fn a_file_is_a_fragment_of_a_script() {
    for (text_, path) in [
        ("export shelf=14 slot=2\nnetif='ens3'; filename=/dev/x # y\noptions='-r'   # z", "/dev/x"),
        ("shelf=14\nslot=2\nnetif=ens3\ndir=/dev/vg0\nfilename=\"$dir/${slot}a\"\noptions=-r", "/dev/vg0/2a"),
        ("shelf=14 slot=\"2\" netif=ens3 \\\n  filename=/dev/a\\#b\noptions=\"-d\"\noptions=\"$options -r\"", "/dev/a#b"),
        ("shelf=1\nshelf=14;slot=2\r\nexport netif filename\nreadonly netif=ens3\r\nfilename=/dev/x\r\noptions=-r\r\n", "/dev/x"),
    ] {
        let exports = exports(&text(text_).unwrap());
        let it = &exports["x"];
        assert_eq!((it.shelf, it.own.slot, it.read_only), (14, Some(2), true), "{text_}");
        assert_eq!(it.source, Backing::Device(path.into()));
        assert_eq!(interfaces(it), ["ens3"]);
    }
    let told = text(&(with("") + "option=-r\nLANG=C\n")).unwrap();
    assert!(
        told.contains("# option: no variable of vblade, which ignores it; did you mean options?")
    );
    assert!(told.contains("# LANG: no variable of vblade"), "{told}");
}

#[test]
fn of_a_folder_each_file_is_imported_for_itself() {
    let folder = tempfile::tempdir().unwrap();
    let good = "shelf=1\nslot=1\nnetif=eth1\nfilename=/dev/vg0/web\n";
    for (name, text) in [
        ("web.conf", good),
        (
            "template.conf",
            "# copy me\nshelf=\nslot=\nnetif=eth1\nfilename=\n",
        ),
        ("zz-empty.conf", ""),
        ("broken.conf", "shelf='1\n"),
        (".hidden.conf", "shelf='1\n"),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let Imported { text, failures } = file(folder.path()).unwrap();
    assert_eq!(failures, Vec::<String>::new(), "vblade ignores these");
    assert_eq!(exports(&text).len(), 1);
    for told in [
        "template.conf:2: incomplete, vblade ignores it: shelf is missing",
        "zz-empty.conf: incomplete, vblade ignores it: netif is missing",
        "broken.conf:1: not valid shell, vblade ignores it: a quote without end",
    ] {
        assert!(text.contains(told), "{told} is not told:\n{text}");
    }
    let more = good.replace("slot=1", "slot=2");
    fs::write(folder.path().join("a.conf"), more.clone() + "options=-x\n").unwrap();
    fs::write(folder.path().join("we b.conf"), more.replace("web", "w")).unwrap();
    fs::write(
        folder.path().join("we-b.conf"),
        good.replace("slot=1", "slot=3"),
    )
    .unwrap();
    let Imported { text, failures } = file(folder.path()).unwrap();
    assert_eq!(failures.len(), 1, "{failures:?}");
    assert!(
        failures[0].contains("a.conf:5: options: -x: no option of vblade"),
        "{failures:?}"
    );
    let names: Vec<String> = exports(&text).into_keys().collect();
    assert_eq!(names, ["we-b", "we-b-2", "web"]);
    assert!(
        exports(&text)["web"].shared,
        "vblade lets two exports have one device"
    );
}

#[test]
fn one_disk_on_two_interfaces_is_one_export() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.conf"), with("-m 0200000000c1")).unwrap();
    fs::write(
        folder.path().join("b.conf"),
        with("-m 0200000000c1").replace("eth1", "eth2"),
    )
    .unwrap();
    let Imported { text, failures } = file(folder.path()).unwrap();
    assert_eq!(failures, Vec::<String>::new());
    assert_eq!(interfaces(&exports(&text)["a"]), ["eth1", "eth2"]);
    assert_eq!(exports(&text).len(), 1);
    fs::write(
        folder.path().join("b.conf"),
        with("").replace("eth1", "eth2"),
    )
    .unwrap();
    let Imported { failures, .. } = file(folder.path()).unwrap();
    assert!(failures[0].contains("has the address of a"), "{failures:?}");
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
        (format!("{good}nonsense"), "x.conf:5: nonsense: neither"),
        (
            good.replace("slot=2", "slot=$(id -u)"),
            "x.conf:2: slot: the output of a command",
        ),
        (
            good.replace("slot=2", "slot=$N"),
            "x.conf:2: slot: $N: not set in this file",
        ),
        (
            good.replace("slot=2", "if true; then slot=2; fi"),
            "x.conf:2: a condition",
        ),
        (
            good.replace("slot=2", "true && slot=2"),
            "x.conf:2: true: neither",
        ),
        (
            good.replace("slot=2", ". /etc/default/x"),
            "x.conf:2: .: neither",
        ),
        (
            good.replace("/dev/sda", "~/disk"),
            "filename: a home directory",
        ),
        (
            good.replace("/dev/sda", "disk"),
            "a path that depends on where",
        ),
        (
            good.replace("/dev/sda", "'/dev/a b'"),
            "a device whose path has blanks",
        ),
        (good.replace("eth1", "'eth1 eth2'"), "eth1 eth2"),
        (good.replace("eth1", "'eth*'"), "not a pattern"),
        (good.replace("shelf=1", "shelf=4095"), "4095"),
        (
            format!("{good}options='1 2'"),
            "not SHELF SLOT INTERFACE FILE",
        ),
        (
            format!("{good}options='-l 0'"),
            "-l 0: vblade takes 1 and more",
        ),
        (
            format!("{good}options='-b 0'"),
            "-b 0: vblade takes 1 and more",
        ),
        (
            format!("{good}options='-o -1'"),
            "-o -1: vblade takes 0 and more",
        ),
        (
            format!("{good}options='-o 99999999999999999'"),
            "more than a disk",
        ),
        (
            format!("{good}options='-m 01:00:00:00:00:00'"),
            "no card has such an address",
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
            "options: -o ten: not a number",
        ),
        (
            format!("{good}options=\"-m 0200\""),
            "options: -m 0200: 0200: no MAC address",
        ),
    ] {
        let said = text(&broken).unwrap_err();
        assert!(said.contains(what), "{broken:?}: {said}");
    }
}
