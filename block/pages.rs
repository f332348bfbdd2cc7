// SPDX-License-Identifier: GPL-2.0

//! Memory for the data of one request.

use core::mem::MaybeUninit;

use kernel::alloc::AllocError;
use kernel::page::PAGE_SIZE;
use kernel::prelude::*;

use super::pool;
use super::pool::PagePools;
use crate::bindings;

/// Descriptions of memory in the form in which a bio wants them.
pub(crate) type Vectors = [MaybeUninit<bindings::bio_vec>; Pages::MAX];

/// Whole pages for up to [`Pages::MAX_LEN`] bytes of data, each filled from its first byte, all
/// but the last to its end: so aligned that every block device takes them. Or memory of another,
/// wherever it lies.
///
/// # Invariants
///
/// The first `count` vectors describe pages that this value owns, each with the number of bytes
/// used of it, which is at most a page, from its start; or, if they `are_borrowed`, memory that
/// stays with its owner.
pub(crate) struct Pages {
    count: u16,
    are_borrowed: bool,
    len: u32,
    vectors: Vectors,
}

// SAFETY: Pages belong to no thread.
unsafe impl Send for Pages {}
// SAFETY: `&Pages` gives access to no data.
unsafe impl Sync for Pages {}

impl Pages {
    /// The most pages: not more than fit the fragments of one frame (17 with 4 KiB pages), and
    /// enough for the largest frame of an MTU of 65,535.
    pub(super) const MAX: usize = 16;

    /// The most bytes of data.
    pub(crate) const MAX_LEN: usize = Self::MAX * PAGE_SIZE;

    /// No pages.
    pub(super) fn none() -> impl Init<Self> {
        // INVARIANT: No vector is claimed to describe a page.
        init!(Self {
            count: 0,
            are_borrowed: false,
            len: 0,
            vectors: [const { MaybeUninit::uninit() }; Self::MAX],
        })
    }

    /// Takes pages for `len` bytes in place of those there were. What is in them is of requests
    /// before. May wait for memory, but not for I/O.
    ///
    /// # Errors
    ///
    /// `AllocError` when memory is short or `len` is more than [`Pages::MAX_LEN`]; then there may
    /// be fewer pages.
    pub(super) fn take(&mut self, pools: &PagePools, len: usize) -> Result<(), AllocError> {
        self.clear();
        if len > Self::MAX_LEN {
            return Err(AllocError);
        }
        for vector in &mut self.vectors {
            let part = len.saturating_sub(self.len as usize).min(PAGE_SIZE) as u32;
            if part == 0 {
                break;
            }
            let page = pools.take();
            if page.is_null() {
                return Err(AllocError);
            }
            // INVARIANT: The vector describes a page that is ours.
            vector.write(bindings::bio_vec {
                bv_page: page,
                bv_len: part,
                bv_offset: 0,
            });
            self.count = self.count.saturating_add(1);
            self.len = self.len.saturating_add(part);
        }
        Ok(())
    }

    /// Has `describe` describe `len` bytes of memory instead of owning pages: it returns the number
    /// of vectors, or 0 if it cannot. True if it could.
    ///
    /// # Safety
    ///
    /// What is described must stay until it is not borrowed any more.
    pub(super) unsafe fn borrow(
        &mut self,
        len: usize,
        describe: impl FnOnce(&mut Vectors) -> u16,
    ) -> bool {
        self.clear();
        let count = describe(&mut self.vectors);
        if count > 0 {
            // INVARIANT: So many vectors describe what the caller vouches for.
            (self.count, self.len, self.are_borrowed) = (count, len as u32, true);
        }
        count > 0
    }

    /// Whether the memory is another's.
    pub(super) fn are_borrowed(&self) -> bool {
        self.are_borrowed
    }

    /// Gives the pages back.
    pub(super) fn clear(&mut self) {
        let owned = if self.are_borrowed { 0 } else { self.count };
        for vector in self.iter().take(owned.into()) {
            // SAFETY: By the invariant the page is ours, and it was taken from a pool. Requests end
            // in hard interrupts, but are dropped in none.
            unsafe { pool::give_back(vector.bv_page) };
        }
        // INVARIANT: The entries are not ours any more.
        (self.count, self.len, self.are_borrowed) = (0, 0, false);
    }

    /// Bytes of data.
    pub(super) fn len(&self) -> u32 {
        self.len
    }

    /// The vectors of the pages, for a bio, with their number.
    pub(super) fn vectors(&mut self) -> (*mut bindings::bio_vec, u16) {
        (self.vectors.as_mut_ptr().cast(), self.count)
    }

    fn iter(&self) -> impl Iterator<Item = &bindings::bio_vec> {
        let count = usize::from(self.count);
        // SAFETY: By the invariant so many vectors are initialised.
        let vector = |vector: &'_ MaybeUninit<bindings::bio_vec>| unsafe { &*vector.as_ptr() };
        self.vectors.iter().take(count).map(vector)
    }

    /// Fills the pages: `fill` is given each piece of memory with its offset in the data, and
    /// must initialise all of it, or fail.
    pub(super) fn fill(
        &mut self,
        mut fill: impl FnMut(usize, &mut [MaybeUninit<u8>]) -> Result,
    ) -> Result {
        for (index, vector) in self.iter().enumerate() {
            // SAFETY: The page is ours, so no one else has access to its memory, which is always
            // mapped since it was not allocated from high memory. No more bytes are used than it
            // has.
            let memory = unsafe {
                core::slice::from_raw_parts_mut(
                    bindings::kv_page_address(vector.bv_page).cast(),
                    vector.bv_len as usize,
                )
            };
            fill(index.saturating_mul(PAGE_SIZE), memory)?;
        }
        Ok(())
    }

    /// Gives the pages away: `take` gets each with its index and the number of bytes used, and
    /// owns it from then on. It gets none if they are borrowed.
    pub(crate) fn give(&mut self, mut take: impl FnMut(usize, *mut bindings::page, u32)) {
        if self.are_borrowed {
            return;
        }
        for (index, vector) in self.iter().enumerate() {
            take(index, vector.bv_page, vector.bv_len);
        }
        // INVARIANT: The entries are not ours any more.
        (self.count, self.len) = (0, 0);
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        self.clear();
    }
}
