// SPDX-License-Identifier: GPL-2.0

//! What is dropped when no reader under RCU can see it any more, without anyone's waiting for that.
//!
//! C header: [`include/linux/rcupdate.h`](srctree/include/linux/rcupdate.h)

use core::mem;
use core::ops::Deref;
use core::ptr::NonNull;

use kernel::alloc::AllocError;
use kernel::alloc::Flags;
use kernel::prelude::*;
use kernel::types::Opaque;

use crate::bindings;

/// A value, with what RCU needs to have it dropped.
#[repr(C)]
#[pin_data]
pub(super) struct Node<T> {
    head: Opaque<bindings::callback_head>,
    #[pin]
    pub(super) value: T,
}

/// A box that readers under RCU may come to see. As any other, dropping it drops what is in it at
/// once; [`RcuBox::retire`] does so when they have left.
///
/// # Invariants
///
/// The pointer comes from `KBox::into_raw`, and this value owns it.
pub(crate) struct RcuBox<T>(NonNull<Node<T>>);

// SAFETY: The box owns a `T` that any thread may drop, so `T` must be `Send`.
unsafe impl<T: Send> Send for RcuBox<T> {}
// SAFETY: `&RcuBox` gives access to `&T` only.
unsafe impl<T: Sync> Sync for RcuBox<T> {}

impl<T> RcuBox<T> {
    /// Puts a value into a box.
    ///
    /// # Errors
    ///
    /// `AllocError`.
    pub(crate) fn new(value: T, flags: Flags) -> Result<Self, AllocError> {
        let head = Opaque::uninit();
        let node = KBox::into_raw(KBox::new(Node { head, value }, flags)?);
        // SAFETY: `KBox::into_raw` does not return null.
        Ok(unsafe { Self::from_raw(node) })
    }

    /// Makes a value in a box, where it stays.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn pin_init(value: impl PinInit<T>, flags: Flags) -> Result<Self> {
        let node = KBox::pin_init(
            pin_init!(Node {
                head: Opaque::uninit(),
                value <- value,
            }),
            flags,
        )?;
        // SAFETY: A box of our own does not give its value away to be moved.
        let node = KBox::into_raw(unsafe { Pin::into_inner_unchecked(node) });
        // SAFETY: `KBox::into_raw` does not return null.
        Ok(unsafe { Self::from_raw(node) })
    }

    /// Gives the box away, to be taken back with [`RcuBox::from_raw`].
    pub(super) fn into_raw(self) -> *mut Node<T> {
        let node = self.0.as_ptr();
        mem::forget(self);
        node
    }

    /// # Safety
    ///
    /// `node` must be what [`RcuBox::into_raw`] or `KBox::into_raw` returned, and the caller's own.
    pub(super) unsafe fn from_raw(node: *mut Node<T>) -> Self {
        // INVARIANT: The caller vouches for it.
        // SAFETY: Neither returns null.
        Self(unsafe { NonNull::new_unchecked(node) })
    }
}

impl<T: Send + 'static> RcuBox<T> {
    /// Drops what is in it when all have left who read under RCU now. Does not wait for that; in
    /// any context. It is dropped in softirq context, or in a task that must not sleep.
    ///
    /// Before the module goes [`wait_for_retired`] must be called.
    pub(crate) fn retire(self) {
        let node = self.into_raw();
        // SAFETY: The node is ours, stays in place until `expired` has it, and has its head for
        // this.
        unsafe { bindings::kv_call_rcu((*node).head.get(), Some(Self::expired)) };
    }

    unsafe extern "C" fn expired(head: *mut bindings::callback_head) {
        // SAFETY: `retire` gave the head of a node away, which comes first in it.
        drop(unsafe { Self::from_raw(head.cast()) });
    }
}

impl<T> Deref for RcuBox<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: By the invariant the node is valid, and it is only ever shared.
        &unsafe { self.0.as_ref() }.value
    }
}

impl<T> Drop for RcuBox<T> {
    fn drop(&mut self) {
        // SAFETY: By the invariant it came from `KBox::into_raw` and is ours.
        drop(unsafe { KBox::from_raw(self.0.as_ptr()) });
    }
}

/// Waits until all have left who read under RCU now. Sleeps; not for where anyone waits for us who has
/// nothing to do with it.
pub(crate) fn wait_for_readers() {
    // SAFETY: An FFI call without requirements but that it may sleep.
    unsafe { bindings::synchronize_rcu_expedited() };
}

/// Waits until all has been dropped that has been retired until now. Sleeps.
pub(crate) fn wait_for_retired() {
    // SAFETY: An FFI call without requirements but that it may sleep.
    unsafe { bindings::rcu_barrier() };
}
