// SPDX-License-Identifier: GPL-2.0

//! An owned workqueue, and waiting for work to have left the module's text.

use core::ops::Deref;

use kernel::bindings as kernel_bindings;
use kernel::prelude::*;
use kernel::task::Task;
use kernel::types::NotThreadSafe;
use kernel::workqueue::DelayedWork;
use kernel::workqueue::Queue;
use kernel::workqueue::Work;

use crate::bindings;

/// A workqueue of the module's own.
///
/// # Invariants
///
/// The pointer is a valid workqueue until the value is dropped.
pub(crate) struct WorkQueue(*mut kernel_bindings::workqueue_struct);

// SAFETY: Workqueues may be used and destroyed by any thread.
unsafe impl Send for WorkQueue {}
// SAFETY: Workqueues do their own locking.
unsafe impl Sync for WorkQueue {}

impl WorkQueue {
    /// Makes a high-priority workqueue with a rescuer: requests must make progress when memory is
    /// short, since the page that is being written out may go through this target.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(name: &'static CStr) -> Result<Self> {
        Self::with_flags(name, bindings::KV_WORKQUEUE)
    }

    /// Makes a workqueue for what has time and may wait for memory, which no request must do.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn leisurely(name: &'static CStr) -> Result<Self> {
        Self::with_flags(name, bindings::KV_WORKQUEUE_LEISURE)
    }

    fn with_flags(name: &'static CStr, flags: u32) -> Result<Self> {
        // SAFETY: The format takes the one string argument that is given.
        let queue = unsafe {
            kernel_bindings::alloc_workqueue_noprof(c"%s".as_ptr().cast(), flags, 0, name.as_ptr())
        };
        if queue.is_null() {
            return Err(ENOMEM);
        }
        // INVARIANT: The kernel just made it.
        Ok(Self(queue))
    }

    /// Waits until all work that was enqueued before has ended. Sleeps.
    pub(crate) fn flush(&self) {
        // SAFETY: By the invariant the queue is valid.
        unsafe { bindings::kv_flush_queue(self.0) };
    }
}

impl Deref for WorkQueue {
    type Target = Queue;

    fn deref(&self) -> &Queue {
        // SAFETY: By the invariant the pointer is valid as long as `self`.
        unsafe { Queue::from_raw(self.0) }
    }
}

impl Drop for WorkQueue {
    fn drop(&mut self) {
        // SAFETY: The queue is valid, and no one else holds it.
        unsafe { kernel_bindings::destroy_workqueue(self.0) };
    }
}

/// While it is there this CPU handles no softirqs: what they have to do is done at once when it is
/// dropped, instead of after each step.
pub(crate) struct NoSoftirqs(NotThreadSafe);

impl NoSoftirqs {
    /// Begins to hold softirqs off. Interrupts must be enabled.
    pub(crate) fn begin() -> Self {
        // SAFETY: An FFI call; `drop` undoes it, on the same CPU, since the task cannot move.
        unsafe { bindings::kv_local_bh_disable() };
        Self(NotThreadSafe)
    }
}

impl Drop for NoSoftirqs {
    fn drop(&mut self) {
        // SAFETY: They were held off by `begin`.
        unsafe { bindings::kv_local_bh_enable() };
    }
}

/// What tells the present task from others as long as it exists. In an interrupt it is that of the
/// task interrupted.
pub(crate) fn this_task() -> usize {
    core::ptr::from_ref::<Task>(kernel::current!()) as usize
}

/// Waits until the work item is neither queued nor running. Sleeps.
pub(crate) fn flush<T: ?Sized, const ID: u64>(work: &Work<T, ID>) {
    // SAFETY: A reference to a `Work` points at an initialised work item.
    unsafe { kernel_bindings::flush_work(Work::raw_get(work)) };
}

/// Lets the work item run now if it is to run later, and waits until it has. Sleeps.
pub(crate) fn flush_delayed<T: ?Sized, const ID: u64>(work: &DelayedWork<T, ID>) {
    // SAFETY: A reference to a `DelayedWork` points at an initialised delayed work item, of which
    // `raw_as_work` gives the inner one.
    unsafe {
        let inner = Work::raw_get(DelayedWork::raw_as_work(work));
        kernel_bindings::flush_delayed_work(kernel::container_of!(
            inner,
            kernel_bindings::delayed_work,
            work
        ));
    }
}

/// Waits until every task has left the module's text, where a function that has signalled its
/// end may still be about to return. Sleeps; for the very end of unloading.
pub(crate) fn wait_for_tasks() {
    // SAFETY: An FFI call without requirements but that it may sleep.
    unsafe { bindings::kv_synchronize_rcu_tasks() };
}
