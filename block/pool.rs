// SPDX-License-Identifier: GPL-2.0

//! Pages that are used again and again.
//!
//! To get a page from the kernel and give it back costs more than to read it from a fast disk, half
//! of it for clearing it. The network stack has pools for this, to which it gives back the pages of
//! a frame that has been sent. A page out of them holds what it was last used for.
//!
//! C header: [`include/net/page_pool/helpers.h`](srctree/include/net/page_pool/helpers.h)

use kernel::alloc::AllocError;
use kernel::cpu;
use kernel::prelude::*;

use crate::bindings;

/// A pool for each CPU that was there when they were made. They are for all disks.
///
/// # Invariants
///
/// There is one pointer for each CPU that can be; it is null or a page pool, which no one uses but
/// that CPU.
pub(crate) struct PagePools(KVec<*mut bindings::page_pool>);

// SAFETY: Pools belong to no thread.
unsafe impl Send for PagePools {}
// SAFETY: `&PagePools` uses the pool of the CPU that it is on, while nothing else can run there.
unsafe impl Sync for PagePools {}

impl PagePools {
    /// Makes the pools, without pages yet. Sleeps. A pool that cannot be made is done without.
    ///
    /// # Errors
    ///
    /// `AllocError`.
    pub(crate) fn new() -> Result<Self, AllocError> {
        let cpus = cpu::nr_cpu_ids();
        let mut pools = Self(KVec::with_capacity(cpus as usize, GFP_KERNEL)?);
        for cpu in 0..cpus {
            // INVARIANT: The pool of this CPU.
            // SAFETY: An FFI call in process context, for a CPU that can be.
            let pool = unsafe { bindings::kv_pool_create(cpu) };
            pools.0.push_within_capacity(pool).map_err(|_| AllocError)?;
        }
        Ok(pools)
    }

    /// A page that is ours, to be given away or back with [`give_back`]. May wait for memory, but
    /// not for I/O. Null when memory is short.
    pub(super) fn take(&self) -> *mut bindings::page {
        // SAFETY: By the invariant there is a pointer for each CPU, null or a pool of this CPU; in
        // process context, which may sleep.
        unsafe { bindings::kv_pool_take(self.0.as_ptr()) }
    }
}

/// Gives a page back to the pool that it is from, if it is from one.
///
/// # Safety
///
/// The page must be the caller's, from [`PagePools::take`]. Not in hard interrupts.
pub(super) unsafe fn give_back(page: *mut bindings::page) {
    // SAFETY: By the caller's promise.
    unsafe { bindings::kv_pool_give_back(page) };
}

impl Drop for PagePools {
    fn drop(&mut self) {
        // SAFETY: By the invariant each is null or a pool, and there are `len` of them; no one
        // takes pages any more. Pages that are still on their way keep their pool.
        unsafe { bindings::kv_pools_destroy(self.0.as_ptr(), self.0.len() as u32) };
    }
}
