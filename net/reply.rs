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
use crate::aoe;
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
    /// A frame with `linear` bytes, all zero, and more zeroes up to Ethernet's minimum unless
    /// `data_follows`, that is unless pages with at least a sector are going to be added.
    ///
    /// # Errors
    ///
    /// `AllocError` when memory is short: the context may not allow to wait for it.
    pub(crate) fn new(linear: usize, data_follows: bool) -> Result<Self, AllocError> {
        let linear = Self::padded(linear, data_follows);
        // SAFETY: An FFI call without requirements.
        let skb = unsafe { bindings::kv_reply_alloc(linear as u32) };
        let skb = NonNull::new(skb).ok_or(AllocError)?;
        // INVARIANT: `kv_reply_alloc` returns a new buffer with `linear` zeroed bytes.
        Ok(Self { skb, linear })
    }

    /// As [`Reply::new`], beginning with `head`, in the memory of a frame whose contents are not
    /// needed any more.
    ///
    /// # Errors
    ///
    /// The frame, if others have a part in it.
    pub(crate) fn in_place_of<const N: usize>(
        mut frame: Frame,
        head: &[u8; N],
        linear: usize,
        data_follows: bool,
    ) -> Result<Self, Frame> {
        let linear = Self::padded(linear.max(N), data_follows);
        if !frame.makes_room(linear) {
            return Err(frame);
        }
        let skb = frame.into_raw();
        // SAFETY: The frame is ours alone, as it just said; `head` has `N` bytes, which are not more
        // than `linear`.
        unsafe {
            bindings::kv_reply_in_place(skb.as_ptr(), head.as_ptr().cast(), N as u32, linear as u32)
        };
        // INVARIANT: The buffer is ours alone, with `linear` bytes, zero but for the head.
        Ok(Self { skb, linear })
    }

    /// A frame of `head` and the data, in the memory that the data is in.
    ///
    /// # Errors
    ///
    /// `AllocError` when memory is short, or there is no room around the data.
    pub(crate) fn around<const N: usize>(
        data: &mut Pages,
        head: &[u8; N],
    ) -> Result<Self, AllocError> {
        let mut linear = N;
        let skb = data.give_with_room(|data| {
            const { assert!(N <= bindings::KV_HEADROOM as usize) };
            linear = linear.saturating_add(data.bv_len as usize);
            // SAFETY: The memory is ours and has room before and behind it, which `head` fits, and its
            // page goes over to the buffer if there is one.
            NonNull::new(unsafe { bindings::kv_reply_around(data, head.as_ptr().cast(), N as u32) })
        });
        // INVARIANT: It is a new buffer of the head and the data, all of it initialised.
        Ok(Self {
            skb: skb.ok_or(AllocError)?,
            linear,
        })
    }

    fn padded(linear: usize, data_follows: bool) -> usize {
        if data_follows {
            linear
        } else {
            linear.saturating_add(aoe::padding(linear))
        }
    }

    /// Writes `bytes` at `offset` of the linear part, and what does not fit there nowhere.
    pub(crate) fn put(&mut self, offset: usize, bytes: &[u8]) {
        // SAFETY: By the invariant there are `linear` initialised bytes, and no one else has
        // access to them while `self` is borrowed.
        let linear = unsafe {
            core::slice::from_raw_parts_mut(bindings::kv_reply_data(self.skb.as_ptr()), self.linear)
        };
        let end = offset.saturating_add(bytes.len());
        if let Some(places) = linear.get_mut(offset..end) {
            places.copy_from_slice(bytes);
        }
    }

    /// Writes `head` at the beginning of the linear part.
    pub(crate) fn begin(mut self, head: &[u8]) -> Self {
        self.put(0, head);
        self
    }

    /// Adds the pages' data behind the linear part.
    pub(crate) fn with_pages(self, pages: &mut Pages) -> Self {
        pages.give(|index, data| {
            // SAFETY: The buffer is ours and had no fragments, `Pages` holds no more vectors than a
            // buffer has places for fragments, and the page's reference goes over to the buffer.
            unsafe { bindings::kv_reply_add_data(self.skb.as_ptr(), index as i32, data) };
        });
        self
    }

    /// Of the queues of its interface it is to leave by the one that fits that by which `frame`
    /// came.
    pub(crate) fn following(self, frame: &Frame) -> Self {
        // SAFETY: Both buffers are valid, and this one is ours to modify.
        unsafe { bindings::kv_reply_follow(self.skb.as_ptr(), frame.as_raw()) };
        self
    }

    /// Hands the frame to the interface's queue, with the interface's address as its source.
    /// Interrupts must be enabled. False if it is too long for the interface: then it is not sent.
    #[must_use]
    pub(crate) fn send(self, device: &Device) -> bool {
        let this = ManuallyDrop::new(self);
        // SAFETY: The buffer is ours, has an Ethernet header and is given away; the device is valid
        // while it is borrowed, and the queue does without it once the interface goes down.
        unsafe { bindings::kv_reply_send(this.skb.as_ptr(), device.as_raw()) }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        // SAFETY: By the invariant the buffer is ours.
        unsafe { bindings::kv_frame_free(self.skb.as_ptr()) };
    }
}
