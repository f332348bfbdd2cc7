// SPDX-License-Identifier: GPL-2.0

//! The files of a machine that exports something, in a folder.

use std::fs;
use std::path::Path;

/// A file below the folder, with those above it.
pub(crate) fn file(root: &Path, name: &str, text: &str) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// An export, without counters. Its folder is SHELF.SLOT@INTERFACE.
pub(crate) fn export(root: &Path, folder: &str, state: &str) {
    for (name, value) in [
        ("bpath", "/dev/sda"),
        ("bdev", "8:0"),
        ("scnt", "2048"),
        ("busy", "3"),
        ("duplicates", "1"),
        ("state", state),
        ("mtu", "1500"),
        ("ro", "0"),
        ("shared", "0"),
        ("offset", "0"),
        ("length", "0"),
        ("bufcnt", "64"),
        ("mtu_max", "0"),
        ("cache", "through"),
        ("announce", "all"),
        ("log", "normal"),
        ("on_conflict", "report"),
        ("conflict_check", "10"),
        ("model", "m"),
        ("sn", "s"),
        ("wwn", ""),
        ("mask", ""),
        ("reserve", ""),
        ("access/discover", "all"),
        ("access/config", "all"),
        ("access/read", "all"),
        ("access/write", "all"),
        (
            "initiators",
            "02:00:00:00:00:0a 2 5\n02:00:00:00:00:0b 0 1\n02:00:00:00:00:0c 0 90",
        ),
        ("writers", "02:00:00:00:00:0a 5\n02:00:00:00:00:0b 1"),
        ("stats/latency", "sum 1500 0\n16 2 0\n1024 1 0\n"),
    ] {
        file(
            root,
            &format!("sys/kvblade/{folder}/{name}"),
            &format!("{value}\n"),
        );
    }
    file(root, &format!("sys/kvblade/{folder}/config_raw"), "");
}
