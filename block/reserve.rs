// SPDX-License-Identifier: GPL-2.0

//! A few pages of each disk for the time when there is no memory.
//!
//! Who writes pages out in order to get memory may do so through this target. Without memory a
//! request is dropped and comes again; with these pages the disk can serve one at a time all the
//! same. A page is lent: it goes out with an answer as others do, and can be had again as soon as no
//! one else refers to it.

use core::ptr::NonNull;

use kernel::alloc::AllocError;
use kernel::prelude::*;

use crate::bindings;

/// Pages that are not given away.
///
/// # Invariants
///
/// The pages are valid, and a reference to each is this value's.
pub(super) struct Reserve(KVec<NonNull<bindings::page>>);

// SAFETY: Pages belong to no thread.
unsafe impl Send for Reserve {}
// SAFETY: `&Reserve` only takes references, which any number of threads may do at once.
unsafe impl Sync for Reserve {}

impl Reserve {
    /// So many are enough for the data of a frame with an MTU of 9000.
    const PAGES: usize = 3;

    /// Takes the pages. Sleeps.
    ///
    /// # Errors
    ///
    /// `AllocError`.
    pub(super) fn new() -> Result<Self, AllocError> {
        let mut reserve = Self(KVec::with_capacity(Self::PAGES, GFP_KERNEL)?);
        for _ in 0..Self::PAGES {
            // SAFETY: An FFI call in process context.
            let page = NonNull::new(unsafe { bindings::kv_reserve_page() }).ok_or(AllocError)?;
            // INVARIANT: The page is new, and ours.
            reserve
                .0
                .push_within_capacity(page)
                .map_err(|_| AllocError)?;
        }
        Ok(reserve)
    }

    /// A page that no one else has, with a reference to it, which is put as that of any page. Null if
    /// all are in use.
    pub(super) fn take(&self) -> *mut bindings::page {
        let is_free = |page: &&NonNull<bindings::page>| {
            // SAFETY: By the invariant the page is valid.
            unsafe { bindings::kv_reserve_take_page(page.as_ptr()) }
        };
        self.0
            .iter()
            .find(is_free)
            .map_or(core::ptr::null_mut(), |page| page.as_ptr())
    }
}

impl Drop for Reserve {
    fn drop(&mut self) {
        for page in &self.0 {
            // SAFETY: By the invariant the reference is ours. In any context.
            unsafe { bindings::kv_reserve_free_page(page.as_ptr()) };
        }
    }
}

#[kunit_tests(kvblade_rs_reserve)]
mod tests {
    use super::super::pool;
    use super::*;

    #[test]
    fn a_page_is_lent_to_one_at_a_time() -> Result {
        let reserve = Reserve::new()?;
        let mut taken = KVec::new();
        for _ in 0..Reserve::PAGES {
            let page = reserve.take();
            assert!(!page.is_null() && !taken.contains(&page));
            taken.push(page, GFP_KERNEL)?;
        }
        assert!(reserve.take().is_null());
        for page in taken {
            // SAFETY: The reference is ours, and the page is from no pool.
            unsafe { pool::give_back(page) };
            assert!(core::ptr::eq(reserve.take(), page));
            assert!(reserve.take().is_null());
            // SAFETY: As above.
            unsafe { pool::give_back(page) };
            let again = reserve.take();
            assert!(core::ptr::eq(again, page));
        }
        for page in &reserve.0 {
            // SAFETY: As above: all were taken once more.
            unsafe { pool::give_back(page.as_ptr()) };
        }
        Ok(())
    }

    #[test]
    fn who_has_a_page_keeps_it() -> Result {
        let reserve = Reserve::new()?;
        let page = reserve.take();
        drop(reserve);
        // SAFETY: The reference is ours, and the page is from no pool.
        unsafe {
            bindings::kv_page_address(page).write_bytes(0xff, 1);
            pool::give_back(page);
        }
        Ok(())
    }
}
