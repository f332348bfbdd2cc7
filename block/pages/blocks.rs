// SPDX-License-Identifier: GPL-2.0

//! Memory for the data of devices whose blocks are larger than a sector: each block lies in one page,
//! and begins where a multiple of its size does. dm-crypt and zram take it no other way, and not all
//! of them say so.

use core::mem::MaybeUninit;

use kernel::alloc::AllocError;
use kernel::page::PAGE_SIZE;
use kernel::prelude::*;

use super::Pages;
use crate::bindings;
use crate::block::pool;
use crate::block::pool::PagePools;
use crate::block::reserve::Reserve;

impl Pages {
    /// Takes whole pages for `len` bytes, in place of what there was. As [`Pages::take`] otherwise.
    ///
    /// # Errors
    ///
    /// `AllocError` when memory is short or `len` is more than [`Pages::MAX_LEN`].
    pub(in crate::block) fn take_whole(
        &mut self,
        pools: &PagePools,
        reserve: &Reserve,
        len: usize,
        may_wait: bool,
    ) -> Result<(), AllocError> {
        self.clear();
        self.extend(pools, reserve, len, may_wait)
    }

    /// Takes more pages, behind those that were taken whole before, so that they hold `len` bytes, which
    /// are not fewer.
    ///
    /// # Errors
    ///
    /// As [`Pages::take_whole`]; then nothing has changed.
    pub(in crate::block) fn extend(
        &mut self,
        pools: &PagePools,
        reserve: &Reserve,
        len: usize,
        may_wait: bool,
    ) -> Result<(), AllocError> {
        let pages = len.div_ceil(PAGE_SIZE);
        let had = self.count;
        if pages > Self::MAX {
            return Err(AllocError);
        }
        while usize::from(self.count) < pages {
            let mut page = pools.take_page(may_wait);
            if page.is_null() && may_wait {
                page = reserve.take();
            }
            let Some(place) = self
                .vectors
                .get_mut(usize::from(self.count))
                .filter(|_| !page.is_null())
            else {
                self.shrink(had);
                return Err(AllocError);
            };
            // INVARIANT: The vector describes a page that is ours.
            place.write(bindings::bio_vec {
                bv_page: page,
                bv_len: PAGE_SIZE as u32,
                bv_offset: 0,
            });
            self.count = self.count.saturating_add(1);
        }
        self.len = len as u32;
        self.describe_all();
        Ok(())
    }

    /// Describes all that is in whole pages.
    fn describe_all(&mut self) {
        let mut rest = self.len;
        for vector in self.iter_mut() {
            vector.bv_offset = 0;
            vector.bv_len = rest.min(PAGE_SIZE as u32);
            rest = rest.saturating_sub(PAGE_SIZE as u32);
        }
    }

    /// Gives all pages back but the first `count`.
    fn shrink(&mut self, count: u16) {
        for vector in self.iter().skip(count.into()) {
            // SAFETY: By the invariant the page is ours. In process context.
            unsafe { pool::give_back(vector.bv_page) };
        }
        // INVARIANT: The entries behind are not ours any more.
        self.count = self.count.min(count);
    }

    /// Leaves `len` bytes from `start` on, of what begins in the first page and ends in the last one.
    pub(in crate::block) fn cut(&mut self, start: u32, len: u32) {
        let surplus = self.len.saturating_sub(start).saturating_sub(len);
        if let Some(first) = self.iter_mut().next() {
            first.bv_offset = first.bv_offset.saturating_add(start);
            first.bv_len = first.bv_len.saturating_sub(start);
        }
        if let Some(last) = self.iter_mut().last() {
            last.bv_len = last.bv_len.saturating_sub(surplus);
        }
        self.len = len;
    }

    /// The first vector describes the first `bytes` of what is in whole pages, no more than a page,
    /// until [`Pages::end_with_first`].
    pub(in crate::block) fn begin_with_first(&mut self, bytes: u32) {
        if let Some(first) = self.iter_mut().next() {
            first.bv_len = bytes;
        }
    }

    /// All are described again.
    pub(in crate::block) fn end_with_first(&mut self) {
        self.describe_all();
    }

    /// The first vector describes the last `bytes` of what is in whole pages, no more than the last page
    /// has, until [`Pages::end_with_last`].
    pub(in crate::block) fn begin_with_last(&mut self, bytes: u32) {
        self.swap_ends();
        if let Some(last) = self.iter_mut().next() {
            last.bv_offset = last.bv_len.saturating_sub(bytes);
            last.bv_len = bytes;
        }
    }

    /// All are described again, in their order.
    pub(in crate::block) fn end_with_last(&mut self) {
        self.swap_ends();
        self.describe_all();
    }

    /// Puts the last page in the place of the first, and the other way round.
    fn swap_ends(&mut self) {
        let count = usize::from(self.count);
        if let Some((first, rest)) = self
            .vectors
            .get_mut(..count)
            .and_then(<[_]>::split_first_mut)
        {
            if let Some(last) = rest.last_mut() {
                core::mem::swap(first, last);
            }
        }
    }

    /// Fills the `len` bytes from `start` on: `fill` is given each piece of memory with its offset from
    /// there, and must initialise all of it, or fail.
    ///
    /// # Errors
    ///
    /// That of `fill`.
    pub(in crate::block) fn fill_part(
        &mut self,
        start: usize,
        len: usize,
        mut fill: impl FnMut(usize, &mut [MaybeUninit<u8>]) -> Result,
    ) -> Result {
        let end = start.saturating_add(len);
        self.fill(|at, memory| {
            let (from, to) = (start.saturating_sub(at), end.saturating_sub(at));
            let to = to.min(memory.len());
            match memory.get_mut(from..to) {
                Some(part) if !part.is_empty() => {
                    fill(at.saturating_add(from).saturating_sub(start), part)
                }
                _ => Ok(()),
            }
        })
    }

    fn iter_mut(&mut self) -> impl Iterator<Item = &mut bindings::bio_vec> {
        let count = usize::from(self.count);
        self.vectors.iter_mut().take(count).map(|vector| {
            // SAFETY: By the invariant so many vectors are initialised.
            unsafe { &mut *vector.as_mut_ptr() }
        })
    }
}
