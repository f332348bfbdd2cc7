// SPDX-License-Identifier: GPL-2.0

//! What the module and the programs of the host share: the wire formats, and the rules by which
//! initiators are judged.
//!
//! Nothing here knows of the kernel. The module compiles these files as a part of itself; on the
//! host they are a library of their own, which kvctl, the fuzzers and its tests (`tests/`) use.

#![forbid(unsafe_code)]

pub mod access;
pub mod aoe;
pub mod ata;
pub mod counters;
pub mod decide;
pub mod interface;
pub mod rules;
pub mod settings;
pub mod state;
