// SPDX-License-Identifier: GPL-2.0

//! Files that are either as they were or as they are to be, whatever happens meanwhile.

use std::fs;
use std::fs::File;
use std::fs::Permissions;
use std::io;
use std::io::Write;
use std::os::unix::fs::fchown;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::NamedTempFile;

/// Replaces a file, and makes its folder if that is missing. It is on the disk when this returns.
pub(crate) fn replace(path: &Path, text: &str) -> Result<(), String> {
    replace_with(path, text, None)
}

/// The same for a file that everybody may read, or as many as may read it now; it stays that of the
/// same user and group.
pub(crate) fn replace_readable(path: &Path, text: &str) -> Result<(), String> {
    let now = fs::metadata(path).ok();
    let permissions = now
        .as_ref()
        .map_or_else(|| Permissions::from_mode(0o644), fs::Metadata::permissions);
    replace_with(path, text, Some((permissions, now)))
}

/// Replaces a file by one that everybody may read. It need not outlast a crash.
pub(crate) fn replace_soon(path: &Path, text: &str) -> Result<(), String> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let write = || -> io::Result<()> {
        let mut file = NamedTempFile::new_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.as_file()
            .set_permissions(Permissions::from_mode(0o644))?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(|error| format!("{}: cannot be written: {error}", path.display()))
}

fn replace_with(
    path: &Path,
    text: &str,
    rights: Option<(Permissions, Option<fs::Metadata>)>,
) -> Result<(), String> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let write = || -> io::Result<()> {
        fs::create_dir_all(folder)?;
        let mut file = NamedTempFile::new_in(folder)?;
        file.write_all(text.as_bytes())?;
        if let Some((permissions, before)) = rights {
            let own = file.as_file().metadata()?;
            if let Some(it) = before.filter(|it| (it.uid(), it.gid()) != (own.uid(), own.gid())) {
                fchown(file.as_file(), Some(it.uid()), Some(it.gid()))?;
            }
            file.as_file().set_permissions(permissions)?;
        }
        file.as_file().sync_all()?;
        file.persist(path)?;
        File::open(folder)?.sync_all()
    };
    write().map_err(|error| format!("{}: cannot be written: {error}", path.display()))
}

/// The text of a file, if there is one.
pub(crate) fn read(path: &Path) -> Result<Option<String>, String> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}
