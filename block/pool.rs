// SPDX-License-Identifier: GPL-2.0

//! Pages that are used again and again.
//!
//! To get a page from the kernel and give it back costs more than to read it from a fast disk, half
//! of it for clearing it. The network stack has pools for this, to which it gives back the pages of
//! a frame that has been sent. A page out of them holds what it was last used for. Most of what is
//! taken are pieces of large pages, with room around them for the frame that they will leave in.
//!
//! C header: [`include/net/page_pool/helpers.h`](srctree/include/net/page_pool/helpers.h)

use core::mem::MaybeUninit;

use kernel::alloc::AllocError;
use kernel::cpu;
use kernel::prelude::*;

use crate::bindings;

/// Pools of pages, and of pieces of pages with room around them. They are for all disks.
pub(crate) struct PagePools {
    pages: Pools,
    pieces: Pools,
}

/// One pool for each CPU that was there when they were made.
///
/// # Invariants
///
/// There is one pointer for each CPU that can be; it is null or a page pool, which no one uses but
/// that CPU.
struct Pools(KVec<*mut bindings::page_pool>);

// SAFETY: Pools belong to no thread.
unsafe impl Send for Pools {}
// SAFETY: `&Pools` uses the pool of the CPU that it is on, while nothing else can run there.
unsafe impl Sync for Pools {}

impl Pools {
    fn new(order: u32) -> Result<Self, AllocError> {
        let cpus = cpu::nr_cpu_ids();
        let mut pools = Self(KVec::with_capacity(cpus as usize, GFP_KERNEL)?);
        for cpu in 0..cpus {
            // INVARIANT: The pool of this CPU.
            // SAFETY: An FFI call in process context, for a CPU that can be.
            let pool = unsafe { bindings::kv_pool_create(cpu, order) };
            pools.0.push_within_capacity(pool).map_err(|_| AllocError)?;
        }
        Ok(pools)
    }
}

impl PagePools {
    /// Makes the pools, without pages yet. Sleeps. A pool that cannot be made is done without.
    ///
    /// # Errors
    ///
    /// `AllocError`.
    pub(crate) fn new() -> Result<Self, AllocError> {
        Ok(Self {
            pages: Pools::new(0)?,
            pieces: Pools::new(bindings::KV_PIECES_ORDER)?,
        })
    }

    /// A page that is ours, to be given away or back with [`give_back`]. Waits for memory, but not for
    /// I/O, if it `may_wait`. Null when memory is short.
    pub(super) fn take_page(&self, may_wait: bool) -> *mut bindings::page {
        // SAFETY: By the invariant there is a pointer for each CPU, null or a pool of this CPU; in
        // process context, which may sleep.
        unsafe { bindings::kv_pool_take_page(self.pages.0.as_ptr(), may_wait) }
    }

    /// Memory for `len` bytes that is ours, to be given away or back with [`give_back`], with room
    /// for a frame's head before it, and for what the network stack keeps there behind it. In any
    /// context but a hard interrupt. `None` if there is none at once, or none so large.
    pub(super) fn take_piece(&self, len: u32) -> Option<bindings::bio_vec> {
        let mut piece = MaybeUninit::uninit();
        // SAFETY: By the invariant there is a pointer for each CPU, null or a pool of this CPU. If
        // it returns true it has initialised `piece`.
        unsafe {
            bindings::kv_pool_take_piece(self.pieces.0.as_ptr(), len, piece.as_mut_ptr())
                .then(|| piece.assume_init())
        }
    }
}

/// Gives memory back to the pool that it is from, if it is from one.
///
/// # Safety
///
/// The page must be the caller's, from [`PagePools`]. Not in hard interrupts.
pub(super) unsafe fn give_back(page: *mut bindings::page) {
    // SAFETY: By the caller's promise.
    unsafe { bindings::kv_page_give_back(page) };
}

impl Drop for Pools {
    fn drop(&mut self) {
        // SAFETY: By the invariant each is null or a pool, and there are `len` of them; no one
        // takes pages any more. Pages that are still on their way keep their pool.
        unsafe { bindings::kv_pools_destroy(self.0.as_ptr(), self.0.len() as u32) };
    }
}
