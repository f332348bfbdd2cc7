// SPDX-License-Identifier: GPL-2.0

//! The parts of the load generator.

pub mod load;
pub mod mark;
pub mod socket;
