// SPDX-License-Identifier: GPL-2.0

//! Files that kvctl has exported, remembered beyond the machine's next start: what is in them has been
//! written by clients since, and tells nothing of what they are.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;

use serde::Deserialize;
use serde::Serialize;

use super::file;

/// The files, by their paths.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(transparent)]
pub(crate) struct Served(BTreeMap<PathBuf, Identity>);

/// Which file it was. A client can change neither; whoever puts another file there, or writes an image
/// over it, changes one of them.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
struct Identity {
    inode: u64,
    size: u64,
}

impl Identity {
    fn of(file: &Path) -> Option<Self> {
        let metadata = fs::metadata(file).ok()?;
        Some(Self {
            inode: metadata.ino(),
            size: metadata.len(),
        })
    }
}

impl Served {
    fn path(lib: &Path) -> PathBuf {
        lib.join("files.toml")
    }

    /// Those that were served so far.
    pub(crate) fn load(lib: &Path) -> Result<Self, String> {
        let path = Self::path(lib);
        match file::read(&path)? {
            None => Ok(Self::default()),
            Some(text) => toml::from_str(&text)
                .map_err(|error| format!("{}: damaged: {}", path.display(), error.message())),
        }
    }

    /// Whether this very file was served.
    pub(crate) fn has(&self, file: &Path) -> bool {
        let now = Identity::of(file);
        now.is_some() && self.0.get(file) == now.as_ref()
    }

    /// Remembers those that are served now, as they are now.
    pub(crate) fn note<'a>(
        lib: &Path,
        files: impl IntoIterator<Item = &'a Path>,
    ) -> Result<(), String> {
        let now = files
            .into_iter()
            .filter_map(|file| Some((file.to_owned(), Identity::of(file)?)));
        let now: BTreeMap<_, _> = now.collect();
        if now.is_empty() {
            return Ok(());
        }
        // What is damaged is of no use; the files that are served now are known again.
        let before = Self::load(lib).unwrap_or_default();
        let mut after = before.clone();
        after.0.extend(now);
        if after == before {
            return Ok(());
        }
        let text = toml::to_string(&after).map_err(|error| error.to_string())?;
        file::replace(&Self::path(lib), &text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_as_long_as_it_is_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let lib = folder.path().join("lib");
        let image = folder.path().join("an image");
        fs::write(&image, [0; 512]).unwrap();
        let known = || Served::load(&lib).unwrap().has(&image);
        assert!(!known());
        Served::note(&lib, []).unwrap();
        assert!(!lib.exists());
        Served::note(&lib, [image.as_path(), Path::new("/nothing/there")]).unwrap();
        assert!(known());
        // What clients write changes neither.
        fs::write(&image, [b'Q'; 512]).unwrap();
        assert!(known());
        fs::write(&image, [0; 1024]).unwrap();
        assert!(!known());
        Served::note(&lib, [image.as_path()]).unwrap();
        assert!(known());
        let other = folder.path().join("other");
        fs::write(&other, [0; 1024]).unwrap();
        fs::rename(&other, &image).unwrap();
        assert!(!known());
    }

    #[test]
    fn what_is_damaged_is_told_and_replaced() {
        let lib = tempfile::tempdir().unwrap();
        let image = lib.path().join("image");
        fs::write(&image, "").unwrap();
        fs::write(Served::path(lib.path()), "{").unwrap();
        assert!(Served::load(lib.path()).unwrap_err().contains("damaged"));
        Served::note(lib.path(), [image.as_path()]).unwrap();
        assert!(Served::load(lib.path()).unwrap().has(&image));
    }
}
