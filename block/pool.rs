// SPDX-License-Identifier: GPL-2.0

//! Pages that are used again and again.
//!
//! To get a page from the kernel and give it back costs more than to read it from a fast disk, half
//! of it for clearing it. The network stack has pools for this, to which it gives back the pages of
//! a frame that has been sent. A page out of them holds what it was last used for. Most of what is
//! taken are pieces of large pages, with room around them for the frame that they will leave in.
//!
//! A pool keeps what was once needed, so pools are made anew when they have not been needed for a
//! while.
//!
//! C header: [`include/net/page_pool/helpers.h`](srctree/include/net/page_pool/helpers.h)

use core::mem::MaybeUninit;

use kernel::alloc::AllocError;
use kernel::cpu;
use kernel::prelude::*;
use kernel::sync::atomic::Atomic;
use kernel::sync::atomic::Full;
use kernel::sync::atomic::Relaxed;

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
/// that CPU, where nothing else can run meanwhile.
struct Pools(KVec<Atomic<*mut bindings::page_pool>>);

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
            pools
                .0
                .push_within_capacity(Atomic::new(pool))
                .map_err(|_| AllocError)?;
        }
        Ok(pools)
    }

    /// Puts new pools in the places of these, which are emptied. Sleeps.
    fn renew(&self, order: u32) -> Result<(), AllocError> {
        let new = Self::new(order)?;
        for (place, new) in self.0.iter().zip(&new.0) {
            // INVARIANT: It is of the same CPU. The former is destroyed as the new one would be.
            new.store(place.xchg(new.load(Relaxed), Full), Relaxed);
        }
        Ok(())
    }

    fn as_ptr(&self) -> *const *mut bindings::page_pool {
        // An atomic pointer is laid out as a pointer.
        self.0.as_ptr().cast()
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

    /// Gives all pages to the kernel that are kept to be used again. Sleeps. Without memory for that
    /// they stay.
    pub(crate) fn renew(&self) {
        let _ = self.pages.renew(0);
        let _ = self.pieces.renew(bindings::KV_PIECES_ORDER);
    }

    /// A page that is ours, to be given away or back with [`give_back`]. If it `may_wait` the kernel
    /// looks for memory that it can have without I/O, once. Null when memory is short.
    pub(super) fn take_page(&self, may_wait: bool) -> *mut bindings::page {
        // SAFETY: By the invariant there is a pointer for each CPU, null or a pool of this CPU; in
        // process context, which may sleep.
        unsafe { bindings::kv_pool_take_page(self.pages.as_ptr(), may_wait) }
    }

    /// Memory for `len` bytes that is ours, to be given away or back with [`give_back`], with room
    /// for a frame's head before it, and for what the network stack keeps there behind it. In any
    /// context but a hard interrupt. `None` if there is none at once, or none so large.
    pub(super) fn take_piece(&self, len: u32) -> Option<bindings::bio_vec> {
        let mut piece = MaybeUninit::uninit();
        // SAFETY: By the invariant there is a pointer for each CPU, null or a pool of this CPU. If
        // it returns true it has initialised `piece`.
        unsafe {
            bindings::kv_pool_take_piece(self.pieces.as_ptr(), len, piece.as_mut_ptr())
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
        unsafe { bindings::kv_pools_destroy(self.as_ptr(), self.0.len() as u32) };
    }
}
