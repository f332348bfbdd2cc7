// SPDX-License-Identifier: GPL-2.0

//! Shows what the exports are and do.

pub(crate) mod counters;
mod gather;
pub(crate) mod latency;
mod list;
mod rates;
pub(crate) mod table;
mod watch;

pub(crate) use gather::describe;
pub(crate) use gather::gather;
pub(crate) use gather::Called;
pub(crate) use gather::ExportStatus;
pub(crate) use gather::Port;
pub(crate) use list::list;
pub(crate) use list::statistics;
pub(crate) use rates::Rates;
pub(crate) use watch::watch;
