// SPDX-License-Identifier: GPL-2.0

//! Being told of changes of network interfaces.
//!
//! C header: [`include/linux/netdevice.h`](srctree/include/linux/netdevice.h)

use kernel::prelude::*;
use kernel::sync::Arc;
use kernel::types::Opaque;

use super::device::Device;
use crate::bindings;

/// What has happened to an interface.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum DeviceEvent {
    /// It exists, or goes by a new name, or is of another type.
    Appeared,
    /// It is going away; references to it must be given back.
    Vanishing,
    /// It is up or down, or its link, MTU or address has changed, or it is part of another
    /// interface or not any more, or its frames go by another way: clients should be told.
    Changed,
}

/// What is called with every change of an interface.
pub(crate) trait DeviceEventHandler: Send + Sync + 'static {
    /// Called in process context with the kernel's RTNL lock held: no lock may be taken under
    /// which anyone waits for RTNL or for long.
    fn device_event(&self, device: &Device, event: DeviceEvent);
}

#[repr(C)]
struct Block<H> {
    block: bindings::notifier_block,
    handler: *const H,
}

/// A registration for changes of all interfaces of all network namespaces. When it is made, all
/// that exist are told as `Appeared`, and those that are up as `Changed`.
///
/// # Invariants
///
/// `block` is registered, and its handler pointer is that of `handler`.
#[pin_data(PinnedDrop)]
pub(crate) struct Notifier<H: DeviceEventHandler> {
    #[pin]
    block: Opaque<Block<H>>,
    handler: Arc<H>,
}

// SAFETY: The notifier chain may be told by any thread, and the handler is `Send` and `Sync`.
unsafe impl<H: DeviceEventHandler> Send for Notifier<H> {}
// SAFETY: `&Notifier` allows nothing.
unsafe impl<H: DeviceEventHandler> Sync for Notifier<H> {}

impl<H: DeviceEventHandler> Notifier<H> {
    /// Registers `handler`.
    ///
    /// # Errors
    ///
    /// Those of `register_netdevice_notifier`.
    pub(crate) fn register(handler: Arc<H>) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            block <- Opaque::try_ffi_init(|slot: *mut Block<H>| {
                // SAFETY: `slot` is valid for writing and stays in place until it is dropped,
                // which unregisters it. The handler lives longer than the registration. The
                // notifier block comes first in `Block`, so the pointer cast in `call` holds.
                let result = unsafe {
                    slot.write(Block {
                        block: bindings::notifier_block {
                            notifier_call: Some(Self::call),
                            ..pin_init::zeroed()
                        },
                        handler: Arc::as_ptr(&handler),
                    });
                    bindings::register_netdevice_notifier(&raw mut (*slot).block)
                };
                kernel::error::to_result(result)
            }),
            handler,
        })
    }

    unsafe extern "C" fn call(
        block: *mut bindings::notifier_block,
        event: usize,
        info: *mut kernel::ffi::c_void,
    ) -> kernel::ffi::c_int {
        let event = match event as u32 {
            bindings::netdev_cmd_NETDEV_REGISTER
            | bindings::netdev_cmd_NETDEV_CHANGENAME
            | bindings::netdev_cmd_NETDEV_POST_TYPE_CHANGE => DeviceEvent::Appeared,
            bindings::netdev_cmd_NETDEV_UNREGISTER => DeviceEvent::Vanishing,
            bindings::netdev_cmd_NETDEV_UP
            | bindings::netdev_cmd_NETDEV_DOWN
            | bindings::netdev_cmd_NETDEV_CHANGE
            | bindings::netdev_cmd_NETDEV_CHANGEMTU
            | bindings::netdev_cmd_NETDEV_CHANGEUPPER
            | bindings::netdev_cmd_NETDEV_BONDING_FAILOVER
            | bindings::netdev_cmd_NETDEV_NOTIFY_PEERS
            | bindings::netdev_cmd_NETDEV_CHANGEADDR => DeviceEvent::Changed,
            _ => return bindings::NOTIFY_DONE as i32,
        };
        // SAFETY: `block` is the first field of a `Block` whose handler outlives the
        // registration, and all events of this chain come with a device that is valid during
        // the call.
        unsafe {
            let handler = &*(*block.cast::<Block<H>>()).handler;
            let device = Device::from_raw(bindings::kv_notifier_netdev(info));
            handler.device_event(device, event);
        }
        bindings::NOTIFY_DONE as i32
    }
}

#[pinned_drop]
impl<H: DeviceEventHandler> PinnedDrop for Notifier<H> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the invariant it is registered, and `Block` begins with the notifier block.
        // An error can only mean that it was not.
        let _ = unsafe { bindings::unregister_netdevice_notifier(self.block.get().cast()) };
    }
}
