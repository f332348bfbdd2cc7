// SPDX-License-Identifier: GPL-2.0

//! Counting those who use something, until it is closed.
//!
//! C header: [`include/linux/completion.h`](srctree/include/linux/completion.h)

use kernel::bindings;
use kernel::prelude::*;
use kernel::sync::atomic::Atomic;
use kernel::sync::atomic::Full;
use kernel::time::msecs_to_jiffies;
use kernel::time::Msecs;
use kernel::types::Opaque;

use crate::sync::Once;

/// How far the life of what is used has come. It never goes back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It can be used.
    Open,
    /// No one is let in any more; those who use it go on.
    Closing,
    /// No one uses it, and it is closed.
    Closed,
}

/// The users of something, of whom no more are let in once it is being closed.
#[pin_data]
pub(super) struct Users {
    /// How many there are, or are about to be refused; and the flag [`Users::REFUSED`].
    count: Atomic<usize>,
    /// Completed when the flag is set and there are no users.
    #[pin]
    drained: Opaque<bindings::completion>,
}

// SAFETY: Completions may be used by any thread; the rest is atomic.
unsafe impl Send for Users {}
// SAFETY: As above.
unsafe impl Sync for Users {}

impl Users {
    /// Flag in `count`: no new users are let in.
    const REFUSED: usize = 1 << (usize::BITS - 1);

    /// No users, and the first may come.
    pub(super) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            count: Atomic::new(0),
            drained <- Opaque::ffi_init(|slot| {
                // SAFETY: `slot` is valid for writing and stays in place.
                unsafe { bindings::init_completion(slot) }
            }),
        })
    }

    /// Counts one more, unless no one is let in any more. True if it is counted: then it is to
    /// [`Users::leave`].
    #[inline]
    pub(super) fn enter(&self) -> bool {
        let is_let_in = self.count.fetch_add(1, Full) & Self::REFUSED == 0;
        if !is_let_in {
            self.leave();
        }
        is_let_in
    }

    /// Counts one less.
    #[inline]
    pub(super) fn leave(&self) {
        if self.count.fetch_sub(1, Full) == Self::REFUSED | 1 {
            self.complete();
        }
    }

    fn complete(&self) {
        // SAFETY: Initialised when this was made.
        unsafe { bindings::complete_all(self.drained.get()) };
    }

    /// How many there are.
    pub(super) fn number(&self) -> usize {
        self.count.read_once() & !Self::REFUSED
    }

    /// From here on no one is let in.
    pub(super) fn refuse(&self) {
        let mut count = self.count.read_once();
        while count & Self::REFUSED == 0 {
            match self.count.cmpxchg(count, count | Self::REFUSED, Full) {
                Ok(0) => return self.complete(),
                Ok(_) => return,
                Err(seen) => count = seen,
            }
        }
    }

    /// Whether no one is let in any more.
    pub(super) fn are_refused(&self) -> bool {
        self.count.read_once() & Self::REFUSED != 0
    }

    /// Waits until there are none, and none can come any more. Sleeps.
    ///
    /// # Errors
    ///
    /// `ETIMEDOUT` if there still are users after `wait`, or new ones are let in.
    pub(super) fn drain(&self, wait: Msecs) -> Result {
        // SAFETY: Initialised when this was made. A wait of no time still sees a completion.
        let left = unsafe {
            bindings::wait_for_completion_timeout(self.drained.get(), msecs_to_jiffies(wait).max(1))
        };
        match left {
            0 => Err(ETIMEDOUT),
            _ => Ok(()),
        }
    }
}

#[kunit_tests(kvblade_rs_users)]
mod tests {
    use super::*;

    #[test]
    fn once_refused_no_one_is_let_in() -> Result {
        let users = KBox::pin_init(Users::new(), GFP_KERNEL)?;
        assert!(users.enter() && users.enter());
        assert_eq!(users.number(), 2);
        users.leave();
        users.refuse();
        users.refuse();
        assert!(users.are_refused());
        assert!(!users.enter());
        assert_eq!(users.number(), 1);
        assert!(users.drain(0).is_err());
        users.leave();
        assert!(users.drain(0).is_ok());
        assert!(!users.enter());
        assert!(users.drain(0).is_ok());
        assert_eq!(users.number(), 0);
        Ok(())
    }

    #[test]
    fn without_users_it_is_drained_at_once() -> Result {
        let users = KBox::pin_init(Users::new(), GFP_KERNEL)?;
        assert!(users.drain(0).is_err());
        users.refuse();
        assert!(users.drain(0).is_ok());
        Ok(())
    }
}
