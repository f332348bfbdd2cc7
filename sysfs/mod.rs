// SPDX-License-Identifier: GPL-2.0

//! The control plane: `/sys/kvblade`, its attributes, and the arguments written to them.
//!
//! [`kobject`] is the safe interface to the kernel's objects; the rest is policy without unsafe
//! code.

mod access;
mod arguments;
mod config;
mod control;
mod export;
#[expect(unsafe_code)]
mod kobject;
mod last_errors;
mod latency;
mod policy;
mod stats;

pub(crate) use control::Control;
