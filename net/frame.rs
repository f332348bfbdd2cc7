// SPDX-License-Identifier: GPL-2.0

//! Received Ethernet frames.
//!
//! C header: [`include/linux/skbuff.h`](srctree/include/linux/skbuff.h)

use core::mem::MaybeUninit;
use core::ptr::NonNull;

use kernel::prelude::*;

use crate::aoe;
use crate::bindings;
use crate::block::Source;
use crate::block::Vectors;

/// A received frame. Its bytes may be shared with other receivers, and may lie in page fragments,
/// so they are never modified, and only read by copying or by the device. Offsets and lengths count
/// from the Ethernet destination address.
///
/// # Invariants
///
/// The pointer is a valid `sk_buff` with an Ethernet header just before its data, of which this
/// value owns one reference, and all others are owned by such values: another receiver, as a packet
/// socket, would move the data pointer while it looks at the frame.
pub(crate) struct Frame(NonNull<bindings::sk_buff>);

// SAFETY: A reference to an `sk_buff` may be used and put by any thread.
unsafe impl Send for Frame {}
// SAFETY: `&Frame` only reads what no one modifies while there is more than one reference.
unsafe impl Sync for Frame {}

impl Frame {
    /// Takes a frame over from the network stack; `None`, and the frame is freed, if there is no
    /// memory for an `sk_buff` of our own where others have it too, or the frame is of no interest:
    /// addressed to another host or to a multicast group, or a response, unless it is one by which
    /// a target tells of itself.
    ///
    /// # Safety
    ///
    /// `skb` must be a valid, received `sk_buff`, and the caller gives its reference away.
    pub(super) unsafe fn receive(skb: NonNull<bindings::sk_buff>) -> Option<Self> {
        const { assert!(bindings::KV_FIRST_BYTES as usize == aoe::header::FIRST_BYTES) };
        let mut head = [0; aoe::header::FIRST_BYTES];
        // SAFETY: `skb` is valid by the caller's promise, and `head` has room for so many bytes.
        let is_for_us = unsafe { bindings::kv_frame_is_for_us(skb.as_ptr(), head.as_mut_ptr()) };
        if !is_for_us || aoe::header::is_mere_response(head) {
            // SAFETY: `skb` is valid, and its reference is given away, by the caller's promise.
            unsafe { bindings::kv_frame_consume(skb.as_ptr()) };
            return None;
        }
        // SAFETY: `skb` is valid, and its reference is given away, by the caller's promise.
        let skb = unsafe { bindings::kv_frame_receive(skb.as_ptr()) };
        // INVARIANT: A frame that is taken over is valid, has its header in place, and no one else
        // refers to it.
        NonNull::new(skb).map(Self)
    }

    /// The raw frame; its reference is the caller's to put.
    pub(super) fn into_raw(self) -> NonNull<bindings::sk_buff> {
        core::mem::ManuallyDrop::new(self).0
    }

    /// Whether an answer of `linear` bytes, and what follows in pages, can take the frame's place:
    /// then its contents are gone.
    pub(super) fn makes_room(&mut self, linear: usize) -> bool {
        // SAFETY: By the invariant the frame is valid. If there is no other reference it is ours to
        // be modified; else it is not.
        unsafe { bindings::kv_reply_fits_frame(self.0.as_ptr(), linear as u32) }
    }

    /// Makes the frame one that can be kept: its sender waits for none of its pages. Before it is
    /// shared.
    ///
    /// # Errors
    ///
    /// If there is no memory to copy them to.
    pub(crate) fn keep(&mut self) -> Result {
        // SAFETY: By the invariant the frame is valid; the function fails if there are other
        // references.
        kernel::error::to_result(unsafe { bindings::kv_frame_keep(self.0.as_ptr()) })
    }

    /// The raw frame, which stays ours.
    pub(super) fn as_raw(&self) -> *mut bindings::sk_buff {
        self.0.as_ptr()
    }

    /// Another reference to the same frame.
    pub(crate) fn share(&self) -> Self {
        // SAFETY: By the invariant the frame is valid.
        unsafe { bindings::kv_frame_get(self.0.as_ptr()) };
        // INVARIANT: The reference was just taken.
        Self(self.0)
    }

    /// Bytes in the frame, Ethernet header included.
    pub(crate) fn len(&self) -> usize {
        // SAFETY: By the invariant the frame is valid.
        unsafe { bindings::kv_frame_len(self.0.as_ptr()) as usize }
    }

    /// Whether the frame was sent to all hosts.
    pub(crate) fn was_broadcast(&self) -> bool {
        // SAFETY: By the invariant the frame is valid.
        unsafe { bindings::kv_frame_was_broadcast(self.0.as_ptr()) }
    }

    /// Copies the frame's first bytes, and returns how many there were. None if `to` has no room
    /// for the Ethernet header.
    pub(crate) fn peek(&self, to: &mut [u8]) -> usize {
        match u32::try_from(to.len()) {
            // SAFETY: By the invariant the frame is valid and has an Ethernet header; `to` has
            // room for so many bytes, and for that header's 14.
            Ok(size @ 14..) => unsafe {
                bindings::kv_frame_peek(self.0.as_ptr(), to.as_mut_ptr(), size) as usize
            },
            _ => 0,
        }
    }

    /// Copies what there is of the frame from `offset` on, as far as it fits, and returns how many
    /// bytes that were.
    pub(crate) fn read(&self, offset: usize, to: &mut [u8]) -> usize {
        let len = self.len().saturating_sub(offset).min(to.len());
        let Some(to) = to.get_mut(..len) else {
            return 0;
        };
        // SAFETY: `MaybeUninit<u8>` is laid out as `u8`, and `copy` puts initialised bytes there only.
        let to = unsafe { core::slice::from_raw_parts_mut(to.as_mut_ptr().cast(), len) };
        self.copy(offset, to).map_or(0, |()| len)
    }
}

// SAFETY: The frame's memory stays as long as it is referred to. A sender on this host may go on
// writing to it, but no Rust reference to it is made: the device reads it, and one that must see
// the same bytes twice is not given it. What it is described by is checked to suit the device.
unsafe impl Source for Frame {
    fn describe(
        &self,
        offset: usize,
        len: usize,
        bdev: *mut bindings::block_device,
        vectors: &mut Vectors,
    ) -> u16 {
        match offset.checked_add(len) {
            // SAFETY: By the invariant the frame is valid; the device is open, and there is room
            // for so many vectors. The range lies within the frame, whose length is a `u32`.
            Some(end) if end <= self.len() => unsafe {
                bindings::kv_frame_vectors(
                    self.0.as_ptr(),
                    offset as u32,
                    len as u32,
                    bdev,
                    vectors.as_mut_ptr().cast(),
                    vectors.len() as u16,
                )
            },
            _ => 0,
        }
    }

    fn copy(&self, offset: usize, to: &mut [MaybeUninit<u8>]) -> Result {
        let end = offset.checked_add(to.len()).ok_or(EFAULT)?;
        if end > self.len() {
            return Err(EFAULT);
        }
        // SAFETY: The frame is valid by the invariant, and the range lies within it. Both numbers
        // are at most the frame's length, which is a `u32`.
        let result = unsafe {
            bindings::kv_frame_copy(
                self.0.as_ptr(),
                offset as u32,
                to.as_mut_ptr().cast(),
                to.len() as u32,
            )
        };
        kernel::error::to_result(result)
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        // SAFETY: By the invariant the reference is ours to put.
        unsafe { bindings::kv_frame_free(self.0.as_ptr()) };
    }
}
