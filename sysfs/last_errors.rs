// SPDX-License-Identifier: GPL-2.0

//! The sentences of the latest last errors, for those who were refused.
//!
//! A write to sysfs can return an error number and nothing else. So the sentence is kept, and the
//! thread that wrote finds it in `/sys/kvblade/error`: the one of its own write, even if others
//! have been refused since.

use kernel::new_mutex;
use kernel::prelude::*;
use kernel::str::CString;
use kernel::sync::Mutex;
use kernel::task::Pid;

use super::kobject::LONGEST;
use crate::blade::ControlError;

/// LastErrors kept: as many as threads may be at it at once.
const KEPT: usize = 256;

/// What a sentence can have, with a newline after it.
const ROOM: usize = LONGEST - 1;

/// The latest last errors, the newest last.
#[pin_data]
pub(super) struct LastErrors {
    #[pin]
    latest: Mutex<KVec<(Pid, CString)>>,
}

impl LastErrors {
    /// None yet.
    pub(super) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            latest <- new_mutex!(KVec::new()),
        })
    }

    fn writer() -> Pid {
        kernel::current!().pid()
    }

    /// Does what the writer asks for, or keeps the sentence why not.
    pub(super) fn attempt(&self, action: impl FnOnce() -> Result<(), ControlError>) -> Result {
        self.clear();
        action().map_err(|control_error| self.keep(control_error))
    }

    /// Refuses what fills a page: it may be a part of what is being written, and the rest comes as
    /// a write of its own, unless the writer heeds this error.
    pub(super) fn too_long(&self) -> Error {
        self.keep(ControlError::new(
            E2BIG,
            format_args!("nothing was done: a write can have {LONGEST} bytes at most"),
        ))
    }

    /// Forgets what this writer was refused before: it tries anew.
    fn clear(&self) {
        let writer = Self::writer();
        self.latest.lock().retain(|(of, _)| *of != writer);
    }

    /// Keeps the sentence for this writer, and returns the error number.
    fn keep(&self, control_error: ControlError) -> Error {
        let errno = control_error.errno();
        let mut latest = self.latest.lock();
        if latest.len() >= KEPT {
            let _ = latest.remove(0);
        }
        if let Some(sentence) = control_error.into_sentence() {
            // Without memory the error number must do.
            let _ = latest.push((Self::writer(), sentence), GFP_KERNEL);
        }
        errno
    }

    /// Shows the sentence of this writer's latest error, or else of anyone's.
    pub(super) fn show(&self, text: &mut impl core::fmt::Write) -> Result {
        let writer = Self::writer();
        let latest = self.latest.lock();
        let own = latest.iter().rev().find(|(of, _)| *of == writer);
        if let Some((_, sentence)) = own.or(latest.last()) {
            let parts = fit(sentence.to_str().unwrap_or_default(), ROOM);
            for character in parts.into_iter().flat_map(str::chars) {
                // What was written may have any, and a sentence is one line.
                let is_plain = !character.is_control();
                text.write_char(if is_plain { character } else { '?' })?;
            }
            text.write_char('\n')?;
        }
        Ok(())
    }
}

/// Divides a sentence so that it fits: without its middle, if it is too long. Where it begins it
/// names what was written, and where it ends it tells the cause.
fn fit(sentence: &str, room: usize) -> [&str; 3] {
    const LEFT_OUT: &str = " ... ";
    if sentence.len() <= room {
        return [sentence, "", ""];
    }
    let half = room.saturating_sub(LEFT_OUT.len()) / 2;
    let begin = (0..=half).rev().find_map(|end| sentence.get(..end));
    let from = sentence.len().saturating_sub(half);
    let end = (from..=sentence.len()).find_map(|begin| sentence.get(begin..));
    [begin.unwrap_or_default(), LEFT_OUT, end.unwrap_or_default()]
}

#[kunit_tests(kvblade_rs_last_errors)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_whole() {
        assert!(fit("", 0) == ["", "", ""]);
        assert!(fit("twelve bytes", 12) == ["twelve bytes", "", ""]);
    }

    #[test]
    fn the_middle_is_left_out() {
        assert!(fit("twelve bytes", 11) == ["twe", " ... ", "tes"]);
        assert!(fit("twelve bytes", 5) == ["", " ... ", ""]);
        assert!(fit("twelve bytes", 0) == ["", " ... ", ""]);
        // Characters of two bytes stay whole.
        assert!(fit("\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}", 11) == ["\u{e4}", " ... ", "\u{e4}"]);
    }

    #[test]
    fn it_never_has_more_than_there_is_room_for() {
        let sentence = "\u{20ac}a\u{e4}bc\u{1f600}de\u{20ac}\u{20ac}a\u{1f600}";
        for room in 5..sentence.len() {
            assert!(fit(sentence, room).map(str::len).iter().sum::<usize>() <= room);
        }
    }
}
