// SPDX-License-Identifier: GPL-2.0

//! Receiving the frames of one EtherType on an interface.
//!
//! C header: [`include/linux/netdevice.h`](srctree/include/linux/netdevice.h)

use core::ptr::NonNull;

use kernel::prelude::*;
use kernel::sync::Arc;
use kernel::types::Opaque;

use super::device::Device;
use super::device::NetDevice;
use super::frame::Frame;
use crate::bindings;

/// What is called with every received frame.
pub(crate) trait FrameHandler: Send + Sync + 'static {
    /// A frame came in on `device`. Called in softirq context under RCU: it must not sleep.
    fn receive(&self, device: &Device, frame: Frame);
}

/// A registration for the frames of one EtherType on one interface: what comes in elsewhere costs
/// nothing. Once it is dropped the handler is not called any more. It must be dropped when the
/// interface goes away.
///
/// # Invariants
///
/// `packet_type` is registered with the network stack for `device`, and its private pointer is that
/// of `handler`.
#[pin_data(PinnedDrop)]
pub(crate) struct PacketType<H: FrameHandler> {
    #[pin]
    packet_type: Opaque<bindings::packet_type>,
    handler: Arc<H>,
    device: NetDevice,
}

// SAFETY: The network stack may be told by any thread, and the handler is `Send` and `Sync`.
unsafe impl<H: FrameHandler> Send for PacketType<H> {}
// SAFETY: `&PacketType` allows nothing.
unsafe impl<H: FrameHandler> Sync for PacketType<H> {}

impl<H: FrameHandler> PacketType<H> {
    /// Registers `handler`. Frames may come before this returns.
    pub(crate) fn register(
        ethertype: u16,
        device: NetDevice,
        handler: Arc<H>,
    ) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            packet_type <- Opaque::ffi_init(|slot: *mut bindings::packet_type| {
                // SAFETY: `slot` is valid for writing and stays in place until it is dropped,
                // which unregisters it; zero is valid for all fields of the structure. The
                // handler and the device live longer than the registration.
                unsafe {
                    slot.write_bytes(0, 1);
                    (*slot).type_ = ethertype.to_be();
                    (*slot).dev = device.as_raw();
                    (*slot).func = Some(Self::receive);
                    (*slot).af_packet_priv = Arc::as_ptr(&handler).cast_mut().cast();
                    bindings::dev_add_pack(slot);
                }
            }),
            handler,
            device,
        })
    }

    /// What tells the interface from others.
    pub(crate) fn device_key(&self) -> usize {
        self.device.key()
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
        // SAFETY: The network stack gives us a valid buffer and one reference to it.
        if let Some(frame) = unsafe { Frame::receive(skb) } {
            // SAFETY: The registration is valid during the call. A frame that came by this interface
            // may be another's by now, as that of a bond, and is received there.
            if device != unsafe { (*packet_type).dev } {
                return 0;
            }
            // SAFETY: By the invariant the private pointer is that of the handler, which outlives
            // the registration.
            let handler = unsafe { &*(*packet_type).af_packet_priv.cast::<H>() };
            // SAFETY: The receiving device is valid during the call, which runs under RCU.
            handler.receive(unsafe { Device::from_raw(device) }, frame);
        }
        0
    }
}

#[pinned_drop]
impl<H: FrameHandler> PinnedDrop for PacketType<H> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the invariant it is registered. Receivers run under RCU, so none does after
        // the grace period; in process context, which may sleep.
        unsafe {
            bindings::__dev_remove_pack(self.packet_type.get());
            kernel::bindings::synchronize_rcu_expedited();
        }
    }
}
