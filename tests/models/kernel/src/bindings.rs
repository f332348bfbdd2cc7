// SPDX-License-Identifier: GPL-2.0

//! As much of the kernel's C functions as the modelled sources call: kthread workers, completions and
//! `call_rcu`. What they order is what the locks inside them order.

// They are those of C.
#![allow(missing_docs, non_camel_case_types, clippy::missing_safety_doc)]

use std::collections::VecDeque;
use std::ffi::c_char;
use std::ptr;

use loom::cell::UnsafeCell;
use loom::sync::Condvar;
use loom::sync::Mutex;
use loom::thread::JoinHandle;

/// The head of what is given to [`kv_call_rcu`].
pub struct callback_head;

pub unsafe fn kv_call_rcu(
    head: *mut callback_head,
    expired: Option<unsafe extern "C" fn(*mut callback_head)>,
) {
    let expired = expired.unwrap();
    // SAFETY: The head was given away with the function that takes it.
    crate::rcu::call(move || unsafe { expired(head) });
}

pub unsafe fn synchronize_rcu_expedited() {
    crate::rcu::synchronize();
}

pub unsafe fn rcu_barrier() {
    crate::rcu::barrier();
}

/// A work item of a kthread worker.
pub struct kthread_work {
    run: unsafe extern "C" fn(*mut kthread_work),
    made: UnsafeCell<()>,
}

/// A thread that runs what it is given.
pub struct kthread_worker {
    made: UnsafeCell<()>,
    given: Mutex<Given>,
    changed: Condvar,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Given {
    work: VecDeque<*mut kthread_work>,
    is_over: bool,
}

impl kthread_worker {
    fn serve(&self) {
        let mut given = self.given.lock().unwrap();
        loop {
            if let Some(work) = given.work.pop_front() {
                drop(given);
                // SAFETY: Whoever queued it keeps it until it has run.
                unsafe { ((*work).run)(work) };
                given = self.given.lock().unwrap();
            } else if given.is_over {
                return;
            } else {
                given = self.changed.wait(given).unwrap();
            }
        }
    }
}

pub unsafe fn kv_cpu_worker_create(_cpu: u32, _name: *const c_char) -> *mut kthread_worker {
    // Not given back: who still uses it is to be found.
    let worker: &'static kthread_worker = Box::leak(Box::new(kthread_worker {
        made: crate::watched(()),
        given: Mutex::new(Given::default()),
        changed: Condvar::new(),
        thread: Mutex::new(None),
    }));
    let thread = loom::thread::spawn(|| worker.serve());
    *worker.thread.lock().unwrap() = Some(thread);
    ptr::from_ref(worker).cast_mut()
}

pub unsafe fn kv_cpu_worker_rebind(_worker: *mut kthread_worker, _cpu: u32) {}

pub unsafe fn kv_cpu_worker_init_work(
    work: *mut kthread_work,
    run: Option<unsafe extern "C" fn(*mut kthread_work)>,
) {
    let run = run.unwrap();
    // SAFETY: The caller has room for it.
    unsafe {
        work.write(kthread_work {
            run,
            made: crate::watched(()),
        });
    }
}

pub unsafe fn kthread_queue_work(worker: *mut kthread_worker, work: *mut kthread_work) {
    // SAFETY: Workers stay, and the work is the caller's.
    let worker = unsafe {
        (*work).made.with(|_| ());
        &*worker
    };
    worker.made.with(|_| ());
    let mut given = worker.given.lock().unwrap();
    assert!(
        !given.is_over,
        "a thread that has ended is given something to do"
    );
    if !given.work.contains(&work) {
        given.work.push_back(work);
        worker.changed.notify_one();
    }
}

pub unsafe fn kthread_destroy_worker(worker: *mut kthread_worker) {
    // SAFETY: Workers stay.
    let worker = unsafe { &*worker };
    worker.given.lock().unwrap().is_over = true;
    worker.changed.notify_one();
    let thread = worker.thread.lock().unwrap().take();
    thread.unwrap().join().unwrap();
}

pub unsafe fn kv_this_cpu() -> u32 {
    0
}

/// What is waited for.
pub struct completion {
    is_done: Mutex<bool>,
    changed: Condvar,
}

pub unsafe fn init_completion(slot: *mut completion) {
    let new = completion {
        is_done: Mutex::new(false),
        changed: Condvar::new(),
    };
    // SAFETY: The caller has room for it.
    unsafe { slot.write(new) };
}

pub unsafe fn complete_all(it: *mut completion) {
    // SAFETY: It was initialised.
    let it = unsafe { &*it };
    *it.is_done.lock().unwrap() = true;
    it.changed.notify_all();
}

/// As if there were all the time that it takes.
pub unsafe fn wait_for_completion_timeout(it: *mut completion, _ticks: usize) -> usize {
    // SAFETY: It was initialised.
    let it = unsafe { &*it };
    let mut is_done = it.is_done.lock().unwrap();
    while !*is_done {
        is_done = it.changed.wait(is_done).unwrap();
    }
    1
}
