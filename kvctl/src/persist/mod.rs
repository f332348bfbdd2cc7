// SPDX-License-Identifier: GPL-2.0

//! `kvctl persist`: keeps what clients set of exports, as soon as they do.
//!
//! Which exports these are is in the record of what `apply` has made; it is read again when that
//! changes. While `apply` is at work nothing is kept, for an export that is just being made has not
//! been given yet what was kept of it.

pub(crate) mod alive;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Read;
use std::io::Seek;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::path::PathBuf;
use std::thread;
use std::thread::JoinHandle;
use std::time::SystemTime;

use rustix::event::poll;
use rustix::event::PollFd;
use rustix::event::PollFlags;
use rustix::event::Timespec;
use rustix::fs::inotify;

use crate::claim::Held;
use crate::config;
use crate::paths::Paths;
use crate::state::record::Lock;
use crate::state::saved::file_of;
use crate::state::saved::keep;
use crate::state::Kernel;
use crate::state::Made;
use crate::state::Record;

/// How long until it is looked again at devices that others have, and tried again to keep what could
/// not be kept.
const LOOK: Timespec = Timespec {
    tv_sec: 5,
    tv_nsec: 0,
};

/// A setting of an export, with its file in sysfs.
struct Watched {
    name: String,
    made: Made,
    file: File,
}

impl Watched {
    /// From here on a change is told. Fails if the export is gone.
    fn arm(&mut self) -> io::Result<()> {
        self.file.rewind()?;
        self.file.read_to_end(&mut Vec::new())?;
        Ok(())
    }
}

/// Exports of which something could not be kept, and why, as it was told.
type Due = BTreeMap<String, String>;

/// Keeps what changes, for ever.
pub(crate) fn persist(kernel: &dyn Kernel, paths: &Paths) -> Result<(), String> {
    let _alive = alive::begin(&paths.run)?;
    let (mut asked, mut looking) = (None, None);
    loop {
        let changes = changes_of(&paths.run)
            .map_err(|error| format!("{}: cannot be watched: {error}", paths.run.display()))?;
        let (mut watched, mut due) = begin(kernel, paths)?;
        let mut wait = Wait {
            changes: &changes,
            held: Held::load(&paths.run),
            asked: &mut asked,
            looking: &mut looking,
            kernel,
            paths,
        };
        loop {
            tell(alive::tell(&paths.run, &due));
            if wait.wait(&mut watched, &mut due)? {
                break;
            }
        }
    }
}

/// Tells when a file of a folder is replaced, or the folder is gone.
fn changes_of(folder: &Path) -> io::Result<OwnedFd> {
    fs::create_dir_all(folder)?;
    let changes = inotify::init(inotify::CreateFlags::CLOEXEC)?;
    let events = inotify::WatchFlags::MOVED_TO | inotify::WatchFlags::DELETE_SELF;
    inotify::add_watch(&changes, folder, events)?;
    Ok(changes)
}

/// Opens the files of all settings that are to be kept, and keeps what they are now.
fn begin(kernel: &dyn Kernel, paths: &Paths) -> Result<(Vec<Watched>, Due), String> {
    let _lock = Lock::take(&paths.run)?;
    let (mut watched, mut due) = (Vec::new(), Due::new());
    for (name, made) in Record::load(&paths.run)?.exports {
        let Some(interface) = made.interfaces.first() else {
            continue;
        };
        let folder = paths.kvblade.join(made.address.on(interface));
        for setting in &made.persist {
            // An export that was removed by hand is not there.
            let Ok(file) = open(&folder, setting) else {
                continue;
            };
            let (name, made) = (name.clone(), made.clone());
            let mut setting = Watched { name, made, file };
            if setting.arm().is_ok() {
                watched.push(setting);
            }
        }
        keep_or_owe(&mut due, &name, || keep(kernel, &paths.lib, &name, &made));
    }
    Ok((watched, due))
}

/// Keeps what there is of an export. What cannot be kept is told once, and tried again.
fn keep_or_owe(due: &mut Due, name: &str, keep: impl FnOnce() -> Result<(), String>) {
    match keep() {
        Ok(()) => {
            if due.remove(name).is_some() {
                anstream::eprintln!("kvctl: {name}: what clients have set is kept again");
            }
        }
        Err(reason) => {
            if due.get(name) != Some(&reason) {
                anstream::eprintln!("kvctl: {reason}");
            }
            due.insert(name.to_owned(), reason);
        }
    }
}

/// Tries once more to keep what could not be kept.
fn settle(due: &mut Due, kernel: &dyn Kernel, paths: &Paths) -> Result<(), String> {
    if due.is_empty() {
        return Ok(());
    }
    let _lock = Lock::take(&paths.run)?;
    let record = Record::load(&paths.run)?;
    due.retain(|name, _| record.exports.contains_key(name));
    for (name, made) in &record.exports {
        if due.contains_key(name) {
            keep_or_owe(due, name, || keep(kernel, &paths.lib, name, made));
        }
    }
    Ok(())
}

/// Opens the file of a setting that can be read whatever clients set.
fn open(folder: &Path, setting: &str) -> io::Result<File> {
    let name = file_of(setting);
    if name == "config" {
        if let Ok(file) = File::open(folder.join("config_raw")) {
            return Ok(file);
        }
    }
    File::open(folder.join(name))
}

/// What is waited for.
struct Wait<'a> {
    changes: &'a OwnedFd,
    held: Held,
    /// What there was when a device was free and it was asked to have the configuration applied.
    asked: &'a mut Option<Stamp>,
    looking: &'a mut Option<JoinHandle<bool>>,
    kernel: &'a dyn Kernel,
    paths: &'a Paths,
}

impl Wait<'_> {
    /// Waits for a change, and keeps it. Returns whether the record has changed. Meanwhile says when a
    /// device has become free that an export waits for.
    fn wait(&mut self, watched: &mut Vec<Watched>, due: &mut Due) -> Result<bool, String> {
        let (changes, kernel, paths) = (self.changes, self.kernel, self.paths);
        let mut fds = vec![PollFd::new(changes, PollFlags::IN)];
        fds.extend(
            watched
                .iter()
                .map(|it| PollFd::new(&it.file, PollFlags::PRI)),
        );
        loop {
            let look = (!self.held.0.is_empty() || !due.is_empty()).then_some(&LOOK);
            match poll(&mut fds, look) {
                Ok(0) => {
                    self.ask();
                    settle(due, kernel, paths)?;
                    tell(alive::tell(&paths.run, due));
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(format!("cannot wait: {error}")),
                Ok(_) => break,
            }
        }
        let ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        drop(fds);
        let mut ready = ready.into_iter();
        if ready.next() == Some(true) {
            return Ok(true);
        }
        let _lock = Lock::take(&paths.run)?;
        let record = Record::load(&paths.run)?;
        watched.retain_mut(|setting| {
            if ready.next() != Some(true) {
                return true;
            }
            let there = setting.arm().is_ok();
            if there && record.exports.get(&setting.name) == Some(&setting.made) {
                let (name, made) = (&setting.name, &setting.made);
                keep_or_owe(due, name, || keep(kernel, &paths.lib, name, made));
            }
            there
        });
        Ok(false)
    }

    /// Looks whether a device is free; what comes of it is known the next time.
    fn look(&mut self) {
        let held = self.held.clone();
        *self.looking = Some(thread::spawn(move || held.is_one_free()));
    }

    /// Has the configuration applied if a device is free, once: if it has an error that does not help
    /// until someone has mended it.
    fn ask(&mut self) {
        let is_free = match self.looking.take() {
            // Of a disk or a file server that does not answer nothing is known, and nobody waits for it:
            // what clients set is to be kept meanwhile.
            Some(look) if !look.is_finished() => return *self.looking = Some(look),
            Some(look) => look.join().unwrap_or_default(),
            None => return self.look(),
        };
        self.look();
        let now = is_free.then(|| stamp(self.paths));
        if now.is_some() && now != *self.asked {
            tell(retry(self.paths));
        }
        *self.asked = now;
    }
}

/// The files that decide what is applied, with when they were changed.
type Stamp = Vec<(PathBuf, Option<SystemTime>)>;

fn stamp(paths: &Paths) -> Stamp {
    let mut files = config::files(paths).unwrap_or_default();
    files.push(Held::path(&paths.run));
    let changed = |path: &PathBuf| path.metadata().and_then(|it| it.modified()).ok();
    files
        .into_iter()
        .map(|it| {
            let changed = changed(&it);
            (it, changed)
        })
        .collect()
}

/// Has what is missing made.
fn retry(paths: &Paths) -> Result<(), String> {
    let path = &paths.hotplug;
    let made = OpenOptions::new().create(true).append(true).open(path);
    made.map(drop)
        .map_err(|error| format!("{}: {error}", path.display()))
}

/// That something cannot be kept now is no reason to end.
fn tell(result: Result<(), String>) {
    if let Err(reason) = result {
        anstream::eprintln!("kvctl: {reason}");
    }
}
