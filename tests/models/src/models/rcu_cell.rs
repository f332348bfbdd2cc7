// SPDX-License-Identifier: GPL-2.0

//! The RCU cell: some read, some replace.

use std::sync::Arc;

use kernel::prelude::*;
use kernel::sync::rcu;
use kernel::watched;
use loom::cell::UnsafeCell;
use loom::thread;

use crate::sync::wait_for_retired;
use crate::sync::RcuBox;
use crate::sync::RcuCell;

/// A value that loom watches: read by many, made and ended by one.
struct Value(UnsafeCell<u32>);

// SAFETY: All threads of a model are coroutines of one.
unsafe impl Send for Value {}
// SAFETY: As above.
unsafe impl Sync for Value {}

impl Value {
    fn new(value: u32) -> RcuBox<Self> {
        RcuBox::new(Self(watched(value)), GFP_KERNEL).unwrap()
    }

    fn get(&self) -> u32 {
        self.0.with(|value| {
            // SAFETY: loom tells if another is at it.
            unsafe { *value }
        })
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        self.0.with_mut(|value| {
            // SAFETY: As above.
            unsafe { *value = 0 }
        });
    }
}

/// A reader sees the one value or the other, whole, and neither ends before it has left.
pub(crate) fn model() {
    let cell = Arc::new(RcuCell::new());
    cell.replace(Some(Value::new(1)));
    let reader = {
        let cell = cell.clone();
        thread::spawn(move || {
            let guard = rcu::read_lock();
            let value = cell.read(&guard).map(Value::get);
            assert!(matches!(value, Some(1 | 2)));
        })
    };
    cell.replace(Some(Value::new(2)));
    wait_for_retired();
    reader.join().unwrap();
}

/// Two replace a value: each ends what the other has made.
pub(crate) fn two_writers() {
    let cell = Arc::new(RcuCell::new());
    assert!(cell.is_empty());
    let other = {
        let cell = cell.clone();
        thread::spawn(move || {
            cell.replace(Some(Value::new(1)));
            wait_for_retired();
        })
    };
    cell.replace(Some(Value::new(2)));
    wait_for_retired();
    other.join().unwrap();
    assert!(!cell.is_empty());
}
