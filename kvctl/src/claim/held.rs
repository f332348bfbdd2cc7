// SPDX-License-Identifier: GPL-2.0

//! The devices that are configured and that someone else has, or that are not there, as a file of a file
//! system that is mounted later: they cannot be exported now.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;

use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::state::file;

/// The devices, by the names of their exports; kept until the next start of the machine.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Held(pub(crate) BTreeMap<String, PathBuf>);

impl Held {
    /// Where they are kept.
    pub(crate) fn path(run: &Path) -> PathBuf {
        run.join("held.json")
    }

    /// Reads them. What cannot be read is nothing.
    pub(crate) fn load(run: &Path) -> Self {
        let text = file::read(&Self::path(run)).ok().flatten();
        Self(
            text.and_then(|text| serde_json::from_str(&text).ok())
                .unwrap_or_default(),
        )
    }

    /// Writes them.
    pub(crate) fn store(&self, run: &Path) -> Result<(), String> {
        let text = serde_json::to_string_pretty(&self.0).map_err(|error| error.to_string())?;
        file::replace(&Self::path(run), &text)
    }

    /// Whether one of them is free now.
    pub(crate) fn is_one_free(&self) -> bool {
        self.0.values().any(|path| path.exists() && !is_held(path))
    }
}

/// Whether someone has the device for himself.
pub(crate) fn is_held(path: &Path) -> bool {
    let exclusive = i32::try_from(OFlags::EXCL.bits()).unwrap_or_default();
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(exclusive)
        .open(path);
    opened.is_err_and(|error| error.raw_os_error() == Some(Errno::BUSY.raw_os_error()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_kept() {
        let run = tempfile::tempdir().unwrap();
        assert_eq!(Held::load(run.path()), Held::default());
        let held = Held([("disk".to_owned(), PathBuf::from("/dev/sdq"))].into());
        held.store(run.path()).unwrap();
        assert_eq!(Held::load(run.path()), held);
        assert!(!held.is_one_free(), "it is not there");
    }

    #[test]
    fn a_file_is_free() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(!is_held(file.path()));
        assert!(Held([("disk".to_owned(), file.path().to_owned())].into()).is_one_free());
    }
}
