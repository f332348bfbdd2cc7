// SPDX-License-Identifier: GPL-2.0

//! Tables of distributions, units, scripts, and what the C module exports.

use std::fs;

use kvblade_wire::settings::Form;
use kvblade_wire::settings::Row;
use kvblade_wire::settings::Setting;

use super::addresses;
use super::exports;
use super::failures;
use super::file;
use super::import;
use super::interfaces;
use super::lists;
use super::text;
use super::Backing;
use super::Imported;

#[test]
fn red_hats_and_yoctos_table() {
    let table =
        "# interface, shelf, slot, what, who\n#eth0 0 0 /dev/sdz\n\neth1 0 1 /srv/disk1.img\n\
                 eth1\t0\t2\t/dev/sdb\t02:00:00:00:0c:01,0200000000c2\nbond0 0 3 /dev/vg/lv\n";
    let imported = text(table).unwrap();
    assert_eq!(
        addresses(&imported),
        ["0.1 /srv/disk1.img", "0.2 /dev/sdb", "0.3 /dev/vg/lv"]
    );
    let exports = exports(&imported);
    assert_eq!(
        exports["e0.1"].source,
        Backing::File("/srv/disk1.img".into())
    );
    assert_eq!(interfaces(&exports["e0.3"]), ["bond0"]);
    let only = "only 02:00:00:00:00:c2 02:00:00:00:0c:01";
    assert_eq!(lists(&exports["e0.2"]), vec![only; 4]);
    for (line, what) in [
        (
            "eth0 0",
            "x.conf:7: \"eth0 0\": not INTERFACE SHELF SLOT FILE",
        ),
        (
            "eth0 0 4 /dev/x 02:00:00:00:00:01 y",
            "not INTERFACE SHELF SLOT FILE",
        ),
        ("eth0 a 4 /dev/x", "shelf a: not a number"),
        ("eth0 0 4 /dev/x anybody", "anybody: no MAC address"),
        ("-r 0 4 /dev/x", "an option where none can be"),
    ] {
        let (imported, said) = failures(&format!("{table}{line}\n"));
        assert_eq!(addresses(&imported).len(), 3);
        assert!(said[0].contains(what), "{said:?}");
    }
}

#[test]
fn gentoos_variables() {
    let imported = text(
        "# one a target\nconfig_vblade0=\"0 0 eth0 /mnt/t00.bin\"\n# config_spare=\"0 1 eth1 /dev/x\"\n\
         base=/dev/md\nconfig_store='-r 4 2 eth1 /dev/md1'\nconfig_more=\"-b 9 4 3 eth1 ${base}3\"\n\
         config_store=\"-rd 4 2 eth1 /dev/md2\"\n",
    )
    .unwrap();
    assert_eq!(
        addresses(&imported),
        ["0.0 /mnt/t00.bin", "4.2 /dev/md2", "4.3 /dev/md3"]
    );
    assert!(exports(&imported)["store"].read_only);
    assert!(imported.contains("x.conf:4: base: no export"), "{imported}");
    let (_, said) =
        failures("config_a='0 0 eth0 /dev/a'\nconfig_b='0 1 eth0'\nconfig_c=`x`\nrm -r x\n");
    assert_eq!(said.len(), 3, "{said:?}");
}

#[test]
fn units_of_systemd() {
    let folder = tempfile::tempdir().unwrap();
    let unit = |name: &str, lines: &str| {
        let text =
            format!("[Unit]\nDescription=vblade\n[Service]\nType=oneshot\n{lines}\n[Install]\n");
        fs::write(folder.path().join(name), text).unwrap();
    };
    unit("a.service", "ExecStartPre=/sbin/modprobe loop\nExecStart=-/usr/sbin/vbladed -ds 4 2 enp3s0 \\\n  /dev/disk/by-id/x\\x2dy");
    unit(
        "b.service",
        "ExecStart=@/usr/sbin/vblade name -r 4 3 eth0 \"/srv/a b\"\nExecStop=/usr/bin/pkill vblade",
    );
    unit(
        "c.service",
        "ExecStart=/bin/true ; /usr/bin/ionice -c3 /usr/sbin/vblade 4 4 eth0 /dev/c",
    );
    unit("d.service", "ExecStart=/usr/sbin/sshd -D");
    // What came before an empty line does not count, of this key.
    unit(
        "r.service",
        "ExecStartPre=/usr/sbin/vbladed 4 5 eth0 /dev/pre\nExecStart=/usr/sbin/vblade 4 6 eth0 \
         /dev/old\nExecStart=\nExecStart=/usr/sbin/vblade 4 7 eth0 /dev/new",
    );
    let Imported { text, failures } = file(folder.path()).unwrap();
    assert_eq!(failures, Vec::<String>::new());
    assert_eq!(
        addresses(&text),
        [
            "4.2 /dev/disk/by-id/x-y",
            "4.3 /srv/a b",
            "4.4 /dev/c",
            "4.5 /dev/pre",
            "4.7 /dev/new"
        ]
    );
    assert!(
        text.contains("r.service:6: ExecStart=/usr/sbin/vblade 4 6 eth0 /dev/old: line 7 ends"),
        "{text}"
    );
    assert!(
        text.contains("b.service:6: ExecStop=/usr/bin/pkill vblade: not imported"),
        "{text}"
    );
    unit(
        "vblade@.service",
        "ExecStart=/usr/sbin/vblade $shelf $slot $netif $filename $options",
    );
    unit("e.service", "ExecStart=/usr/sbin/vblade 5 %i eth0 /dev/c");
    unit("f.service", "ExecStart=/bin/sh -c 'vblade 5 1 eth0 /dev/c'");
    unit("g.service", "ExecStart=/usr/sbin/vblade \"5 1 eth0 /dev/c");
    unit(
        "h.service",
        "ExecStart=/bin/sh -c 'echo 5 1 eth0 /dev/c > /sys/kvblade/add'",
    );
    let Imported { text, failures } = file(folder.path()).unwrap();
    assert_eq!(failures.len(), 5, "{failures:?}");
    assert_eq!(addresses(&text).len(), 5);
}

/// What kvadd can be told of a setting, and what a configuration says then.
fn told(row: &Row) -> (String, String) {
    let (value, said) = match row.form {
        Form::Flag => ("1".to_owned(), "true".to_owned()),
        Form::Opposite => ("1".to_owned(), "false".to_owned()),
        Form::Number(number) => {
            let least = number.least.to_string();
            (least.clone(), least)
        }
        Form::Sectors => ("8".to_owned(), "4096".to_owned()),
        Form::Switch([_, second]) => (second.to_owned(), "true".to_owned()),
        Form::Word(words) => (words[1].to_owned(), format!("\"{}\"", words[1])),
        Form::Text(_) | Form::Config => ("x".to_owned(), "\"x\"".to_owned()),
        Form::Wwn => ("5000000000000001".into(), "\"5000000000000001\"".into()),
        Form::Macs => {
            let mac = "02:00:00:00:00:01";
            (mac.to_owned(), format!("[\"{mac}\"]"))
        }
    };
    let option = format!("{}={value}", row.add);
    (option, format!("{} = {said}", row.key))
}

#[test]
fn kvadd_is_understood_whatever_it_is_told() {
    for row in Setting::all().map(Setting::row) {
        let (option, line) = told(row);
        let imported = text(&format!("#!/bin/sh\nkvadd 1 2 eth0 /dev/sdb {option}\n"));
        let imported = imported.unwrap_or_else(|said| panic!("{option}: {said}"));
        assert!(
            imported.lines().any(|it| it == line),
            "{option}: {imported}"
        );
    }
}

#[test]
fn start_scripts() {
    let script = "#!/bin/sh -e\nNIC=eth0\nOPTS='-d -r'\nmodprobe loop\n\
        vbladed 0 1 $NIC /dev/sdb\n/usr/sbin/vblade $OPTS 1 2 \"$NIC\" /dev/sdc >/dev/null 2>&1 &\n\
        [ -b /dev/sdd ] && nohup vblade -b 8 1 3 eth1 /dev/sdd &\n\
        sh -c 'vblade 1 4 eth0 /dev/sde | logger'\n\
        kvadd 2 1 eth0 /dev/sdf ro=1 offset=8 mask=02:00:00:00:00:01 offline=1 ro=1\n\
        sh -c 'echo 2 2 eth0 /dev/sdg > /sys/kvblade/add'\n\
        cat <<EOF\nvblade 9 9 eth9 /dev/z\nEOF\nkillall vblade\nexit 0\n";
    let imported = text(script).unwrap();
    assert_eq!(
        addresses(&imported),
        [
            "0.1 /dev/sdb",
            "1.2 /dev/sdc",
            "1.3 /dev/sdd",
            "1.4 /dev/sde",
            "2.1 /dev/sdf",
            "2.2 /dev/sdg"
        ]
    );
    let found = exports(&imported);
    assert!(found["e1.2"].read_only && found["e2.1"].read_only && !found["e2.1"].start.online);
    assert_eq!(
        (found["e2.1"].offset, found["e2.1"].start.mask.len()),
        (8, 1)
    );
    for told in [
        "x.conf:4: modprobe loop: not imported",
        "in the script it depends on how the command before it ends",
        "x.conf:15: exit 0: not imported",
        "killall vblade: not imported",
    ] {
        assert!(imported.contains(told), "{told} is not told:\n{imported}");
    }
    for (line, what) in [
        (
            "for i in 1 2; do vbladed 7 $i eth0 /dev/d$i; done",
            "in a loop: not understood",
        ),
        (
            "if true; then\nvbladed 7 1 eth0 /dev/d\nfi",
            "x.conf:17: vbladed 7 1 eth0 /dev/d: in a condition",
        ),
        ("start() {\n vbladed 7 1 eth0 /dev/d\n}", "in a function"),
        (
            "case $1 in\nstart)\n vbladed 7 1 eth0 /dev/d;;\nesac",
            "in a condition",
        ),
        ("vbladed 7 1 eth0 $DISK", "$DISK: not set in this file"),
        (
            "NIC=$(ip -o link); vbladed 7 1 $NIC /dev/d",
            "$NIC: not understood where it is set",
        ),
        ("vbladed 7 1 eth0 /dev/vg*/d", "a pattern of file names"),
        ("vbladed 7 eth0 /dev/d", "not SHELF SLOT INTERFACE FILE"),
        (
            "start-stop-daemon --exec vblade -- 7 1 eth0 /dev/d",
            "not understood",
        ),
        (
            "kvadd 7 1 eth0 /dev/d colour=red",
            "colour=red: not understood",
        ),
        ("kvadd 7 1 eth0", "not SHELF SLOT INTERFACE PATH"),
        (
            "printf '7 1 eth0 /dev/d' >/sys/kvblade/add",
            "not understood",
        ),
        ("$KVADD 7 1 eth0 /dev/d", "$KVADD: not set in this file"),
        ("vbladed 7 1 'eth*' /dev/d", "not a pattern"),
        ("read NIC; vbladed 7 1 $NIC /dev/d", "$NIC: not understood"),
        (
            "echo 7 1 eth0 /dev/d | tee /sys/kvblade/add",
            "tee /sys/kvblade/add: what it writes to the module is not understood",
        ),
        (
            "dd of=/sys/kvblade/add <line",
            "what it writes to the module is not understood",
        ),
    ] {
        let (imported, said) = failures(&format!("{script}{line}\n"));
        assert_eq!(addresses(&imported).len(), 6, "{line}");
        assert!(
            said.len() == 1 && said[0].contains(what),
            "{line}: {said:?}"
        );
    }
}

#[test]
fn what_the_c_module_exports() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    for (port, path) in [
        ("0.1@eth0", "/dev/sdb"),
        ("0.1@eth1", "/dev/sdb"),
        ("11.2@eth0", "/dev/vg/a b"),
    ] {
        put(&format!("{port}/bpath"), &format!("{path}\n"));
        put(
            &format!("{port}/model"),
            "EtherDrive kvblade                      \n",
        );
        put(&format!("{port}/sn"), "SN HASH:ad3f2e0b    \n");
    }
    put("add", "");
    put("del", "");
    let Imported { text, failures } = file(folder.path()).unwrap();
    assert!(
        failures.len() == 1 && failures[0].contains("path has blanks"),
        "{failures:?}"
    );
    let exports = exports(&text);
    let it = &exports["e0.1"];
    assert_eq!(interfaces(it), ["eth0", "eth1"]);
    assert_eq!(it.source, Backing::Device("/dev/sdb".into()));
    assert_eq!(it.model.as_deref(), Some("EtherDrive kvblade"));
    assert_eq!(it.serial.as_deref(), Some("SN HASH:ad3f2e0b"));
    put("error", "");
    let said = import(folder.path(), None, &super::ethers()).unwrap_err();
    assert!(said.contains("kvctl export prints it"), "{said}");
}
