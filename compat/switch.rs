// SPDX-License-Identifier: GPL-2.0

//! Whether a tracepoint is on.
//!
//! The kernel crate's macro reads a file that the kernel's build makes beside the Rust metadata.
//! Headers that have the metadata only, as those of some distributions, lack it: there the counter
//! of the tracepoint's users is read instead, which is a load and a branch where else nothing is.

/// Whether `$point`, a tracepoint of this module, is on. Unsafe: it must be a static.
#[cfg(kvblade_has_static_branch)]
macro_rules! is_on {
    ($point:path) => {
        kernel::jump_label::static_branch_unlikely!($point, $crate::bindings::tracepoint, key)
    };
}

/// Whether `$point`, a tracepoint of this module, is on. Unsafe: it must be a static.
#[cfg(not(kvblade_has_static_branch))]
macro_rules! is_on {
    ($point:path) => {
        $crate::bindings::static_key_count((&raw const $point.key).cast_mut().cast()) > 0
    };
}

pub(crate) use is_on;
