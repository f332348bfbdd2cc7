// SPDX-License-Identifier: GPL-2.0

//! The machine, as far as exports need it: interfaces, block devices, loop devices.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;

use rustix::fs::major;
use rustix::fs::minor;
use serde::Deserialize;

use super::cards::natures;
use super::cards::Nature;
use super::image;
use crate::paths::Paths;
use crate::state::served::Served;

/// The type of Ethernet interfaces in sysfs, ARPHRD_ETHER.
const ETHERNET: &str = "1";

/// Bytes in a sector.
const SECTOR: u64 = 512;

/// An event that says of itself that it comes from here, so that nothing is applied because of it.
const REFRESH: &str = "change 1dc8d0fc-6b0f-4c4b-a0f5-3a1f1a6f0c2e KVBLADE=1";

/// What is asked of the machine. Tests have one of their own.
pub(crate) trait Machine: Sync {
    /// The Ethernet interfaces, and what each is.
    fn interfaces(&self) -> BTreeMap<String, Nature>;

    /// Whether a MACsec interface takes only what is authenticated, and does not take it again.
    fn is_strict(&self, macsec: &str) -> bool;

    /// The interface that takes the frames of this one, as a bridge does those of its ports.
    fn taker(&self, interface: &str) -> Option<String>;

    /// The own name of an interface that goes by this name too.
    fn own_name(&self, alternative: &str) -> Option<String>;

    /// The number of a block device, `MAJOR:MINOR`.
    fn device(&self, path: &Path) -> Result<String, String>;

    /// A regular file, without symbolic links.
    fn regular_file(&self, path: &Path) -> Result<PathBuf, String>;

    /// Why a file is no disk, but an image in a format of its own; `None` if it is one, or was exported
    /// before: then clients have written what is in it.
    fn is_no_disk(&self, file: &Path) -> Option<String>;

    /// Remembers that these files are exported.
    fn note_served(&self, files: &BTreeSet<&Path>);

    /// The loop devices that show a whole file, and the files: of one file there may be several.
    fn loops(&self) -> BTreeMap<PathBuf, PathBuf>;

    /// Sets up a loop device for a file.
    fn make_loop(&self, file: &Path, read_only: bool) -> Result<PathBuf, String>;

    /// Whether a loop device shows less of its file than there is, or more.
    fn has_other_size(&self, device: &Path, file: &Path) -> bool;

    /// Has a loop device take the size of its file over.
    fn resize_loop(&self, device: &Path) -> Result<(), String>;

    /// Takes it down.
    fn release_loop(&self, device: &Path) -> Result<(), String>;

    /// By whom a device is used that cannot be had, as a sentence goes on after "busy".
    fn user_of(&self, path: &Path) -> Option<String>;

    /// Has udev look at a device and its partitions again: from now on it is the clients', or is not any more.
    fn refresh(&self, path: &Path);
}

/// The machine that this runs on.
pub(crate) struct Host(pub(crate) Paths);

impl Host {
    /// What sysfs has of a block device.
    fn about(&self, device: &Path) -> PathBuf {
        self.0.block.join(device.file_name().unwrap_or_default())
    }

    /// Whether a loop device passes its file's page cache by.
    fn is_direct(&self, device: &Path) -> bool {
        let told = fs::read_to_string(self.about(device).join("loop/dio"));
        told.is_ok_and(|text| text.trim_end() == "1")
    }
}

impl Machine for Host {
    fn interfaces(&self) -> BTreeMap<String, Nature> {
        let ethernet = |path: &Path| {
            fs::read_to_string(path.join("type")).is_ok_and(|text| text.trim_end() == ETHERNET)
        };
        let entries = fs::read_dir(&self.0.net).into_iter().flatten().flatten();
        let names = entries
            .filter(|entry| ethernet(&entry.path()))
            .filter_map(|entry| entry.file_name().into_string().ok());
        natures(&self.0.net, names.collect(), kinds)
    }

    fn is_strict(&self, macsec: &str) -> bool {
        let mut command = Command::new("ip");
        let told = run(command.args(["-details", "link", "show", "dev", macsec]));
        is_strict(&told.unwrap_or_default())
    }

    fn taker(&self, interface: &str) -> Option<String> {
        let master = fs::canonicalize(self.0.net.join(interface).join("master")).ok()?;
        let about = fs::read_to_string(master.join("uevent")).unwrap_or_default();
        // These leave the frames of what they are made of to others.
        let takes = !["DEVTYPE=vrf", "DEVTYPE=batadv"]
            .iter()
            .any(|it| about.contains(it));
        takes.then(|| master.file_name()?.to_str().map(str::to_owned))?
    }

    fn own_name(&self, alternative: &str) -> Option<String> {
        let mut links = links(&["dev", alternative]).into_iter();
        links.next().map(|link| link.ifname)
    }

    fn device(&self, path: &Path) -> Result<String, String> {
        let metadata = fs::metadata(path).map_err(|error| not_there(path, &error))?;
        if metadata.is_file() {
            let path = path.display();
            return Err(format!(
                "{path}: a file, not a block device; give it as file = \"{path}\""
            ));
        }
        if !metadata.file_type().is_block_device() {
            return Err(format!("{}: not a block device", path.display()));
        }
        let number = metadata.rdev();
        Ok(format!("{}:{}", major(number), minor(number)))
    }

    fn regular_file(&self, path: &Path) -> Result<PathBuf, String> {
        let path = fs::canonicalize(path).map_err(|error| not_there(path, &error))?;
        if path.is_file() {
            Ok(path)
        } else {
            Err(format!("{}: not a regular file", path.display()))
        }
    }

    fn is_no_disk(&self, file: &Path) -> Option<String> {
        match image::format_of(file) {
            Ok(None) => None,
            Ok(Some(format)) => match Served::load(&self.0.lib) {
                Ok(served) if served.has(file) => None,
                Ok(_) => Some(image::refusal(file, format)),
                Err(reason) => Some(format!("{} ({reason})", image::refusal(file, format))),
            },
            Err(error) => Some(not_there(file, &error)),
        }
    }

    fn note_served(&self, files: &BTreeSet<&Path>) {
        if let Err(reason) = Served::note(&self.0.lib, files.iter().copied()) {
            anstream::eprintln!(
                "note: {reason}; if clients write there what looks like an image in a format, a file is \
                 refused after the next start without format = \"raw\""
            );
        }
    }

    fn loops(&self) -> BTreeMap<PathBuf, PathBuf> {
        let entries = fs::read_dir(&self.0.block).into_iter().flatten().flatten();
        entries
            .filter_map(|entry| {
                let value = |name: &str| fs::read_to_string(entry.path().join("loop").join(name));
                let file = value("backing_file").ok()?;
                let whole = |name| value(name).is_ok_and(|text| text.trim_end() == "0");
                let device = Path::new("/dev").join(entry.file_name());
                (whole("offset") && whole("sizelimit"))
                    .then(|| (device, PathBuf::from(file.trim_end_matches('\n'))))
            })
            .collect()
    }

    fn make_loop(&self, file: &Path, read_only: bool) -> Result<PathBuf, String> {
        let make = |how: &[&str]| {
            let mut command = Command::new("losetup");
            command.args(["--find", "--show"]).args(how);
            if read_only {
                command.arg("--read-only");
            }
            let output = output_of(command.arg("--").arg(file))?;
            // Versions differ in whether they set the device up before they fail for want of direct I/O.
            match String::from_utf8_lossy(&output.stdout).trim_end() {
                "" => Err(reason_of(&command, &output)),
                device => Ok(PathBuf::from(device)),
            }
        };
        let device = make(&["--direct-io=on"]).or_else(|_| make(&[]))?;
        if !self.is_direct(&device) {
            anstream::eprintln!(
                "note: {}: by the page cache, since its file system takes no direct I/O",
                file.display()
            );
        }
        Ok(device)
    }

    fn has_other_size(&self, device: &Path, file: &Path) -> bool {
        let sectors = fs::read_to_string(self.about(device).join("size")).ok();
        let sectors = sectors.and_then(|text| text.trim_end().parse::<u64>().ok());
        let bytes = fs::metadata(file).map(|metadata| metadata.len());
        matches!((sectors, bytes), (Some(sectors), Ok(bytes)) if sectors != bytes / SECTOR)
    }

    fn resize_loop(&self, device: &Path) -> Result<(), String> {
        run(Command::new("losetup").arg("--set-capacity").arg(device)).map(|_| ())
    }

    fn release_loop(&self, device: &Path) -> Result<(), String> {
        if !self.about(device).join("loop").exists() {
            // Someone was faster.
            return Ok(());
        }
        run(Command::new("losetup").arg("--detach").arg(device)).map(|_| ())
    }

    fn user_of(&self, path: &Path) -> Option<String> {
        let said = run(Command::new("kvadd").arg("--used-by").arg(path)).ok()?;
        let said = said.trim_end();
        (!said.is_empty()).then(|| said.to_owned())
    }

    fn refresh(&self, path: &Path) {
        let Ok(number) = self.device(path) else {
            return;
        };
        let folder = self.0.sys.join("dev/block").join(number);
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
        let partitions = entries.map(|it| it.path());
        let partitions = partitions.filter(|it| it.join("partition").exists());
        // A partition is what its disk is.
        for folder in std::iter::once(folder.clone()).chain(partitions) {
            // Without udev nobody has to know.
            let _ = fs::write(folder.join("uevent"), REFRESH);
        }
    }
}

/// What `ip -json -details link` says of an interface.
#[derive(Deserialize)]
struct Link {
    ifname: String,
    #[serde(default)]
    linkinfo: LinkInfo,
}

#[derive(Default, Deserialize)]
struct LinkInfo {
    info_kind: Option<String>,
}

/// Whether a MACsec interface is strict, by what `ip -details link` says of it. Not all versions say
/// these as JSON.
fn is_strict(told: &str) -> bool {
    let words: Vec<&str> = told.split_whitespace().collect();
    let has = |pair: [&str; 2]| words.windows(2).any(|found| found == pair);
    has(["validate", "strict"]) && has(["replay", "on"])
}

/// Some interfaces, or all. Without the program there are none.
fn links(which: &[&str]) -> Vec<Link> {
    let mut command = Command::new("ip");
    let output = run(command
        .args(["-json", "-details", "link", "show"])
        .args(which));
    let links = output
        .ok()
        .and_then(|text| serde_json::from_str(&text).ok());
    links.unwrap_or_default()
}

/// The kinds of all interfaces that are no cards.
fn kinds() -> BTreeMap<String, String> {
    let kind = |link: Link| Some((link.ifname, link.linkinfo.info_kind?));
    links(&[]).into_iter().filter_map(kind).collect()
}

fn not_there(path: &Path, error: &io::Error) -> String {
    let path = path.display();
    match error.kind() {
        io::ErrorKind::NotFound => format!("{path}: not there"),
        _ => format!("{path}: {error}"),
    }
}

/// Runs a program; the first line of what it says when it fails is the reason.
fn run(command: &mut Command) -> Result<String, String> {
    let output = output_of(command)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(reason_of(command, &output))
}

/// Runs a program, which may fail.
fn output_of(command: &mut Command) -> Result<Output, String> {
    let output = command.output();
    output.map_err(|error| format!("{}: {error}", command.get_program().to_string_lossy()))
}

/// Why a program has failed.
fn reason_of(command: &Command, output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    let program = command.get_program().to_string_lossy();
    said.lines().next().unwrap_or(&program).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_strict() {
        let told = |validate: &str, replay: &str| {
            format!(
                "7: macsec0@eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1468 state UP\n    macsec \
                 sci 0200000000010001 protect on cipher GCM-AES-128 icvlen 16 encodingsa 0 \
                 validate {validate} encrypt on send_sci on end_station off scb off replay \
                 {replay} window 32\n"
            )
        };
        assert!(is_strict(&told("strict", "on")));
        assert!(!is_strict(&told("strict", "off")));
        assert!(!is_strict(&told("check", "on")));
        assert!(!is_strict(""));
    }
}
