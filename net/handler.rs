// SPDX-License-Identifier: GPL-2.0

//! Receiving the frames of one EtherType on an interface.
//!
//! C header: [`include/linux/netdevice.h`](srctree/include/linux/netdevice.h)

use core::mem::ManuallyDrop;
use core::ptr::NonNull;

use kernel::prelude::*;
use kernel::sync::Arc;
use kernel::types::Opaque;

use super::device::Device;
use super::device::NetDevice;
use super::frame::Frame;
use crate::bindings;
use crate::sync::RcuBox;

/// What is called with every received frame.
pub(crate) trait FrameHandler: Send + Sync + 'static {
    /// A frame came in on `device`. Called in softirq context under RCU: it must not sleep.
    fn receive(&self, device: &Device, frame: Frame);
}

/// A registration for the frames of one EtherType on one interface: what comes in elsewhere costs
/// nothing. Once it is dropped the handler is called no more when all have left who read under RCU
/// then: the interface, a reference to which is given back as late, need not be waited for. It must
/// be dropped when the interface goes away.
///
/// # Invariants
///
/// The `packet_type` in it is registered with the network stack.
pub(crate) struct PacketType<H: FrameHandler>(ManuallyDrop<RcuBox<Registered<H>>>);

/// What the network stack knows of.
///
/// # Invariants
///
/// `packet_type` is for `device`, and its private pointer is that of `handler`.
#[pin_data]
struct Registered<H: FrameHandler> {
    #[pin]
    packet_type: Opaque<bindings::packet_type>,
    handler: Arc<H>,
    device: NetDevice,
}

// SAFETY: The network stack may be told by any thread, and the handler is `Send` and `Sync`.
unsafe impl<H: FrameHandler> Send for Registered<H> {}
// SAFETY: `&Registered` allows nothing.
unsafe impl<H: FrameHandler> Sync for Registered<H> {}

impl<H: FrameHandler> PacketType<H> {
    /// Registers `handler`. Frames may come before this returns.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn register(ethertype: u16, device: NetDevice, handler: Arc<H>) -> Result<Self> {
        let new = pin_init!(Registered {
            packet_type <- Opaque::ffi_init(|slot: *mut bindings::packet_type| {
                // SAFETY: `slot` is valid for writing; zero is valid for all fields of the structure.
                unsafe {
                    slot.write_bytes(0, 1);
                    (*slot).type_ = ethertype.to_be();
                    (*slot).dev = device.as_raw();
                    (*slot).func = Some(Self::receive);
                    (*slot).af_packet_priv = Arc::as_ptr(&handler).cast_mut().cast();
                }
            }),
            handler,
            device,
        });
        let new = RcuBox::pin_init(new, GFP_KERNEL)?;
        // SAFETY: It is complete, and stays in place until a grace period after `drop` has
        // unregistered it; so long do the handler and the device live.
        unsafe { bindings::dev_add_pack(new.packet_type.get()) };
        // INVARIANT: It was just registered.
        Ok(Self(ManuallyDrop::new(new)))
    }

    /// What tells the interface from others.
    pub(crate) fn device_key(&self) -> usize {
        self.0.device.key()
    }

    unsafe extern "C" fn receive(
        skb: *mut bindings::sk_buff,
        device: *mut bindings::net_device,
        packet_type: *mut bindings::packet_type,
        _original_device: *mut bindings::net_device,
    ) -> kernel::ffi::c_int {
        let Some(skb) = NonNull::new(skb) else {
            return 0;
        };
        // SAFETY: The registration is valid during the call. A frame that came by this interface may
        // be another's by now, as that of a bond or VLAN, and is received there.
        if device != unsafe { (*packet_type).dev } {
            // SAFETY: The network stack gives us a valid buffer and one reference to it.
            unsafe { bindings::kv_frame_free(skb.as_ptr()) };
            return 0;
        }
        // SAFETY: As above.
        if let Some(frame) = unsafe { Frame::receive(skb) } {
            // SAFETY: By the invariant of `Registered` the private pointer is that of the handler,
            // which outlives the registration.
            let handler = unsafe { &*(*packet_type).af_packet_priv.cast::<H>() };
            // SAFETY: The receiving device is valid during the call, which runs under RCU.
            handler.receive(unsafe { Device::from_raw(device) }, frame);
        }
        0
    }
}

impl<H: FrameHandler> Drop for PacketType<H> {
    fn drop(&mut self) {
        // SAFETY: By the invariant it is registered.
        unsafe { bindings::__dev_remove_pack(self.0.packet_type.get()) };
        // SAFETY: It is not used after this.
        unsafe { ManuallyDrop::take(&mut self.0) }.retire();
    }
}
