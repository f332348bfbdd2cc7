// SPDX-License-Identifier: GPL-2.0

//! The sentences of the latest refusals, for those who were refused.
//!
//! A write to sysfs can return an error number and nothing else. So the sentence is kept, and the
//! thread that wrote finds it in `/sys/kvblade/error`: the one of its own write, even if others
//! have been refused since.

use kernel::new_mutex;
use kernel::prelude::*;
use kernel::str::CString;
use kernel::sync::Mutex;
use kernel::task::Pid;

use crate::target::Refusal;

/// Refusals kept: as many as threads may be at it at once.
const KEPT: usize = 256;

/// The latest refusals, the newest last.
#[pin_data]
pub(super) struct Refusals {
    #[pin]
    latest: Mutex<KVec<(Pid, CString)>>,
}

impl Refusals {
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
    pub(super) fn attempt(&self, action: impl FnOnce() -> Result<(), Refusal>) -> Result {
        self.clear();
        action().map_err(|refusal| self.keep(refusal))
    }

    /// Forgets what this writer was refused before: it tries anew.
    fn clear(&self) {
        let writer = Self::writer();
        self.latest.lock().retain(|(of, _)| *of != writer);
    }

    /// Keeps the sentence for this writer, and returns the error number.
    fn keep(&self, refusal: Refusal) -> Error {
        let errno = refusal.errno();
        let mut latest = self.latest.lock();
        if latest.len() >= KEPT {
            let _ = latest.remove(0);
        }
        if let Some(sentence) = refusal.into_sentence() {
            // Without memory the error number must do.
            let _ = latest.push((Self::writer(), sentence), GFP_KERNEL);
        }
        errno
    }

    /// Shows the sentence of this writer's latest refusal, or else of anyone's.
    pub(super) fn show(&self, text: &mut impl core::fmt::Write) -> Result {
        let writer = Self::writer();
        let latest = self.latest.lock();
        let own = latest.iter().rev().find(|(of, _)| *of == writer);
        if let Some((_, sentence)) = own.or(latest.last()) {
            writeln!(text, "{}", sentence.to_str().unwrap_or_default())?;
        }
        Ok(())
    }
}
