// SPDX-License-Identifier: GPL-2.0

//! Error numbers that `kernel::error::code` has only since Linux 7.3. They are the kernel's own on all.

use kernel::prelude::*;

use crate::bindings;

/// An error number, which stands where an [`Error`] does. `Error` has no constructor for constants.
#[derive(Clone, Copy)]
pub(crate) struct Errno(u32);

pub(crate) const EADDRINUSE: Errno = Errno(bindings::EADDRINUSE);
pub(crate) const EILSEQ: Errno = Errno(bindings::EILSEQ);
pub(crate) const ENODATA: Errno = Errno(bindings::ENODATA);
pub(crate) const ENOLINK: Errno = Errno(bindings::ENOLINK);
pub(crate) const EOPNOTSUPP: Errno = Errno(bindings::EOPNOTSUPP);

impl From<Errno> for Error {
    fn from(errno: Errno) -> Self {
        Self::from_errno((errno.0 as i32).wrapping_neg())
    }
}

impl PartialEq<Errno> for Error {
    fn eq(&self, other: &Errno) -> bool {
        self.to_errno() == (other.0 as i32).wrapping_neg()
    }
}
