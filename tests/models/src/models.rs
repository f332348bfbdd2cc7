// SPDX-License-Identifier: GPL-2.0

//! The models of `sync/`. Those of other folders are in these, where they see what is private.

pub(crate) mod cpu_workers;
pub(crate) mod inbox;
pub(crate) mod rcu_cell;
