// SPDX-License-Identifier: GPL-2.0

//! Bindings to the kernel's C side: those of the `kernel` crate, and the few that it lacks,
//! generated at build time from `bindings/kvblade.h`. Items generated here win over the crate's.
//!
//! Only `net/`, `block/`, `sync/`, `trace/`, `compat/` and `sysfs/kobject.rs` with its folder may use this module.

// Bindgen writes names, types and documentation as C has them.
#![allow(
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    dead_code,
    improper_ctypes,
    missing_docs,
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    unreachable_pub,
    unsafe_op_in_unsafe_fn
)]

pub(crate) use kernel::bindings::*;
use kernel::ffi;
use pin_init::MaybeZeroable;

include!(concat!(env!("KVBLADE_OBJ"), "/bindings/generated.rs"));
