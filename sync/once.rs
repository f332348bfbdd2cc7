// SPDX-License-Identifier: GPL-2.0

//! Loads and stores of atomics in place.
//!
//! The kernel crate calls a C function for each, which is nothing but `READ_ONCE` or `WRITE_ONCE`. A request
//! makes dozens of them, and the calls cost more than what is done there.

use core::sync::atomic::fence;
use core::sync::atomic::Ordering;

use kernel::sync::atomic::Atomic;
use kernel::sync::atomic::AtomicType;

/// Loads and stores that are no calls, of what is no larger than a word. The kernel crate says that its
/// atomics allow this, and is only built for architectures whose atomic instructions take no lock that
/// a store would have to take.
pub(crate) trait Once<T> {
    /// As `load(Relaxed)`.
    fn read_once(&self) -> T;

    /// As `load(Acquire)`.
    fn read_acquire(&self) -> T;

    /// As `store(value, Relaxed)`.
    fn write_once(&self, value: T);
}

impl<T: AtomicType> Once<T> for Atomic<T> {
    #[inline(always)]
    fn read_once(&self) -> T {
        const { assert!(size_of::<T>() <= size_of::<usize>()) };
        // SAFETY: The pointer is valid and aligned, what is there is a `T`, and a volatile access to
        // no more than a word is as atomic as those of others.
        unsafe { self.as_ptr().read_volatile() }
    }

    #[inline(always)]
    fn read_acquire(&self) -> T {
        let value = self.read_once();
        fence(Ordering::Acquire);
        value
    }

    #[inline(always)]
    fn write_once(&self, value: T) {
        const { assert!(size_of::<T>() <= size_of::<usize>()) };
        // SAFETY: As above.
        unsafe { self.as_ptr().write_volatile(value) };
    }
}
