// SPDX-License-Identifier: GPL-2.0

//! `kernel::sync::rcu`: readers, and waiting for them. What a reader does is before the end of a grace
//! period, or what precedes the beginning of that is before the reader.

use std::cell::Cell;
use std::cell::RefCell;

use loom::sync::Condvar;
use loom::sync::Mutex;

type Callback = Box<dyn FnOnce()>;

loom::lazy_static! {
    static ref READERS: Mutex<usize> = Mutex::new(0);
    static ref ALL_LEFT: Condvar = Condvar::new();
}

loom::thread_local! {
    static DEPTH: Cell<usize> = Cell::new(0);
    static RETIRED: RefCell<Vec<Callback>> = RefCell::new(Vec::new());
}

pub(crate) fn begin() {
    assert_eq!(*READERS.lock().unwrap(), 0);
    ALL_LEFT.notify_all();
}

/// As long as it is there this is a reader.
pub struct Guard(());

/// Begins to read.
pub fn read_lock() -> Guard {
    if change_depth(1) == 1 {
        *READERS.lock().unwrap() += 1;
    }
    Guard(())
}

impl Drop for Guard {
    fn drop(&mut self) {
        if change_depth(-1) == 0 {
            let mut readers = READERS.lock().unwrap();
            *readers -= 1;
            if *readers == 0 {
                ALL_LEFT.notify_all();
            }
        }
    }
}

fn change_depth(by: isize) -> usize {
    DEPTH.with(|depth| {
        depth.set(depth.get().wrapping_add_signed(by));
        depth.get()
    })
}

/// Waits until there are no readers.
pub fn synchronize() {
    let mut readers = READERS.lock().unwrap();
    while *readers != 0 {
        readers = ALL_LEFT.wait(readers).unwrap();
    }
}

/// Has something done after a grace period: when this thread calls [`barrier`].
pub fn call(callback: impl FnOnce() + 'static) {
    RETIRED.with(|retired| retired.borrow_mut().push(Box::new(callback)));
}

/// Waits until what this thread has given to [`call`] is done.
pub fn barrier() {
    synchronize();
    for callback in RETIRED.with(|retired| retired.take()) {
        callback();
    }
}
