// SPDX-License-Identifier: GPL-2.0

//! `kvctl watch`: tells others when files of a running export change, as they change.

use std::fs::File;
use std::io;
use std::io::Read;
use std::io::Seek;
use std::path::Path;

use rustix::event::poll;
use rustix::event::PollFd;
use rustix::event::PollFlags;
use rustix::event::Timespec;

/// How long until it is looked whether the export is still there, of which nothing else tells.
const LOOK: Timespec = Timespec {
    tv_sec: 2,
    tv_nsec: 0,
};

/// Tells the names of files in a folder: each once to begin with, and whenever it changes after that.
/// Ends when they are gone.
pub(crate) fn watch(
    folder: &Path,
    names: &[String],
    mut tell: impl FnMut(&str) -> io::Result<()>,
) -> io::Result<()> {
    let mut watched = Vec::new();
    for name in names {
        let path = folder.join(name);
        let mut file = File::open(&path)
            .map_err(|error| io::Error::other(format!("{}: {error}", path.display())))?;
        arm(&mut file)?;
        watched.push((name, file));
    }
    for (name, _) in &watched {
        tell(name)?;
    }
    loop {
        let mut fds: Vec<_> = watched
            .iter()
            .map(|(_, file)| PollFd::new(file, PollFlags::PRI))
            .collect();
        match poll(&mut fds, Some(&LOOK)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let changed: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        drop(fds);
        for ((name, file), changed) in watched.iter_mut().zip(changed) {
            // From here on the next change is told. What cannot be read any more is gone.
            if (changed || !folder.exists()) && arm(file).is_err() {
                return Ok(());
            }
            if changed {
                tell(name)?;
            }
        }
    }
}

/// A change after this is told.
fn arm(file: &mut File) -> io::Result<()> {
    file.rewind()?;
    file.read_to_end(&mut Vec::new())?;
    Ok(())
}
