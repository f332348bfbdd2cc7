// SPDX-License-Identifier: GPL-2.0

//! A value that readers see under RCU and that a writer replaces as a whole.
//!
//! For what is read at every frame and changes only when an administrator or a NIC
//! does something.

use core::ptr;

use kernel::sync::atomic::Atomic;
use kernel::sync::atomic::Full;
use kernel::sync::rcu;

use super::once::Once;
use super::rcu_box::Node;
use super::rcu_box::RcuBox;

/// An optional boxed value, read under RCU.
///
/// # Invariants
///
/// The pointer is null or comes from `RcuBox::into_raw`, and what it points at is only freed after
/// a grace period has passed since it was replaced.
pub(crate) struct RcuCell<T> {
    pointer: Atomic<*mut Node<T>>,
}

// SAFETY: The cell owns a `T` that any thread may drop, so `T` must be `Send`.
unsafe impl<T: Send> Send for RcuCell<T> {}
// SAFETY: Threads share `&T` through the cell and may drop the `T`, so it must be both.
unsafe impl<T: Send + Sync> Sync for RcuCell<T> {}

impl<T> RcuCell<T> {
    /// An empty cell.
    pub(crate) const fn new() -> Self {
        // INVARIANT: The pointer is null.
        Self {
            pointer: Atomic::new(ptr::null_mut()),
        }
    }

    /// Whether there is no value now.
    pub(crate) fn is_empty(&self) -> bool {
        self.pointer.read_acquire().is_null()
    }

    /// The present value, which stays valid as long as the guard is held.
    pub(crate) fn read<'a>(&'a self, _guard: &'a rcu::Guard) -> Option<&'a T> {
        let pointer = self.pointer.read_acquire();
        // SAFETY: By the invariant the pointer is null or a valid node, which is not freed before
        // a grace period has passed; `_guard` holds that off for `'a`.
        unsafe { pointer.as_ref() }.map(|node| &node.value)
    }
}

impl<T: Send + 'static> RcuCell<T> {
    /// Puts `value` in place. The old one is dropped when no reader can see it any more, as by
    /// [`RcuBox::retire`]: to know that, [`wait_for_readers`](super::wait_for_readers).
    pub(crate) fn replace(&self, value: Option<RcuBox<T>>) {
        let new = value.map_or(ptr::null_mut(), RcuBox::into_raw);
        // INVARIANT: `new` is null or comes from `RcuBox::into_raw`.
        let old = self.pointer.xchg(new, Full);
        if !old.is_null() {
            // SAFETY: `old` came from `RcuBox::into_raw`, and no one can reach it by the cell any
            // more.
            unsafe { RcuBox::from_raw(old) }.retire();
        }
    }
}

impl<T> Drop for RcuCell<T> {
    fn drop(&mut self) {
        let old = self.pointer.xchg(ptr::null_mut(), Full);
        if !old.is_null() {
            // SAFETY: `old` came from `RcuBox::into_raw`, and `&mut self` shows that no reader,
            // who would borrow the cell, is left.
            drop(unsafe { RcuBox::from_raw(old) });
        }
    }
}
