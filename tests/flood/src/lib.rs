// SPDX-License-Identifier: GPL-2.0

//! What `kvblade-flood` is made of. `socket` and `ring` know nothing of AoE.

pub mod client;
pub mod frame;
pub mod hostile;
pub mod judge;
pub mod ring;
pub mod socket;
