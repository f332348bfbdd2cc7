// SPDX-License-Identifier: GPL-2.0

//! `kvctl udev`: what udev's rule asks of each block device that appears.
//!
//! Whether the device is one that the configuration names, or is a partition of one. It is asked
//! before symbolic links to the device are made, so that the names that it is going to have count.

use std::env;
use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;

use rustix::fs::major;
use rustix::fs::minor;

use super::in_use::is_in_use;
use super::named::named;
use super::named::Named;
use crate::paths::Paths;

/// What udev says of a device.
struct Event {
    /// Its folder in sysfs.
    folder: PathBuf,
    /// The device, and the links to it.
    names: Vec<PathBuf>,
    /// `MAJOR:MINOR` of the device, and of the disk that it is a partition of.
    numbers: Vec<String>,
    /// The file that a loop device shows.
    file: Option<PathBuf>,
}

/// The name of the export that the device of this event belongs to, by the environment.
pub(crate) fn export_of_event(paths: &Paths) -> Option<String> {
    let event = Event::new(paths, |name| env::var(name).ok());
    let export = event.export(&named(paths))?;
    (!is_in_use(paths, &event.folder)).then_some(export)
}

impl Event {
    /// The event that udev's variables tell of.
    fn new(paths: &Paths, variable: impl Fn(&str) -> Option<String>) -> Self {
        let text = |name| variable(name).unwrap_or_default();
        let (node, links, folder) = (text("DEVNAME"), text("DEVLINKS"), text("DEVPATH"));
        let folder = paths.sys.join(folder.trim_start_matches('/'));
        let mut numbers = vec![format!("{}:{}", text("MAJOR"), text("MINOR"))];
        if variable("DEVTYPE").as_deref() == Some("partition") {
            numbers.extend(line(&folder.join("../dev")));
        }
        Self {
            names: links
                .split_whitespace()
                .chain([node.as_str()])
                .map(PathBuf::from)
                .collect(),
            numbers,
            file: line(&folder.join("loop/backing_file")).map(PathBuf::from),
            folder,
        }
    }

    fn export(&self, named: &[Named]) -> Option<String> {
        let is_this = |path: &Path| {
            self.names.iter().any(|name| name == path)
                || number(path).is_some_and(|number| self.numbers.contains(&number))
                || self.file.is_some() && fs::canonicalize(path).ok() == self.file
        };
        let (name, _) = named.iter().find(|(_, path)| is_this(path))?;
        Some(name.clone())
    }
}

/// A file of sysfs.
pub(super) fn line(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.trim_end_matches('\n').to_owned())
}

/// The number of a block device that is there already.
pub(super) fn number(path: &Path) -> Option<String> {
    let metadata = fs::metadata(path).ok()?;
    let number = metadata.rdev();
    let is_device = metadata.file_type().is_block_device();
    is_device.then(|| format!("{}:{}", major(number), minor(number)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(path: &Path) -> [Named; 1] {
        [("disk".to_owned(), path.to_owned())]
    }

    fn event(root: &Path, variables: &[(&str, &str)]) -> Event {
        Event::new(&Paths::under(root), |name| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| value.to_string())
        })
    }

    #[test]
    fn by_the_names_that_it_is_going_to_have() {
        let variables = [
            ("DEVNAME", "/dev/sdq"),
            ("DEVLINKS", "/dev/disk/by-id/x /dev/disk/by-path/y"),
            ("MAJOR", "8"),
            ("MINOR", "250"),
        ];
        let event = event(Path::new("/nowhere"), &variables);
        for path in ["/dev/sdq", "/dev/disk/by-id/x", "/dev/disk/by-path/y"] {
            assert_eq!(event.export(&named(Path::new(path))).unwrap(), "disk");
        }
        for path in ["/dev/sdq1", "/dev/disk/by-id/", "/dev/null"] {
            assert_eq!(event.export(&named(Path::new(path))), None);
        }
    }

    #[test]
    fn a_loop_device_by_its_file() {
        let root = tempfile::tempdir().unwrap();
        let (file, folder) = (root.path().join("file"), root.path().join("sys/d/loop"));
        fs::create_dir_all(&folder).unwrap();
        fs::write(&file, "").unwrap();
        fs::write(folder.join("backing_file"), format!("{}\n", file.display())).unwrap();
        let event = event(root.path(), &[("DEVPATH", "/d"), ("DEVNAME", "/dev/loop9")]);
        assert_eq!(event.export(&named(&file)).unwrap(), "disk");
        assert_eq!(event.export(&named(&root.path().join("other"))), None);
    }

    #[test]
    fn a_partition_by_the_number_of_its_disk() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("sys/d/d1");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("../dev"), "7:9\n").unwrap();
        let of = |kind| event(root.path(), &[("DEVPATH", "/d/d1"), ("DEVTYPE", kind)]).numbers;
        assert_eq!(of("partition"), [":", "7:9"]);
        assert_eq!(of("disk"), [":"]);
    }
}
