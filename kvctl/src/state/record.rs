// SPDX-License-Identifier: GPL-2.0

//! What kvctl remembers, until the machine's next start, of the exports that it has made: those,
//! and no others, it changes and removes.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use rustix::fs::flock;
use rustix::fs::FlockOperation;
use rustix::io::Errno;
use serde::Deserialize;
use serde::Serialize;

use super::address::Address;
use super::file;

/// The exports that kvctl has made, by their names in the configuration.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Record {
    pub(crate) exports: BTreeMap<String, Made>,
    /// Exports that were removed for now: a device that appears does not bring them back.
    #[serde(default)]
    pub(crate) removed: BTreeSet<String>,
}

/// An export that kvctl has made.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Made {
    pub(crate) address: Address,
    pub(crate) interfaces: Vec<String>,
    /// The loop device, if kvctl has set it up for this export.
    pub(crate) loop_device: Option<PathBuf>,
    /// What clients were told before the configuration said something else.
    pub(crate) model: String,
    pub(crate) serial: String,
    /// What the configuration wants in the beginning, when it was last applied: it is in force
    /// again only when the administrator changes it.
    pub(crate) start: BTreeMap<String, String>,
    /// What is kept over a restart.
    pub(crate) persist: Vec<String>,
    /// The file that it is from; none if an older kvctl has made it.
    #[serde(default)]
    pub(crate) file: Option<PathBuf>,
    /// The table of an export that is no part of the configuration: it is there for now only, and
    /// apply leaves it alone.
    #[serde(default)]
    pub(crate) table: Option<String>,
    /// The configuration says that its file is a disk, whatever it looks like.
    #[serde(default)]
    pub(crate) raw: bool,
    /// It was begun, and nothing is known of what is missing: whoever made it was killed. What there is
    /// of it is offline, and is made anew.
    #[serde(default)]
    pub(crate) unfinished: bool,
    /// What clients had set, and "online", of one that is being made anew: whoever does so may be
    /// killed when it is gone.
    #[serde(default)]
    pub(crate) clients: BTreeMap<String, String>,
}

impl Record {
    fn path(run: &Path) -> PathBuf {
        run.join("exports.json")
    }

    /// Reads it; there is none after the machine's start.
    pub(crate) fn load(run: &Path) -> Result<Self, String> {
        let path = Self::path(run);
        match file::read(&path)? {
            None => Ok(Self::default()),
            Some(text) => serde_json::from_str(&text)
                .map_err(|error| format!("{}: damaged: {error}", path.display())),
        }
    }

    /// Writes it.
    pub(crate) fn store(&self, run: &Path) -> Result<(), String> {
        let text = serde_json::to_string_pretty(self).map_err(|error| error.to_string())?;
        file::replace(&Self::path(run), &text)
    }

    /// The same with the tables that another has of exports that are for now only.
    pub(crate) fn with_tables_of(&self, other: &Self) -> Self {
        let mut same = self.clone();
        for (name, made) in &mut same.exports {
            let before = other.exports.get(name).and_then(|it| it.table.clone());
            made.table = made.table.take().or(before);
        }
        same
    }

    /// Whose the exports are.
    pub(crate) fn names(&self) -> BTreeMap<Address, &str> {
        // Of two the first is the one that stays.
        let exports = self.exports.iter().rev();
        exports
            .map(|(name, made)| (made.address, name.as_str()))
            .collect()
    }
}

/// How often it is looked whether a lock is free.
const LOOK: Duration = Duration::from_millis(20);

/// One process at a time makes changes; this lasts as long as the value.
pub(crate) struct Lock(#[expect(dead_code, reason = "closing it unlocks")] File);

impl Lock {
    /// Waits until no other process makes changes.
    pub(crate) fn take(run: &Path) -> Result<Self, String> {
        Self::named(run, "lock")
    }

    /// Waits until no other process changes the files of the configuration.
    pub(crate) fn of_files(run: &Path) -> Result<Self, String> {
        Self::named(run, "files.lock")
    }

    /// Waits until no other process changes this export.
    pub(crate) fn of_name(run: &Path, name: &str) -> Result<Self, String> {
        Self::named(&run.join("names"), &format!("{name}.lock"))
    }

    /// Like [`Lock::take`]; none as soon as the flag is set.
    pub(crate) fn take_unless(run: &Path, stop: &AtomicBool) -> Result<Option<Self>, String> {
        Self::wait(run, "lock", Some(stop))
    }

    fn named(run: &Path, name: &str) -> Result<Self, String> {
        Self::wait(run, name, None)?.ok_or_else(|| "interrupted".into())
    }

    fn wait(run: &Path, name: &str, stop: Option<&AtomicBool>) -> Result<Option<Self>, String> {
        let path = run.join(name);
        let take = || {
            fs::create_dir_all(run)?;
            let file = open(&path)?;
            let Some(stop) = stop else {
                flock(&file, FlockOperation::LockExclusive)?;
                return Ok(Some(Self(file)));
            };
            // A signal does not end the waiting of flock, for the handlers of those who set flags
            // have what was interrupted go on.
            while !stop.load(Ordering::Relaxed) {
                match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                    Ok(()) => return Ok(Some(Self(file))),
                    Err(Errno::WOULDBLOCK) => thread::sleep(LOOK),
                    Err(error) => return Err(error.into()),
                }
            }
            Ok(None)
        };
        take().map_err(|error: io::Error| format!("{}: cannot be locked: {error}", path.display()))
    }
}

/// Opens the file of a lock. Nobody else may: whoever can read it can hold the lock, and all who make
/// changes would wait for him.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).mode(0o600).open(path)?;
    if file.metadata()?.permissions().mode() & 0o777 != 0o600 {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok(file)
}
