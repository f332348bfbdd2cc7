// SPDX-License-Identifier: GPL-2.0

//! Warnings of what cannot be. The kernel crate's macro reads a file that not all headers have, as that
//! of a tracepoint's switch does; C needs none.

use crate::bindings;

/// Logs a warning with a trace if something is `wrong`.
pub(crate) fn warn_on(wrong: bool) {
    // SAFETY: An FFI call without further requirements, in any context.
    unsafe { bindings::kv_warn_on(wrong) };
}
