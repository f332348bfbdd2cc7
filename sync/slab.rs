// SPDX-License-Identifier: GPL-2.0

//! Boxes from a slab cache of their own.
//!
//! Objects that come and go with every frame are cheaper so than from the general allocator, which
//! looks for the cache by the size and clears the memory even though all of it is written next.
//!
//! A cache has a reserve, for those who cannot go on without: what is given back goes there first
//! while there is less in it than there should be.
//!
//! C header: [`include/linux/slab.h`](srctree/include/linux/slab.h)

use core::alloc::Layout;
use core::marker::PhantomData;
use core::ptr;
use core::ptr::NonNull;

use kernel::alloc::AllocError;
use kernel::alloc::Allocator;
use kernel::alloc::Box;
use kernel::alloc::Flags;
use kernel::alloc::NumaNode;
use kernel::prelude::*;
use kernel::sync::atomic::Atomic;
use kernel::sync::atomic::Relaxed;

use crate::bindings;

use super::once::Once;

/// For an object that may be taken out of the reserve, if there is no other.
pub(crate) const FROM_RESERVE: Flags = GFP_NOWAIT;

/// The place for a slab cache, empty until [`OpenSlab::new`].
///
/// # Invariants
///
/// The pointers are null, or a slab cache of objects of the type whose [`InSlab::slab`] this is, and
/// a pool of objects of that cache.
pub(crate) struct Slab {
    cache: Atomic<*mut bindings::kmem_cache>,
    reserve: Atomic<*mut bindings::mempool_t>,
}

impl Slab {
    /// No cache yet: until there is one, no object can be allocated.
    pub(crate) const fn new() -> Self {
        // INVARIANT: The pointers are null.
        Self {
            cache: Atomic::new(ptr::null_mut()),
            reserve: Atomic::new(ptr::null_mut()),
        }
    }
}

/// What is kept in a slab cache of its own.
pub(crate) trait InSlab: Sized + 'static {
    /// The place of that cache, always the same one, and no other type's.
    fn slab() -> &'static Slab;
}

/// The slab cache of a type, as long as this is there. All objects must be gone before.
pub(crate) struct OpenSlab<T: InSlab>(PhantomData<T>);

impl<T: InSlab> OpenSlab<T> {
    /// Makes the slab cache. Once.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(name: &'static CStr) -> Result<Self> {
        let layout = Layout::new::<T>();
        // SAFETY: The name is NUL-terminated and always there.
        let cache = unsafe {
            bindings::kv_slab_create(
                name.as_char_ptr(),
                layout.size() as u32,
                layout.align() as u32,
            )
        };
        if cache.is_null() {
            return Err(ENOMEM);
        }
        // SAFETY: The cache is valid; in process context.
        let reserve = unsafe { bindings::kv_slab_reserve(cache) };
        if reserve.is_null() {
            // SAFETY: The cache was just made, and no one else has it.
            unsafe { bindings::kmem_cache_destroy(cache) };
            return Err(ENOMEM);
        }
        // INVARIANT: The cache was made for objects like `T`, and the reserve for the cache.
        T::slab().cache.write_once(cache);
        T::slab().reserve.write_once(reserve);
        Ok(Self(PhantomData))
    }

    /// From here on the reserve has so many objects, one at least. Sleeps. One caller at a time.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn keep(&self, count: usize) -> Result {
        let count = i32::try_from(count.max(1)).map_err(|_| ENOMEM)?;
        let reserve = T::slab().reserve.read_once();
        // SAFETY: It was made by `new`, and stays as long as `self`.
        kernel::error::to_result(unsafe { bindings::mempool_resize(reserve, count) })
    }
}

impl<T: InSlab> Drop for OpenSlab<T> {
    fn drop(&mut self) {
        let reserve = T::slab().reserve.xchg(ptr::null_mut(), Relaxed);
        let cache = T::slab().cache.xchg(ptr::null_mut(), Relaxed);
        // SAFETY: Both were made by `new`, and no one else has them any more.
        unsafe {
            bindings::mempool_destroy(reserve);
            bindings::kmem_cache_destroy(cache);
        }
    }
}

/// Allocates objects of one type from their slab cache, with the flags `GFP_ATOMIC`, or
/// [`FROM_RESERVE`].
pub(crate) struct SlabMemory<T>(PhantomData<T>);

/// A box in the slab cache of its type.
pub(crate) type SlabBox<T> = Box<T, SlabMemory<T>>;

// SAFETY: What is allocated is an object of the cache, which is as large and aligned as `T`, and
// is valid until it is given back. No object is ever moved or resized.
unsafe impl<T: InSlab> Allocator for SlabMemory<T> {
    const MIN_ALIGN: usize = align_of::<T>();

    unsafe fn realloc(
        object: Option<NonNull<u8>>,
        layout: Layout,
        _old_layout: Layout,
        flags: Flags,
        _node: NumaNode,
    ) -> Result<NonNull<[u8]>, AllocError> {
        let cache = T::slab().cache.read_once();
        let reserve = T::slab().reserve.read_once();
        let is_reserved = flags == FROM_RESERVE;
        match object {
            None if layout == Layout::new::<T>()
                && (flags == GFP_ATOMIC || is_reserved)
                && !cache.is_null() =>
            {
                // SAFETY: By the invariant the cache is valid.
                let mut object = unsafe { bindings::kv_slab_alloc(cache, bindings::GFP_ATOMIC) };
                if object.is_null() && is_reserved {
                    // SAFETY: By the invariant the reserve is valid, and of the cache's objects.
                    object = unsafe { bindings::mempool_alloc_preallocated(reserve) };
                }
                let object = NonNull::new(object.cast()).ok_or(AllocError)?;
                Ok(NonNull::slice_from_raw_parts(object, layout.size()))
            }
            Some(object) if layout.size() == 0 => {
                // SAFETY: The object came from the cache or its reserve, by the caller's promise.
                unsafe { bindings::kv_slab_free(cache, reserve, object.as_ptr().cast()) };
                Ok(NonNull::slice_from_raw_parts(NonNull::dangling(), 0))
            }
            _ => Err(AllocError),
        }
    }
}
