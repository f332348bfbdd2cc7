// SPDX-License-Identifier: GPL-2.0

//! All that is wrong is told in one run, in the words of the manual page.

use super::faults::said;
use super::MINIMAL;

#[test]
fn what_was_wanted_is_told_in_the_words_of_the_manual() {
    for (line, words) in [
        (
            "interfaces = \"eth0\"",
            &[
                "interfaces: a text, not a list of texts",
                "interfaces = [\"eth0\"]",
            ][..],
        ),
        (
            "interfaces = \"eth0, eth1\"",
            &["interfaces = [\"eth0\", \"eth1\"]"],
        ),
        (
            "interfaces = [\"eth0\", 5]",
            &["a whole number in a list of texts"],
        ),
        (
            "shelf = \"3\"",
            &["shelf: a text, not a whole number", "shelf = 3"],
        ),
        (
            "shelf = 1.5",
            &["shelf: a number with a point, not a whole number"],
        ),
        (
            "shelf = 99999999999999999999",
            &["shelf 99999999999999999999: out of range"],
        ),
        (
            "device = [\"/dev/a\"]",
            &[
                "device: a list, not a text in quotes",
                "device = \"/dev/a\"",
            ],
        ),
        (
            "read-only = \"yes\"",
            &["read-only: a text, not true or false", "read-only = true"],
        ),
        (
            "read-only = 0",
            &[
                "read-only: a whole number, not true or false",
                "read-only = false",
            ],
        ),
        ("serial = 1234", &["serial = \"1234\""]),
        (
            "access = \"hosts\"",
            &["access = { read = \"hosts\", write = \"hosts\" }"],
        ),
        (
            "access = { read = [\"all\"] }",
            &["read: a list, not a text in quotes", "read = \"all\""],
        ),
        ("persist = \"mask\"", &["persist = [\"mask\"]"]),
        (
            "announce = true",
            &["announce: true or false, not a word in quotes"],
        ),
        (
            "announce = \"acepted\"",
            &["announce \"acepted\": no such word; did you mean accepted?"],
        ),
        (
            "readonly = true",
            &["unknown key readonly; did you mean read-only?"],
        ),
        ("intefaces = [\"eth0\"]", &["did you mean interfaces?"]),
        (
            "buffers = 5",
            &["unknown key buffers; did you mean buffer-count?"],
        ),
        ("access = { wirte = \"all\" }", &["did you mean write?"]),
        (
            "access = { read = \"alll\" }",
            &["alll: no such access list; did you mean all?"],
        ),
        (
            "[exports.b]",
            &[
                "unknown table or key exports; did you mean export?",
                "[export.NAME]",
            ],
        ),
        ("[[export]]", &["duplicate key"]),
        ("[acces.x]", &["did you mean access?"]),
        (
            "[access.x]\nacept = []",
            &["access x: unknown key acept; did you mean accept?"],
        ),
        (
            "[access.x]\naccept = \"02:00:00:00:00:01\"",
            &["accept = [\"02:00:00:00:00:01\"]"],
        ),
        (
            "[access.x]\naccept = [\"loptop\"]",
            &["did you mean laptop?"],
        ),
        (
            "[access.x]\nrules = [5]",
            &["rules: a whole number in a list of tables"],
        ),
        (
            "[access]\nx = 5",
            &[
                "access: x: a whole number, not a table",
                "expected [access.NAME]",
            ],
        ),
        (
            "[interface.eth0]\nmtus = 5",
            &[
                "interface eth0: unknown key mtus; did you mean mtu?",
                "expected one of mtu, require",
            ],
        ),
        (
            "[interface.eth0]\nrequire = \"macsek\"",
            &["interface eth0: require \"macsek\": no such word; did you mean macsec?"],
        ),
        (
            "[interface.eth0]\nmtu = \"9000\"",
            &["expected a whole number: mtu = 9000"],
        ),
    ] {
        let key = line.split(" =").next().unwrap();
        let before = MINIMAL
            .lines()
            .filter(|line| !line.starts_with(&format!("{key} =")));
        let text = before.collect::<Vec<_>>().join("\n") + "\n" + line + "\n";
        let said = said(&[&text]);
        for word in words {
            assert!(
                said.contains(word),
                "{word} is not told for {line}:\n{said}"
            );
        }
        assert_eq!(said.matches("error:").count(), 1, "{said}");
        for word in ["sequence", "i64", "invalid type"] {
            assert!(!said.contains(word), "{said}");
        }
    }
    let said = said(&["export = 5\ndefaults = []\n[[access]]\n"]);
    for word in [
        "export: a whole number, not a table",
        "defaults: a list, not",
        "access: a list, not",
    ] {
        assert!(said.contains(word), "{said}");
    }
}

#[test]
fn all_faults_of_all_files_are_told_at_once() {
    let first = "[export.a]\nsheld = 1\ninterfaces = \"eth0\"\nread-only = 1\nslot = 255\n\
                 device = 5\nmtu = 1\naccess = { read = \"x\" }\n[access.y]\naccept = [\"nobody\"]\n";
    let second =
        "[defaults]\nshelf = 70000\n[export.b]\nfile = \"x\"\nlength = \"1X\"\nlog = \"loud\"\n";
    let said = said(&[first, second]);
    for place in [
        "0.conf:2:1",
        "0.conf:3:14",
        "0.conf:4:13",
        "0.conf:5:8",
        "0.conf:6:10",
        "0.conf:7:7",
        "0.conf:8:19",
        "0.conf:10:11",
        "1.conf:2:9",
        "1.conf:4:8",
        "1.conf:5:10",
        "1.conf:6:7",
    ] {
        assert!(said.contains(place), "{place} is not told:\n{said}");
    }
    assert!(said.contains("export b: interfaces is missing"));
    assert_eq!(said.matches("error:").count(), 13, "{said}");
}

#[test]
fn what_is_broken_hides_no_other_fault_and_makes_none_up() {
    let broken = "[access.hosts\naccept = [\"02:00:00:00:00:01\"]\n[defaults]\nshelf = = 1\n";
    let rest =
        "[export.a]\ndevice = \"/dev/a\"\nslot = 300\naccess = { read = \"hosts\" }\ncolour = 1\n";
    let said = said(&[broken, rest]);
    for told in [
        "0.conf:1:",
        "0.conf:4:",
        "slot 300: out of range",
        "unknown key colour",
    ] {
        assert!(said.contains(told), "{told} is not told:\n{said}");
    }
    for made_up in ["no such access list", "is missing"] {
        assert!(!said.contains(made_up), "{said}");
    }
}
