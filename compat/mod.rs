// SPDX-License-Identifier: GPL-2.0

//! What differs between the kernels that the module is built for, and nothing else.
//!
//! What a kernel has is told by what it has, not by its number: `Kbuild` looks, and sets a `cfg` that
//! begins with `kvblade_has_`. Where one way is right for all kernels, there is nothing to choose.

mod errno;
mod switch;
mod warning;

pub(crate) use errno::EADDRINUSE;
pub(crate) use errno::EILSEQ;
pub(crate) use errno::ENODATA;
pub(crate) use errno::ENOLINK;
pub(crate) use errno::EOPNOTSUPP;
pub(crate) use switch::is_on;
pub(crate) use warning::warn_on;
