// SPDX-License-Identifier: GPL-2.0

//! Why the administrator cannot have what he asked for.

use kernel::prelude::*;
use kernel::str::CString;

/// A refusal: an error number for the program that asked, and a sentence for the person, which
/// names the operand and the cause.
pub(crate) struct Refusal {
    errno: Error,
    sentence: Option<CString>,
}

impl Refusal {
    /// A refusal with a sentence made by `fmt!`. Without memory for the sentence it has none.
    pub(crate) fn new(errno: Error, sentence: core::fmt::Arguments<'_>) -> Self {
        Self {
            errno,
            sentence: CString::try_from_fmt(sentence).ok(),
        }
    }

    /// The error number.
    pub(crate) fn errno(&self) -> Error {
        self.errno
    }

    /// The sentence, without a full stop.
    pub(crate) fn into_sentence(self) -> Option<CString> {
        self.sentence
    }
}

impl From<Error> for Refusal {
    fn from(errno: Error) -> Self {
        Self {
            errno,
            sentence: None,
        }
    }
}

impl From<kernel::alloc::AllocError> for Refusal {
    fn from(_: kernel::alloc::AllocError) -> Self {
        Self::new(ENOMEM, format_args!("the kernel is out of memory"))
    }
}
