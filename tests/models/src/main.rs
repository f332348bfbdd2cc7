// SPDX-License-Identifier: GPL-2.0

//! Models of what is handed over between CPUs without a lock.
//!
//! loom runs each model in all interleavings, and lets each load see all that the orderings allow, which
//! on arm64 is more than on x86. The sources are the module's own; what they use of the kernel is in
//! `kernel`, and what they use of the rest of the module is here. Then each ordering that a source asks for is
//! made weaker, one after the other, and some model must fail.

// The sources have more than what is modelled.
#![allow(dead_code)]

use kernel::bindings;
use kvblade_wire as wire;
use kvblade_wire::aoe;
use kvblade_wire::ata;

mod models;
mod mutants;
mod shim;

#[path = "../../../sync"]
mod sync {
    mod cpu_workers;
    mod inbox;
    mod rcu_box;
    mod rcu_cell;

    use crate::shim::cpus;
    use crate::shim::once;
    use crate::shim::slab;

    pub(crate) use crate::shim::cpus::CpuHandler;
    pub(crate) use crate::shim::this_task;
    pub(crate) use crate::shim::Moment;
    pub(crate) use crate::shim::NoSoftirqs;
    pub(crate) use cpu_workers::CpuWorkers;
    pub(crate) use cpu_workers::Urgent;
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
    pub(crate) use slab::SlabBox;
}

#[path = "../../../block"]
mod block {
    mod blocks;
    mod users;

    #[path = "../tests/models/src/models/users.rs"]
    pub(crate) mod users_model;

    pub(crate) use blocks::Blocks;

    const SECTOR: usize = 512;
}

#[path = "../../../blade"]
mod blade {
    #[expect(
        unused_imports,
        reason = "of writes of parts of blocks there is no model"
    )]
    mod order;
    mod pieces;

    #[path = "fence/claims.rs"]
    mod claims;
    mod conflict;

    #[path = "../tests/models/src/models/conflict.rs"]
    pub(crate) mod conflict_model;
    #[path = "../tests/models/src/shim/exported.rs"]
    mod exported;
    #[path = "../tests/models/src/models/fence.rs"]
    pub(crate) mod fence_model;
    #[path = "../tests/models/src/models/order.rs"]
    pub(crate) mod order_model;
    #[path = "../tests/models/src/shim/port.rs"]
    mod port;
    #[path = "../tests/models/src/shim/registry.rs"]
    mod registry;
    #[path = "../tests/models/src/shim/request.rs"]
    mod request;
    #[path = "../tests/models/src/models/submitter.rs"]
    pub(crate) mod submitter_model;
    #[path = "../tests/models/src/shim/turn.rs"]
    mod turn;
}

fn main() -> std::process::ExitCode {
    use mutants::Barriers::Full;
    use mutants::Barriers::None;

    mutants::run(&[
        ("inbox", None, models::inbox::model),
        ("rcu_cell", None, models::rcu_cell::model),
        ("rcu_cell_two_writers", None, models::rcu_cell::two_writers),
        ("cpu_workers_stop", None, models::cpu_workers::stop),
        ("cpu_workers_busy", None, models::cpu_workers::busy),
        ("cpu_workers_cpu", None, models::cpu_workers::cpu_goes),
        ("users", None, block::users_model::model),
        ("two_submit", None, blade::submitter_model::two_submit),
        (
            "submitter_sleeps",
            Full,
            blade::submitter_model::submitter_sleeps,
        ),
        ("order", Full, blade::order_model::model),
        ("fence", Full, blade::fence_model::model),
        ("conflict", None, blade::conflict_model::model),
        ("conflict_again", None, blade::conflict_model::again),
    ])
}
