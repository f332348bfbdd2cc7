// SPDX-License-Identifier: GPL-2.0

//! Frames that we send.
//!
//! C header: [`include/linux/skbuff.h`](srctree/include/linux/skbuff.h)

use core::mem::ManuallyDrop;
use core::ptr::NonNull;

use kernel::alloc::AllocError;
use kernel::prelude::*;

use super::device::Device;
use super::frame::Frame;
use crate::bindings;
use crate::block::Pages;

/// A frame to be sent: a linear part with all headers, then data in pages.
///
/// # Invariants
///
/// The pointer is a valid `sk_buff` that this value alone owns, with `linear` initialised bytes
/// at its data pointer.
pub(crate) struct Reply {
    skb: NonNull<bindings::sk_buff>,
    linear: usize,
}

// SAFETY: An `sk_buff` that is not queued anywhere belongs to no thread.
unsafe impl Send for Reply {}
// SAFETY: `&Reply` allows nothing.
unsafe impl Sync for Reply {}

impl Reply {
    /// The shortest frame that Ethernet carries, without the checksum.
    const MIN: usize = 60;

    /// A frame with `linear` bytes, all zero, and more zeroes up to Ethernet's minimum unless
    /// `data_follows`, that is unless pages with at least a sector are going to be added.
    ///
    /// # Errors
    ///
    /// `AllocError` when memory is short: the context may not allow to wait for it.
    pub(crate) fn new(linear: usize, data_follows: bool) -> Result<Self, AllocError> {
        let linear = Self::padded(linear, data_follows);
        // SAFETY: An FFI call without requirements.
        let skb = unsafe { bindings::kv_reply_alloc(linear as u32, bindings::GFP_ATOMIC) };
        let skb = NonNull::new(skb).ok_or(AllocError)?;
        // INVARIANT: `kv_reply_alloc` returns a new buffer with `linear` zeroed bytes.
        Ok(Self { skb, linear })
    }

    /// As [`Reply::new`], beginning with `head`, in the memory of a frame whose contents are not
    /// needed any more, if no one else has a part in that.
    ///
    /// # Errors
    ///
    /// As for [`Reply::new`].
    pub(crate) fn in_place_of<const N: usize>(
        frame: Frame,
        head: &[u8; N],
        linear: usize,
        data_follows: bool,
    ) -> Result<Self, AllocError> {
        let linear = Self::padded(linear.max(N), data_follows);
        // SAFETY: The frame is valid, and its reference is given away; `head` has `N` bytes, which
        // are not more than `linear`.
        let skb = unsafe {
            bindings::kv_reply_in_place(
                frame.into_raw(),
                head.as_ptr().cast(),
                N as u32,
                linear as u32,
                bindings::GFP_ATOMIC,
            )
        };
        let skb = NonNull::new(skb).ok_or(AllocError)?;
        // INVARIANT: `kv_reply_in_place` returns a buffer that is ours alone, with `linear` bytes,
        // zero but for the head.
        Ok(Self { skb, linear })
    }

    fn padded(linear: usize, data_follows: bool) -> usize {
        if data_follows {
            linear
        } else {
            linear.max(Self::MIN)
        }
    }

    /// Writes `bytes` at `offset` of the linear part, and what would be beyond its end nowhere.
    pub(crate) fn put(&mut self, offset: usize, bytes: &[u8]) {
        // SAFETY: By the invariant there are `linear` initialised bytes, and no one else has
        // access to them while `self` is borrowed.
        let linear = unsafe {
            core::slice::from_raw_parts_mut(bindings::kv_reply_data(self.skb.as_ptr()), self.linear)
        };
        let places = linear.get_mut(offset..).unwrap_or_default();
        for (place, byte) in places.iter_mut().zip(bytes) {
            *place = *byte;
        }
    }

    /// Adds the pages' data behind the linear part.
    pub(crate) fn with_pages(self, pages: &mut Pages) -> Self {
        pages.give(|index, page, len| {
            // SAFETY: The buffer is ours and had no fragments, `Pages` holds no more pages than a
            // buffer has places for fragments, and the page's reference goes over to the buffer.
            unsafe {
                bindings::kv_reply_add_page(self.skb.as_ptr(), index as i32, page, len);
            }
        });
        self
    }

    /// Hands the frame to the interface's queue. Interrupts must be enabled.
    pub(crate) fn send(self, device: &Device) {
        let this = ManuallyDrop::new(self);
        // SAFETY: The buffer is ours and is given away; the device is valid while it is borrowed,
        // and the queue does without it once the interface goes down.
        unsafe { bindings::kv_reply_send(this.skb.as_ptr(), device.as_raw()) };
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        // SAFETY: By the invariant the buffer is ours.
        unsafe { bindings::kv_frame_free(self.skb.as_ptr()) };
    }
}
