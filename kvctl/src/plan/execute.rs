// SPDX-License-Identifier: GPL-2.0

//! Does what is planned: all removals, then the rest, each with many exports at a time, since the
//! module asks for a second on the segment whether an address is free.

use std::path::Path;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::sync::Mutex;
use std::thread;

use kvblade_wire::settings::Mode;
use kvblade_wire::settings::Tunable;

use super::diff::CLIENTS;
use super::host::Machine;
use super::job::Backing;
use super::job::Job;
use super::job::Making;
use super::job::Removal;
use crate::state::kernel::set;
use crate::state::saved::excludes;
use crate::state::saved::file_of;
use crate::state::Kernel;
use crate::state::Made;
use crate::state::Record;

/// How many exports are worked on at the same time: they wait, most of the time.
const AT_ONCE: usize = 128;

/// Does the jobs, and notes in the record what there is then. Returns what could not be done, by
/// the name of the export. `before_removal` is called with each that is about to go. Once
/// `interrupted` is set no further job is begun; what was removed to be made anew still is.
/// `before_making` is called with the record when all have gone that are to go.
pub(crate) fn execute(
    jobs: &[Job],
    kernel: &dyn Kernel,
    machine: &dyn Machine,
    record: &Mutex<Record>,
    interrupted: &AtomicBool,
    before_removal: impl Fn(&str, &Made) -> Result<(), String> + Sync,
    before_making: impl FnOnce(&Record),
) -> Vec<(String, String)> {
    let failures = Mutex::new(Vec::new());
    let fail = |job: &Job, reason: String| held(&failures).push((job.name.clone(), reason));
    let is_left_out = |job: &Job| {
        let stop = interrupted.load(Ordering::Relaxed);
        if stop {
            fail(job, "not done: interrupted".to_owned());
        }
        stop
    };
    each(jobs, |job| {
        let Some(removal) = &job.removal else {
            return;
        };
        if is_left_out(job) {
            return;
        }
        // Not to be able to keep what clients have set is no reason to leave the export.
        if let Err(reason) = before_removal(&job.name, &removal.made) {
            fail(job, reason);
        }
        let path = removal.interfaces.first().and_then(|interface| {
            let file = format!("{}/bpath", removal.address.on(interface));
            kernel.read(&file).ok()
        });
        match remove(removal, kernel, machine) {
            Ok(()) => {
                held(record).exports.remove(&job.name);
                if let (Some(path), None) = (path, &job.making) {
                    machine.refresh(Path::new(&path));
                }
            }
            Err(reason) => fail(job, reason),
        }
    });
    before_making(&held(record));
    let stuck: Vec<String> = held(record).exports.keys().cloned().collect();
    each(jobs, |job| {
        if job.removal.is_some() && stuck.contains(&job.name) {
            return;
        }
        let Some(made) = job.made.clone() else {
            return;
        };
        if job.removal.is_none() && !job.is_done() && is_left_out(job) {
            return;
        }
        let worker = Worker {
            job,
            kernel,
            machine,
        };
        let (made, trouble) = worker.work(made);
        for reason in trouble {
            fail(job, reason);
        }
        if let Some(made) = made {
            held(record).exports.insert(job.name.clone(), made);
        }
    });
    note_served(machine, &held(record));
    let mut failures = held(&failures).split_off(0);
    failures.sort();
    failures
}

/// Remembers which files are exported by loop devices of ours.
fn note_served(machine: &dyn Machine, record: &Record) {
    let exports = record.exports.values();
    let devices: Vec<&PathBuf> = exports.filter_map(|it| it.loop_device.as_ref()).collect();
    if devices.is_empty() {
        return;
    }
    let loops = machine.loops();
    let files = devices.iter().filter_map(|device| loops.get(*device));
    machine.note_served(&files.map(PathBuf::as_path).collect());
}

/// Calls `work` for each job, for many at a time.
fn each(jobs: &[Job], work: impl Fn(&Job) + Sync) {
    let queue = Mutex::new(jobs.iter());
    thread::scope(|scope| {
        for _ in 0..jobs.len().min(AT_ONCE) {
            scope.spawn(|| loop {
                let next = held(&queue).next();
                match next {
                    Some(job) => work(job),
                    None => break,
                }
            });
        }
    });
}

/// What a mutex guards; a thread that has panicked leaves it as it is.
fn held<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn remove(removal: &Removal, kernel: &dyn Kernel, machine: &dyn Machine) -> Result<(), String> {
    let (shelf, slot) = (removal.address.shelf, removal.address.slot);
    for interface in &removal.interfaces {
        kernel.write("del", &format!("{shelf} {slot} {interface}"))?;
    }
    match &removal.loop_device {
        Some(device) => machine.release_loop(device),
        None => Ok(()),
    }
}

/// The setting that clients may change and that has this file.
fn client_setting(file: &str) -> Option<&'static str> {
    CLIENTS.into_iter().find(|setting| file_of(setting) == file)
}

/// Does one job, but for removals.
struct Worker<'a> {
    job: &'a Job,
    kernel: &'a dyn Kernel,
    machine: &'a dyn Machine,
}

impl Worker<'_> {
    /// Returns what there is of the export then, and what could not be done.
    fn work(&self, mut made: Made) -> (Option<Made>, Vec<String>) {
        let path = match &self.job.making {
            Some(making) => match self.make(making, &mut made) {
                Ok(path) => path,
                Err(reason) => return (None, vec![reason]),
            },
            None => self.read(&made, "bpath"),
        };
        let mut trouble = Vec::new();
        let mut is_safe = true;
        if let Some(device) = &self.job.resize {
            trouble.extend(self.machine.resize_loop(device).err());
        }
        if self.job.making.is_none() {
            trouble.extend(self.change_all(&mut made));
        } else {
            (trouble, is_safe) = self.set_clients(&mut made);
        }
        // Settings are the export's, whatever the interface: nobody has to be refused on the first while
        // the others still ask for the address.
        let is_new = self.job.making.is_some();
        if is_new && is_safe {
            trouble.extend(self.switch(&mut made));
        }
        let absent = self.add_all(&mut made, &path);
        trouble.extend(absent);
        for interface in &self.job.drops {
            let (shelf, slot) = (made.address.shelf, made.address.slot);
            let removed = self
                .kernel
                .write("del", &format!("{shelf} {slot} {interface}"));
            if let Err(reason) = removed {
                trouble.push(reason);
                made.interfaces.push(interface.clone());
            }
        }
        if !is_new {
            trouble.extend(self.switch(&mut made));
        }
        (Some(made), trouble)
    }

    /// Makes the export, offline, with all that the administrator wants from the beginning.
    fn make(&self, making: &Making, made: &mut Made) -> Result<String, String> {
        let path = match &making.backing {
            Backing::Device(path) => path.clone(),
            Backing::File(file, read_only) => {
                let device = self.machine.make_loop(file, *read_only)?;
                made.loop_device = Some(device.clone());
                device
            }
        };
        let path = path.display().to_string();
        let begun = self
            .add(made, &self.job.anchor, &path, " offline=1")
            .and_then(|()| {
                made.model = self.read(made, "model");
                made.serial = self.read(made, "sn");
                self.set_all(made).inspect_err(|_| {
                    let (shelf, slot) = (made.address.shelf, made.address.slot);
                    let interface = &self.job.anchor;
                    let _ = self
                        .kernel
                        .write("del", &format!("{shelf} {slot} {interface}"));
                })
            });
        if begun.is_err() {
            if let Some(device) = made.loop_device.as_ref() {
                let _ = self.machine.release_loop(device);
            }
        }
        begun.map(|()| {
            self.machine.refresh(Path::new(&path));
            path
        })
    }

    fn add(&self, made: &Made, interface: &str, path: &str, more: &str) -> Result<(), String> {
        let (shelf, slot) = (made.address.shelf, made.address.slot);
        let (options, force) = match &self.job.making {
            Some(making) => (making.options.clone(), making.force),
            None => (self.options(made), false),
        };
        let force = if force { " force=1" } else { "" };
        let line = format!("{shelf} {slot} {interface} {path} {options}{more}{force}");
        self.kernel.write("add", &line).map_err(|reason| {
            let busy = reason.starts_with(&format!("{path}: device is busy"));
            let user = busy.then(|| self.machine.user_of(Path::new(path)));
            user.flatten()
                .map_or(reason, |user| format!("{path}: busy, {user}"))
        })
    }

    /// The options of an export that there is: another interface must have the same. An older module
    /// does not have all of them.
    fn options(&self, made: &Made) -> String {
        let mode = Mode::ALL.into_iter().map(Mode::row);
        mode.chain(Tunable::ALL.into_iter().map(Tunable::row))
            .filter_map(|row| {
                let value = self.kernel.read(&self.file(made, row.file)).ok()?;
                Some(format!("{}={value}", row.add))
            })
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn set(&self, made: &Made, file: &str, value: &str) -> Result<(), String> {
        set(self.kernel, &made.address.on(&self.job.anchor), file, value)
    }

    fn set_all(&self, made: &Made) -> Result<(), String> {
        let sets = self.job.sets.iter();
        sets.filter(|(file, _)| client_setting(file).is_none())
            .try_for_each(|(file, value)| self.set(made, file, value))
    }

    /// Gives a new export what clients have set, which never keeps it away. Returns what could not
    /// be set, and whether it may go online all the same: not if that kept someone away.
    fn set_clients(&self, made: &mut Made) -> (Vec<String>, bool) {
        let mut trouble = Vec::new();
        let mut is_safe = true;
        for (file, value) in &self.job.sets {
            let Some(setting) = client_setting(file) else {
                continue;
            };
            if let Err(reason) = self.set(made, file, value) {
                is_safe &= !excludes(setting);
                let offline = if excludes(setting) {
                    format!(": offline until kvctl online {}", self.job.name)
                } else {
                    String::new()
                };
                trouble.push(format!("{reason}{offline}"));
                made.start.remove(setting);
            }
        }
        (trouble, is_safe)
    }

    /// Changes what runs. What cannot be set is not remembered, so that it is tried again.
    fn change_all(&self, made: &mut Made) -> Vec<String> {
        let mut trouble = Vec::new();
        for (file, value) in &self.job.sets {
            if let Err(reason) = self.set(made, file, value) {
                trouble.push(reason);
                client_setting(file).map(|setting| made.start.remove(setting));
            }
        }
        trouble
    }

    /// Adds the other interfaces; those that cannot be are not remembered.
    fn add_all(&self, made: &mut Made, path: &str) -> Vec<String> {
        let mut trouble = Vec::new();
        for interface in &self.job.adds {
            if let Err(reason) = self.add(made, interface, path, "") {
                made.interfaces.retain(|it| it != interface);
                trouble.push(reason);
            }
        }
        trouble
    }

    /// Puts it online or offline. If that cannot be, why, and it is not remembered.
    fn switch(&self, made: &mut Made) -> Option<String> {
        // What has just been added has been asked for on the segment already.
        let word = match (self.job.online, &self.job.making) {
            (Some(true), Some(_)) => "online force=1",
            (Some(true), None) => "online",
            (Some(false), None) => "offline",
            (Some(false), Some(_)) | (None, _) => return None,
        };
        let reason = self.kernel.write(&self.file(made, "state"), word).err()?;
        made.start.remove("online");
        Some(reason)
    }

    /// A file of the export.
    fn file(&self, made: &Made, name: &str) -> String {
        format!("{}/{name}", made.address.on(&self.job.anchor))
    }

    fn read(&self, made: &Made, name: &str) -> String {
        self.kernel.read(&self.file(made, name)).unwrap_or_default()
    }
}
