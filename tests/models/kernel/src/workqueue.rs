// SPDX-License-Identifier: GPL-2.0

//! `kernel::workqueue`: work items, and the threads of a model that run them.
//!
//! A work item that is queued already is not queued again. As in the kernel whoever finds it so has a
//! full barrier before and after that, and there is one between the end of being queued and the run.

use std::collections::VecDeque;
use std::sync::Arc;

use loom::sync::atomic::AtomicBool;
use loom::sync::atomic::Ordering::AcqRel;
use loom::sync::atomic::Ordering::Release;
use loom::sync::Condvar;
use loom::sync::Mutex;

use crate::atomic::smp_mb;

/// What is done by a work item.
pub trait WorkItem<const ID: u64 = 0> {
    /// How it is queued.
    type Pointer;

    /// Does it.
    fn run(this: Self::Pointer);
}

/// Has the work item of this number.
pub trait HasWork<const ID: u64 = 0> {
    /// It.
    fn work(&self) -> &Work;
}

/// A work item.
pub struct Work {
    is_queued: AtomicBool,
}

impl Work {
    /// One that is not queued.
    #[expect(clippy::new_without_default, reason = "loom knows it from here on")]
    pub fn new() -> Self {
        Self {
            is_queued: AtomicBool::new(false),
        }
    }
}

type Job = Box<dyn FnOnce()>;

#[derive(Default)]
struct Jobs {
    waiting: VecDeque<Job>,
    are_over: bool,
}

loom::lazy_static! {
    static ref JOBS: Mutex<Jobs> = Mutex::new(Jobs::default());
    static ref CHANGED: Condvar = Condvar::new();
}

pub(crate) fn begin() {
    assert!(JOBS.lock().unwrap().waiting.is_empty());
    CHANGED.notify_all();
}

/// A workqueue: all are one here.
pub struct Queue;

impl Queue {
    /// Queues a work item.
    ///
    /// # Errors
    ///
    /// The same, if it is queued already.
    pub fn enqueue<T, const ID: u64>(&self, item: Arc<T>) -> Result<(), Arc<T>>
    where
        T: WorkItem<ID, Pointer = Arc<T>> + HasWork<ID> + 'static,
    {
        smp_mb();
        let was_queued = item.work().is_queued.swap(true, AcqRel);
        smp_mb();
        if was_queued {
            return Err(item);
        }
        let job = Box::new(move || {
            item.work().is_queued.store(false, Release);
            smp_mb();
            T::run(item);
        });
        JOBS.lock().unwrap().waiting.push_back(job);
        CHANGED.notify_one();
        Ok(())
    }
}

/// The workqueue of softirqs.
pub fn system_bh() -> &'static Queue {
    &Queue
}

/// Runs work items until [`finish`].
pub fn serve() {
    let mut jobs = JOBS.lock().unwrap();
    loop {
        if let Some(job) = jobs.waiting.pop_front() {
            drop(jobs);
            job();
            jobs = JOBS.lock().unwrap();
        } else if jobs.are_over {
            return;
        } else {
            jobs = CHANGED.wait(jobs).unwrap();
        }
    }
}

/// There is nothing more to come: who serves runs what is queued, and ends.
pub fn finish() {
    JOBS.lock().unwrap().are_over = true;
    CHANGED.notify_all();
}
