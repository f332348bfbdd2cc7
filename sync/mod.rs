// SPDX-License-Identifier: GPL-2.0

//! Concurrency tools that the `kernel` crate does not have yet: an RCU-protected pointer, a
//! lock-free inbox, boxes from a slab cache, coarse time, an owned workqueue, and real-time threads.
//! They know nothing of AoE.

mod cpu_workers;
mod cpus;
mod inbox;
mod once;
mod rcu_box;
mod rcu_cell;
mod slab;
mod time;
mod work;

pub(crate) use cpu_workers::CpuWorkers;
pub(crate) use cpu_workers::Mark;
pub(crate) use cpu_workers::Urgent;
pub(crate) use cpus::Cpus;
pub(crate) use inbox::Fifo;
pub(crate) use inbox::Inbox;
pub(crate) use inbox::Link;
pub(crate) use inbox::Linked;
pub(crate) use once::Once;
pub(crate) use rcu_box::wait_for_readers;
pub(crate) use rcu_box::wait_for_retired;
pub(crate) use rcu_box::RcuBox;
pub(crate) use rcu_cell::RcuCell;
pub(crate) use slab::InSlab;
pub(crate) use slab::OpenSlab;
pub(crate) use slab::Slab;
pub(crate) use slab::SlabBox;
pub(crate) use slab::FROM_RESERVE;
pub(crate) use time::Moment;
pub(crate) use time::Pace;
pub(crate) use time::Stopwatch;
pub(crate) use work::flush;
pub(crate) use work::flush_delayed;
pub(crate) use work::this_task;
pub(crate) use work::wait_for_tasks;
pub(crate) use work::NoSoftirqs;
pub(crate) use work::WorkQueue;
