// SPDX-License-Identifier: GPL-2.0

//! A blade, as far as its workers need it. `judge.rs` and `work.rs` are the module's.

use std::cell::RefCell;

use kernel::sync::rcu;
use kernel::sync::Arc;
use kernel::sync::Mutex;
use kernel::workqueue::HasWork;
use kernel::workqueue::Queue;
use kernel::workqueue::Work;
use loom::cell::UnsafeCell;

use super::order::InflightSlots;
use super::request::Request;
use super::turn::Turns;
use crate::aoe::Mac;
use crate::sync::Inbox;
use crate::sync::Urgent;
use crate::wire::settings::OnConflict;

#[path = "../../../../blade/exported/judge.rs"]
mod judge;
#[path = "../../../../blade/exported/work.rs"]
mod work;

const SUBMIT: u64 = 0;
pub(super) const REPLY: u64 = 1;
const JUDGE: u64 = 2;
pub(super) const ASK: u64 = 3;

pub(crate) struct Blade {
    pub(super) queue: Queue,
    pub(super) prompt: Queue,
    cpu_workers: CpuWorkers,
    pub(super) slots: InflightSlots,
    pub(super) turns: Mutex<Turns>,
    stall: Stall,
    arrivals: Arrivals,
    arrived: Inbox<Request>,
    pub(super) ended: Inbox<Request>,
    pub(super) late: Inbox<Request>,
    pub(super) asked: Inbox<Request>,
    submitter: kernel::sync::atomic::Atomic<usize>,
    submit: Work,
    reply: Work,
    judge: Work,
    ask: Work,
    policy: Policy,
    /// What only the one that submits uses.
    pub(super) submission: UnsafeCell<()>,
}

// SAFETY: All threads of a model are coroutines of one.
unsafe impl Sync for Blade {}
// SAFETY: As above.
unsafe impl Send for Blade {}

impl Blade {
    pub(super) fn new() -> Arc<Self> {
        let blade = Self {
            queue: Queue,
            prompt: Queue,
            cpu_workers: CpuWorkers,
            slots: InflightSlots::new(),
            turns: Mutex::new(Turns::new()),
            stall: Stall,
            arrivals: Arrivals,
            arrived: Inbox::new(),
            ended: Inbox::new(),
            late: Inbox::new(),
            asked: Inbox::new(),
            submitter: kernel::sync::atomic::Atomic::new(0),
            submit: Work::new(),
            reply: Work::new(),
            judge: Work::new(),
            ask: Work::new(),
            policy: Policy,
            submission: UnsafeCell::new(()),
        };
        // Before there are threads loom must know of all atomics.
        for inbox in [&blade.arrived, &blade.ended, &blade.late, &blade.asked] {
            assert!(inbox.is_empty());
        }
        assert!(!blade.is_submitted_here());
        assert!(blade.slots.all_taken().next().is_none());
        blade.slots.await_release(false);
        Arc::new(blade)
    }

    pub(super) fn policy(&self) -> &Policy {
        &self.policy
    }

    pub(super) fn rival(&self) -> Option<Mac> {
        None
    }

    pub(super) fn set_rival(&self, _rival: Option<Mac>) {}

    /// Submits on this thread what has been posted by it, if there is something.
    pub(super) fn run_express() {
        if let Some(blade) = WORKER.with(|worker| worker.take()) {
            <Self as Urgent>::run(blade);
        }
    }
}

impl HasWork<SUBMIT> for Blade {
    fn work(&self) -> &Work {
        &self.submit
    }
}

impl HasWork<REPLY> for Blade {
    fn work(&self) -> &Work {
        &self.reply
    }
}

impl HasWork<JUDGE> for Blade {
    fn work(&self) -> &Work {
        &self.judge
    }
}

impl HasWork<ASK> for Blade {
    fn work(&self) -> &Work {
        &self.ask
    }
}

loom::thread_local! {
    static HAS_LANE: std::cell::Cell<bool> = std::cell::Cell::new(false);
    static WORKER: RefCell<Option<Arc<Blade>>> = RefCell::new(None);
}

/// A per-CPU worker for each thread that wants one, which is that thread itself.
pub(super) struct CpuWorkers;

impl CpuWorkers {
    /// This thread has one from here on.
    pub(super) fn begin_here() {
        HAS_LANE.with(|has| has.set(true));
    }

    fn enqueue(&self, item: Arc<Blade>, _guard: &rcu::Guard) -> Result<(), Arc<Blade>> {
        WORKER.with(|worker| worker.replace(Some(item)).map_or(Ok(()), Err))
    }
}

/// How requests come: one at a time where there is a per-CPU worker.
struct Arrivals;

impl Arrivals {
    fn begin(&self, _cpu_workers: &CpuWorkers) -> bool {
        HAS_LANE.with(|has| has.get())
    }

    fn are_latest(&self, _cpu_workers: &CpuWorkers) -> bool {
        true
    }

    fn note(&self, _count: usize, _were_latest: bool) {}
}

/// What the administrator wants.
pub(super) struct Policy;

impl Policy {
    pub(super) fn conflict_check(&self) -> u32 {
        10
    }

    pub(super) fn on_conflict(&self) -> OnConflict {
        OnConflict::Report
    }
}

/// Nothing stalls.
pub(super) struct Stall;

impl Stall {
    fn may_be_there(&self) -> bool {
        false
    }
}
