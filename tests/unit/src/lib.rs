// SPDX-License-Identifier: GPL-2.0

//! The wire formats of kvblade_rs, compiled for the host: the very files that the kernel module is
//! made of, so that its tests need no kernel.

#![no_std]

#[path = "../../../target/access.rs"]
pub mod access;
#[path = "../../../aoe/mod.rs"]
pub mod aoe;
#[path = "../../../ata/mod.rs"]
pub mod ata;
#[path = "../../../target/rules.rs"]
pub mod rules;
