// SPDX-License-Identifier: GPL-2.0

//! Memory for the data of one request.

use core::mem::MaybeUninit;

use kernel::alloc::AllocError;
use kernel::page::PAGE_SIZE;
use kernel::prelude::*;

use super::pool;
use super::pool::PagePools;
use super::reserve::Reserve;
use crate::bindings;

mod blocks;

/// Descriptions of memory in the form in which a bio wants them.
pub(crate) type Vectors = [MaybeUninit<bindings::bio_vec>; Pages::MAX];

/// Memory for up to [`Pages::MAX_LEN`] bytes of data, so aligned that every block device takes it:
/// one piece of a pool's page, or whole pages, all but the last filled to the end, of which the ends may
/// have been cut off when they have been read. Or memory of another, wherever it lies.
///
/// # Invariants
///
/// The first `count` vectors describe initialised or uninitialised memory that this value owns, and
/// whose pages it has references to; or, if they `are_borrowed`, memory that stays with its owner. If
/// there `is_room`, there is one vector, which came from a pool.
pub(crate) struct Pages {
    count: u16,
    are_borrowed: bool,
    is_room: bool,
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
            is_room: false,
            len: 0,
            vectors: [const { MaybeUninit::uninit() }; Self::MAX],
        })
    }

    /// Takes memory for `len` bytes in place of what there was. What is in it is of requests
    /// before. If it `may_wait` the kernel looks for memory that is to be had soon, and then it may be
    /// that of the reserve.
    ///
    /// # Errors
    ///
    /// `AllocError` when memory is short or `len` is more than [`Pages::MAX_LEN`]; then there may
    /// be fewer pages.
    pub(super) fn take(
        &mut self,
        pools: &PagePools,
        reserve: &Reserve,
        len: usize,
        may_wait: bool,
    ) -> Result<(), AllocError> {
        self.clear();
        if len > Self::MAX_LEN {
            return Err(AllocError);
        }
        // For what lies in one page the block layer has a short way, which is worth more than room.
        if len != PAGE_SIZE && self.take_piece(pools, len) {
            return Ok(());
        }
        for vector in &mut self.vectors {
            let part = len.saturating_sub(self.len as usize).min(PAGE_SIZE) as u32;
            if part == 0 {
                break;
            }
            let mut page = pools.take_page(may_wait);
            if page.is_null() && may_wait {
                page = reserve.take();
            }
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

    /// Takes a piece of a pool's page for `len` bytes, with room before and behind it, in place of
    /// what there was. False if there is none at once.
    fn take_piece(&mut self, pools: &PagePools, len: usize) -> bool {
        self.clear();
        let Some((len, piece)) = u32::try_from(len)
            .ok()
            .and_then(|len| Some((len, pools.take_piece(len)?)))
        else {
            return false;
        };
        if let Some(vector) = self.vectors.first_mut() {
            vector.write(piece);
        }
        // INVARIANT: The vector describes memory that is ours, from a pool.
        (self.count, self.len, self.is_room) = (1, len, true);
        true
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
        (self.count, self.len, self.are_borrowed, self.is_room) = (0, 0, false, false);
    }

    /// Bytes of data.
    pub(super) fn len(&self) -> u32 {
        self.len
    }

    /// The vectors, for a bio.
    pub(super) fn vectors(&mut self) -> *mut bindings::bio_vec {
        self.vectors.as_mut_ptr().cast()
    }

    /// Puts the vectors of `other` behind the first `count` of this, so that they describe `bytes` in
    /// all: true, or false if `bdev`, which is open, would not take them as one, or there is no place
    /// for them. They stay the other's.
    pub(super) fn join(
        &mut self,
        count: u16,
        other: &Self,
        bytes: u32,
        bdev: *mut bindings::block_device,
    ) -> bool {
        let count = usize::from(count);
        let end = count.saturating_add(other.count.into());
        let Some((last, places)) = self
            .vectors
            .get_mut(..end)
            .and_then(|vectors| vectors.split_at_mut_checked(count))
            .and_then(|(vectors, places)| Some((vectors.last()?, places)))
        else {
            return false;
        };
        let Some(first) = other.iter().next() else {
            return false;
        };
        // SAFETY: The device is open. The vector before the end was initialised, by the invariant or
        // by an earlier call of this.
        if !unsafe { bindings::kv_bdev_takes_both(bdev, last.as_ptr(), first, end as u16, bytes) } {
            return false;
        }
        for (place, vector) in places.iter_mut().zip(other.iter()) {
            place.write(*vector);
        }
        true
    }

    /// The number of vectors.
    pub(super) fn count(&self) -> u16 {
        self.count
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
        let mut offset = 0_usize;
        for vector in self.iter() {
            // SAFETY: The memory is ours, so no one else has access to it, and it is always mapped
            // since it was not allocated from high memory.
            let memory = unsafe {
                core::slice::from_raw_parts_mut(
                    bindings::kv_page_address(vector.bv_page)
                        .byte_add(vector.bv_offset as usize)
                        .cast(),
                    vector.bv_len as usize,
                )
            };
            offset = offset.saturating_add(memory.len());
            fill(offset.saturating_sub(memory.len()), memory)?;
        }
        Ok(())
    }

    /// The `N` bytes at `offset`, if they are there, in one page.
    ///
    /// # Safety
    ///
    /// The pages must have been filled.
    pub(super) unsafe fn bytes<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        let mut offset = offset;
        for vector in self.iter() {
            let len = vector.bv_len as usize;
            if offset >= len {
                offset = offset.saturating_sub(len);
                continue;
            }
            if len.saturating_sub(offset) < N {
                return None;
            }
            // SAFETY: The memory is always mapped, ours by the invariant or that of a source which
            // stays, and the caller says that it is initialised; so many bytes are there, as was
            // just checked.
            return Some(unsafe {
                bindings::kv_page_address(vector.bv_page)
                    .byte_add(vector.bv_offset as usize)
                    .byte_add(offset)
                    .cast::<[u8; N]>()
                    .read()
            });
        }
        None
    }

    /// Fills `to` with what the memory holds from `offset` on.
    ///
    /// # Errors
    ///
    /// `EFAULT` if there is not so much.
    pub(super) fn copy(&self, offset: usize, to: &mut [MaybeUninit<u8>]) -> Result {
        let (mut skip, mut rest) = (offset, to);
        for vector in self.iter() {
            let len = vector.bv_len as usize;
            let part = len.saturating_sub(skip).min(rest.len());
            let (piece, behind) = rest.split_at_mut_checked(part).ok_or(EFAULT)?;
            // SAFETY: So many bytes are there behind those that are skipped, by the invariant and as
            // was just computed; the memory is always mapped, and `piece` is no part of it.
            unsafe {
                bindings::kv_page_address(vector.bv_page)
                    .byte_add(vector.bv_offset as usize)
                    .byte_add(skip.min(len))
                    .cast::<MaybeUninit<u8>>()
                    .copy_to_nonoverlapping(piece.as_mut_ptr(), part);
            }
            skip = skip.saturating_sub(len);
            rest = behind;
        }
        if rest.is_empty() {
            Ok(())
        } else {
            Err(EFAULT)
        }
    }

    /// Gives the memory away: `take` gets each vector with its index, and owns its page from then
    /// on. It gets none if they are borrowed.
    pub(crate) fn give(&mut self, mut take: impl FnMut(usize, &bindings::bio_vec)) {
        if self.are_borrowed {
            return;
        }
        for (index, vector) in self.iter().enumerate() {
            take(index, vector);
        }
        self.forget();
    }

    /// Gives the memory away as [`Pages::give`] does, if there is room before and behind it: else, or
    /// if `take` does not succeed, nothing has happened.
    pub(crate) fn give_with_room<R>(
        &mut self,
        take: impl FnOnce(&bindings::bio_vec) -> Option<R>,
    ) -> Option<R> {
        let taken = self.iter().next().filter(|_| self.is_room).and_then(take)?;
        self.forget();
        Some(taken)
    }

    fn forget(&mut self) {
        // INVARIANT: No entry is ours any more.
        (self.count, self.len, self.is_room) = (0, 0, false);
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        self.clear();
    }
}
