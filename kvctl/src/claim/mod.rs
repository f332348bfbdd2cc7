// SPDX-License-Identifier: GPL-2.0

//! That the disks of exports are the clients': what this machine's udev is told of them, and who
//! has one all the same.

mod held;
mod in_use;
mod named;
mod udev;

pub(crate) use held::is_held;
pub(crate) use held::Held;
pub(crate) use in_use::exports_in_use;
pub(crate) use udev::export_of_event;
