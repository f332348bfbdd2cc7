// SPDX-License-Identifier: GPL-2.0

//! A module and a machine that only pretend.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Mutex;

use kvblade_wire::aoe::ConfigString;
use kvblade_wire::settings::Tunable;

use crate::plan::cards::Nature;
use crate::plan::host::Machine;
use crate::state::Address;
use crate::state::Kernel;

/// The files of each export, and all that was written.
#[derive(Default)]
pub(crate) struct World {
    files: Mutex<BTreeMap<String, BTreeMap<String, String>>>,
    written: Mutex<Vec<String>>,
    pub(crate) missing: BTreeSet<PathBuf>,
    /// A device that someone else has.
    pub(crate) held: Option<&'static Path>,
    refreshed: Mutex<BTreeSet<PathBuf>>,
    /// A setting that cannot be written, or `del`.
    pub(crate) refused: Option<&'static str>,
    /// Whoever has written this file is killed.
    pub(crate) deadly: Option<&'static str>,
    /// Options that a module of before does not know, and the files that it does not have.
    pub(crate) unknown: Vec<&'static str>,
    /// The numbers of devices that have others than their names.
    pub(crate) numbers: BTreeMap<&'static str, &'static str>,
    pub(crate) interfaces: Vec<&'static str>,
    /// Interfaces that are no cards.
    pub(crate) natures: BTreeMap<&'static str, Nature>,
    /// Those that take nothing without a key.
    pub(crate) strict: BTreeSet<&'static str>,
    /// Interfaces that are parts of others, and alternative names.
    pub(crate) takers: BTreeMap<&'static str, &'static str>,
    pub(crate) alternatives: BTreeMap<&'static str, &'static str>,
    loops: Mutex<BTreeMap<PathBuf, PathBuf>>,
    /// Files that look like images in a format, and those that were exported.
    pub(crate) images: Mutex<BTreeSet<PathBuf>>,
    served: Mutex<BTreeSet<PathBuf>>,
    /// Files that have grown since their loop devices were set up.
    pub(crate) grown: Mutex<BTreeSet<PathBuf>>,
}

impl World {
    /// Someone else sets up this loop device.
    pub(crate) fn loops_of(&self, device: &str, file: &str) {
        self.loops
            .lock()
            .unwrap()
            .insert(device.into(), file.into());
    }

    pub(crate) fn new() -> Self {
        Self {
            interfaces: vec!["eth0", "eth1"],
            ..Self::default()
        }
    }

    pub(crate) fn add(&self, line: &str) -> Result<(), String> {
        let words: Vec<&str> = line.split(' ').collect();
        let folder = format!("{}.{}@{}", words[0], words[1], words[2]);
        let number = self.device(Path::new(words[3]))?;
        let mut files: BTreeMap<String, String> = [
            ("state", "up"),
            ("model", "kvblade_rs"),
            ("sn", "made up"),
            ("wwn", ""),
            ("config", ""),
            ("mask", ""),
            ("reserve", ""),
            ("access/discover", "all"),
            ("access/config", "all"),
            ("access/read", "all"),
            ("access/write", "all"),
            ("bpath", words[3]),
            ("bdev", &number),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        for row in Tunable::ALL.into_iter().map(Tunable::row) {
            if !self.unknown.contains(&row.add) {
                let usual = row.form.shown(row.default).to_string();
                files.insert(row.file.into(), usual);
            }
        }
        for word in &words[4..] {
            let (key, value) = word.split_once('=').unwrap();
            if self.unknown.contains(&key) {
                return Err(format!("option {word}: no such option"));
            }
            match key {
                "mtu" => files.insert("mtu_max".into(), value.into()),
                "offline" => files.insert("state".into(), "offline".into()),
                _ => files.insert(key.into(), value.into()),
            };
        }
        let mut all = self.files.lock().unwrap();
        if all.insert(folder.clone(), files).is_some() {
            return Err(format!("{folder}: address in use"));
        }
        Ok(())
    }

    pub(crate) fn value(&self, file: &str) -> String {
        self.read(file).unwrap()
    }

    /// The device of an export is taken away.
    pub(crate) fn lose(&self, folder: &str) {
        let mut files = self.files.lock().unwrap();
        let files = files.get_mut(folder).unwrap();
        files.insert("state".into(), "down: device is gone".into());
    }

    pub(crate) fn folders(&self) -> Vec<String> {
        self.files.lock().unwrap().keys().cloned().collect()
    }

    /// The devices that udev was to look at again.
    pub(crate) fn take_refreshed(&self) -> Vec<String> {
        let refreshed = std::mem::take(&mut *self.refreshed.lock().unwrap());
        refreshed
            .iter()
            .map(|it| it.display().to_string())
            .collect()
    }

    pub(crate) fn take_written(&self) -> Vec<String> {
        let mut written = self.written.lock().unwrap().split_off(0);
        written.sort();
        written
    }
}

impl Kernel for World {
    fn ports(&self) -> Result<Vec<(Address, String)>, String> {
        let port = |folder: &String| {
            let (address, interface) = folder.split_once('@').unwrap();
            (address.parse().unwrap(), interface.to_owned())
        };
        Ok(self.files.lock().unwrap().keys().map(port).collect())
    }

    fn read(&self, file: &str) -> io::Result<String> {
        let (folder, name) = file.split_once('/').unwrap();
        let files = self.files.lock().unwrap();
        let value = files.get(folder).and_then(|files| files.get(name));
        value.cloned().ok_or(io::ErrorKind::NotFound.into())
    }

    fn read_bytes(&self, file: &str) -> io::Result<Vec<u8>> {
        let file = file.strip_suffix("_raw").unwrap();
        let string = ConfigString::from_escaped(self.read(file)?.as_bytes()).unwrap();
        Ok(string.as_bytes().to_vec())
    }

    fn write_bytes(&self, file: &str, bytes: &[u8]) -> Result<(), String> {
        let mut string = ConfigString::new();
        assert!(string.set(bytes));
        self.write(file.strip_suffix("_raw").unwrap(), &string.to_string())
    }

    fn write(&self, file: &str, value: &str) -> Result<(), String> {
        self.written
            .lock()
            .unwrap()
            .push(format!("{file}: {value}"));
        let written = self.take(file, value);
        assert_ne!(self.deadly, Some(file), "killed");
        written
    }
}

impl World {
    /// Does what was written.
    fn take(&self, file: &str, value: &str) -> Result<(), String> {
        match file.split_once('/') {
            None if file == "add" => match value.split(' ').nth(3) {
                Some(path) if self.held == Some(Path::new(path)) => {
                    Err(format!("{path}: device is busy: it is mounted"))
                }
                _ => self.add(value),
            },
            None if self.refused == Some(file) => Err(format!("{file}: refused")),
            None => {
                let words: Vec<&str> = value.split(' ').collect();
                let folder = format!("{}.{}@{}", words[0], words[1], words[2]);
                self.files.lock().unwrap().remove(&folder).unwrap();
                Ok(())
            }
            Some((_, name)) if self.refused == Some(name) => Err(format!("{name}: refused")),
            Some((folder, name)) => {
                let value = if name == "state" {
                    if value.starts_with("online") {
                        "up"
                    } else {
                        "offline"
                    }
                } else {
                    value
                };
                let mut files = self.files.lock().unwrap();
                let files = files.get_mut(folder).ok_or("not exported")?;
                files.insert(name.into(), value.into());
                Ok(())
            }
        }
    }
}

impl Machine for World {
    fn interfaces(&self) -> BTreeMap<String, Nature> {
        let nature = |name: &&str| {
            let nature = self.natures.get(name).cloned().unwrap_or_default();
            (name.to_string(), nature)
        };
        self.interfaces.iter().map(nature).collect()
    }

    fn is_strict(&self, macsec: &str) -> bool {
        self.strict.contains(macsec)
    }

    fn taker(&self, interface: &str) -> Option<String> {
        self.takers.get(interface).map(ToString::to_string)
    }

    fn own_name(&self, alternative: &str) -> Option<String> {
        self.alternatives.get(alternative).map(ToString::to_string)
    }

    fn device(&self, path: &Path) -> Result<String, String> {
        if self.missing.contains(path) {
            return Err(format!("{}: not there", path.display()));
        }
        let path = path.display().to_string();
        Ok(self
            .numbers
            .get(&*path)
            .map_or(path.clone(), ToString::to_string))
    }

    fn regular_file(&self, path: &Path) -> Result<PathBuf, String> {
        Ok(path.to_owned())
    }

    fn is_no_disk(&self, file: &Path) -> Option<String> {
        let is_served = self.served.lock().unwrap().contains(file);
        let looks_so = self.images.lock().unwrap().contains(file);
        (looks_so && !is_served).then(|| format!("{}: an image", file.display()))
    }

    fn note_served(&self, files: &BTreeSet<&Path>) {
        let files = files.iter().map(|file| file.to_path_buf());
        self.served.lock().unwrap().extend(files);
    }

    fn loops(&self) -> BTreeMap<PathBuf, PathBuf> {
        self.loops.lock().unwrap().clone()
    }

    fn make_loop(&self, file: &Path, _read_only: bool) -> Result<PathBuf, String> {
        let mut loops = self.loops.lock().unwrap();
        let device = PathBuf::from(format!("/dev/loop{}", loops.len()));
        loops.insert(device.clone(), file.to_owned());
        Ok(device)
    }

    fn has_other_size(&self, _device: &Path, file: &Path) -> bool {
        self.grown.lock().unwrap().contains(file)
    }

    fn resize_loop(&self, device: &Path) -> Result<(), String> {
        let line = format!("resize {}", device.display());
        self.written.lock().unwrap().push(line);
        self.grown.lock().unwrap().clear();
        Ok(())
    }

    fn release_loop(&self, device: &Path) -> Result<(), String> {
        self.loops.lock().unwrap().remove(device);
        Ok(())
    }

    fn user_of(&self, path: &Path) -> Option<String> {
        (self.held == Some(path)).then(|| "used by md0".into())
    }

    fn refresh(&self, path: &Path) {
        self.refreshed.lock().unwrap().insert(path.to_owned());
    }
}
