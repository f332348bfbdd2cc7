// SPDX-License-Identifier: GPL-2.0

//! Whether what clients set is kept, for those who ask: without it all seems well until the machine's
//! next start.

use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;

use rustix::fs::flock;
use rustix::fs::FlockOperation;
use rustix::io::Errno;

use super::Due;
use crate::state::file;

/// Beside what `persist` itself watches.
fn folder(run: &Path) -> PathBuf {
    run.join("persist")
}

/// Beside the folder: nobody would be told that this has gone as long as a file in it is open.
fn lock(run: &Path) -> PathBuf {
    run.with_file_name("kvblade-persist.lock")
}

fn owed_file(run: &Path) -> PathBuf {
    folder(run).join("owed.json")
}

/// As long as the value lasts, what clients set is kept.
pub(crate) fn begin(run: &Path) -> Result<File, String> {
    let begin = || {
        fs::create_dir_all(run)?;
        let mut options = OpenOptions::new();
        let options = options.write(true).create(true).mode(0o600);
        options.open(looks(run))?;
        let file = options.open(lock(run))?;
        // Of several each keeps it.
        flock(&file, FlockOperation::LockShared)?;
        Ok(file)
    };
    begin().map_err(|error: io::Error| format!("{}: {error}", lock(run).display()))
}

fn looks(run: &Path) -> PathBuf {
    run.with_file_name("kvblade-persist.look")
}

/// One at a time looks whether it is kept, as long as the value lasts: who looks has the lock for a moment,
/// and another would take him for one who keeps it.
///
/// A service that may write nothing can have it too: who keeps it has made the file.
fn look(run: &Path) -> io::Result<File> {
    let file = File::open(looks(run))?;
    flock(&file, FlockOperation::LockExclusive)?;
    Ok(file)
}

/// Whether someone keeps it. Who may not look is not alarmed.
pub(crate) fn is_kept(run: &Path) -> bool {
    let _look = look(run);
    match File::open(lock(run)) {
        Ok(file) => {
            flock(&file, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK)
        }
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

/// Notes of which exports it cannot be kept, and why.
pub(super) fn tell(run: &Path, due: &Due) -> Result<(), String> {
    if *due == owed(run) {
        return Ok(());
    }
    let text = serde_json::to_string_pretty(due).map_err(|error| error.to_string())?;
    fs::create_dir_all(folder(run)).map_err(|error| error.to_string())?;
    file::replace_soon(&owed_file(run), &text)
}

/// Of which exports it cannot be kept, and why.
pub(crate) fn owed(run: &Path) -> Due {
    let text = file::read(&owed_file(run)).ok().flatten();
    let owed = text.and_then(|text| serde_json::from_str(&text).ok());
    owed.unwrap_or_default()
}
