// SPDX-License-Identifier: GPL-2.0

//! Where things are on this machine; for tests, below a folder of theirs.

use std::path::Path;
use std::path::PathBuf;

/// The file of kvctl's own in the folder of the configuration.
pub(crate) const OWN_FILE: &str = "kvctl.conf";

/// The files and folders that are read and written.
#[derive(Clone)]
pub(crate) struct Paths {
    /// The module's folder.
    pub(crate) kvblade: PathBuf,
    /// The interfaces.
    pub(crate) net: PathBuf,
    /// The block devices.
    pub(crate) block: PathBuf,
    pub(crate) sys: PathBuf,
    pub(crate) proc: PathBuf,
    pub(crate) config: PathBuf,
    pub(crate) config_folder: PathBuf,
    pub(crate) ethers: PathBuf,
    /// A file that is made when exports may be possible that were not before.
    pub(crate) hotplug: PathBuf,
    /// What systemd is to start, and a folder that is there if it runs.
    pub(crate) units: PathBuf,
    pub(crate) systemd: PathBuf,
    /// What holds until the next start of the machine.
    pub(crate) run: PathBuf,
    /// What holds beyond it.
    pub(crate) lib: PathBuf,
}

impl Paths {
    /// All below a root.
    pub(crate) fn under(root: &Path) -> Self {
        Self {
            kvblade: root.join("sys/kvblade"),
            net: root.join("sys/class/net"),
            block: root.join("sys/block"),
            sys: root.join("sys"),
            proc: root.join("proc"),
            config: root.join("etc/kvblade.conf"),
            config_folder: root.join("etc/kvblade.conf.d"),
            ethers: root.join("etc/ethers"),
            units: root.join("etc/systemd/system"),
            systemd: root.join("run/systemd/system"),
            hotplug: root.join("run/kvblade-hotplug"),
            run: root.join("run/kvblade"),
            lib: root.join("var/lib/kvblade"),
        }
    }
}
