// SPDX-License-Identifier: GPL-2.0

//! Whether this machine lives on a device: that one is not the clients', whatever the configuration
//! says. To take it from the machine would be to keep it from its next start.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::named::named;
use super::udev::line;
use super::udev::number;
use crate::paths::Paths;

/// How many devices are made of one another at most.
const DEEPEST: usize = 16;

/// The exports whose device is in use by this machine itself.
pub(crate) fn exports_in_use(paths: &Paths) -> Vec<String> {
    let is_own = |path: &Path| {
        let folder = |number| paths.sys.join("dev/block").join(number);
        number(path).is_some_and(|number| is_in_use(paths, &folder(number)))
    };
    let named = named(paths).into_iter();
    named
        .filter_map(|(name, path)| is_own(&path).then_some(name))
        .collect()
}

/// Whether the device of a folder of sysfs, a partition of it, or what is made of them is mounted or
/// used as swap.
pub(super) fn is_in_use(paths: &Paths, folder: &Path) -> bool {
    let used = used(paths);
    let mut found = BTreeSet::new();
    collect(folder, DEEPEST, &mut found);
    !found.is_disjoint(&used)
}

/// A file of the kernel's. Names in it may have any bytes.
fn text(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}

/// The numbers of what is mounted. File systems over several disks have a number of their own, so
/// that only the source tells.
fn used(paths: &Paths) -> BTreeSet<String> {
    let mounts = text(&paths.proc.join("self/mountinfo"));
    let swaps = text(&paths.proc.join("swaps"));
    let mounted = mounts.lines().flat_map(|mount| {
        let source = mount
            .split_once(" - ")
            .and_then(|(_, rest)| rest.split(' ').nth(1));
        let by_source = source.and_then(|source| number(Path::new(source)));
        mount
            .split(' ')
            .nth(2)
            .map(str::to_owned)
            .into_iter()
            .chain(by_source)
    });
    let swapped = swaps
        .lines()
        .filter_map(|swap| number(Path::new(swap.split(' ').next()?)));
    mounted.chain(swapped).collect()
}

/// The numbers of a device, its partitions, and what is made of them.
fn collect(folder: &Path, depth: usize, found: &mut BTreeSet<String>) {
    found.extend(line(&folder.join("dev")));
    if depth == 0 {
        return;
    }
    let entries = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
    let parts = entries(folder).filter(|entry| entry.path().join("partition").exists());
    for part in parts.chain(entries(&folder.join("holders"))) {
        collect(&part.path(), depth - 1, found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
        23 1 254:1 / / rw,noatime shared:1 - ext4 /dev/mapper/root rw\n\
        24 23 0:5 / /dev rw shared:2 - devtmpfs dev rw\n";

    /// A disk with a partition of which a device is made, with this number.
    fn disk(number: &str) -> (tempfile::TempDir, Paths) {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("sys/disk");
        let write = |name: &str, text: &str| {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("sys/disk/dev", "8:0\n");
        write("sys/disk/part/dev", "8:1\n");
        write("sys/disk/part/partition", "1\n");
        write("sys/dm/dev", &format!("{number}\n"));
        write("proc/self/mountinfo", MOUNTS);
        fs::create_dir_all(folder.join("part/holders")).unwrap();
        std::os::unix::fs::symlink("../../../dm", folder.join("part/holders/dm")).unwrap();
        let paths = Paths::under(root.path());
        (root, paths)
    }

    #[test]
    fn the_disk_of_the_root_file_system() {
        let (root, paths) = disk("254:1");
        for folder in ["sys/disk", "sys/disk/part", "sys/dm"] {
            assert!(is_in_use(&paths, &root.path().join(folder)), "{folder}");
        }
    }

    #[test]
    fn a_mount_point_with_an_odd_name_hides_no_other() {
        let (root, paths) = disk("254:1");
        let mut mounts = b"22 23 0:9 / /mnt/caf\xe9 rw - tmpfs none rw\n".to_vec();
        mounts.extend(MOUNTS.as_bytes());
        fs::write(paths.proc.join("self/mountinfo"), mounts).unwrap();
        assert!(is_in_use(&paths, &root.path().join("sys/disk")));
    }

    #[test]
    fn a_disk_for_others() {
        let (root, paths) = disk("254:2");
        assert!(!is_in_use(&paths, &root.path().join("sys/disk")));
        assert!(!is_in_use(&paths, &root.path().join("sys/nothing")));
    }
}
