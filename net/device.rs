// SPDX-License-Identifier: GPL-2.0

//! Network interfaces: their names, and references to them.
//!
//! C header: [`include/linux/netdevice.h`](srctree/include/linux/netdevice.h)

use core::ops::Deref;
use core::ptr::NonNull;

use kernel::types::Opaque;

use crate::aoe::Mac;
use crate::bindings;
use crate::wire::interface::InterfaceName;
use crate::wire::state::Taker;

/// The kernel's `ALTIFNAMSIZ`, which counts the NUL at the end.
const ALTERNATIVE_SIZE: usize = 128;

/// A network interface, borrowed: the kernel's `struct net_device`.
#[repr(transparent)]
pub(crate) struct Device(Opaque<bindings::net_device>);

impl Device {
    /// Borrows a device.
    ///
    /// # Safety
    ///
    /// `dev` must stay a valid device for `'a`.
    pub(super) unsafe fn from_raw<'a>(dev: *mut bindings::net_device) -> &'a Self {
        // SAFETY: `Device` is a transparent wrapper, and the caller vouches for the pointer.
        unsafe { &*dev.cast() }
    }

    pub(super) fn as_raw(&self) -> *mut bindings::net_device {
        // `net_device` is opaque to Rust, so this is only a change of the pointer's type.
        core::ptr::from_ref(self).cast_mut().cast()
    }

    /// What tells this device from all others as long as it exists.
    pub(crate) fn key(&self) -> usize {
        self.as_raw() as usize
    }

    /// The most bytes that may follow the Ethernet header.
    pub(crate) fn mtu(&self) -> u32 {
        // SAFETY: A reference to a `Device` is a valid `net_device`.
        unsafe { bindings::kv_netdev_mtu(self.as_raw()) }
    }

    /// The device's own address.
    pub(crate) fn address(&self) -> Mac {
        let mut address = [0; 6];
        // SAFETY: The device is valid, and an Ethernet address has six bytes.
        unsafe { bindings::kv_netdev_address(self.as_raw(), address.as_mut_ptr()) };
        Mac(address)
    }

    /// Whether frames here have an Ethernet header.
    pub(crate) fn is_ethernet(&self) -> bool {
        // SAFETY: A reference to a `Device` is a valid `net_device`.
        unsafe { bindings::kv_netdev_is_ethernet(self.as_raw()) }
    }

    /// Whether what is sent here comes back here.
    pub(crate) fn is_loopback(&self) -> bool {
        // SAFETY: A reference to a `Device` is a valid `net_device`.
        unsafe { bindings::kv_netdev_is_loopback(self.as_raw()) }
    }

    /// What takes all frames of this interface before a protocol sees them, if there is something.
    pub(crate) fn taker(&self) -> Option<Taker> {
        let mut name = [0; InterfaceName::SIZE];
        // SAFETY: The device is valid, and there is room for a name.
        match unsafe { bindings::kv_netdev_taker(self.as_raw(), name.as_mut_ptr().cast()) } {
            bindings::kv_taker_KV_TAKER_INTERFACE => {
                Some(Taker::Interface(InterfaceName::from_kernel(name)))
            }
            bindings::kv_taker_KV_TAKER_OPEN_VSWITCH => Some(Taker::OpenVSwitch),
            bindings::kv_taker_KV_TAKER_TAP => Some(Taker::Tap),
            bindings::kv_taker_KV_TAKER_IP => Some(Taker::Ip),
            _ => None,
        }
    }

    /// Whether the administrator has switched it on.
    pub(crate) fn is_up(&self) -> bool {
        // SAFETY: A reference to a `Device` is a valid `net_device`.
        unsafe { bindings::kv_netdev_is_up(self.as_raw()) }
    }

    /// Whether its link is there.
    pub(crate) fn has_carrier(&self) -> bool {
        // SAFETY: A reference to a `Device` is a valid `net_device`.
        unsafe { bindings::kv_netdev_has_carrier(self.as_raw()) }
    }

    /// The network namespace that the device is in, as its never re-used cookie.
    pub(crate) fn namespace(&self) -> u64 {
        // SAFETY: A reference to a `Device` is a valid `net_device`.
        unsafe { bindings::kv_netdev_namespace(self.as_raw()) }
    }

    /// The device's own name.
    fn name(&self) -> InterfaceName {
        let mut name = [0; InterfaceName::SIZE];
        // SAFETY: The device is valid, and there is room for a name.
        unsafe { bindings::kv_netdev_name(self.as_raw(), name.as_mut_ptr().cast()) };
        InterfaceName::from_kernel(name)
    }

    /// Whether the device goes by this name now.
    pub(crate) fn is_named(&self, name: &InterfaceName) -> bool {
        // SAFETY: The device is valid, and the name is NUL-terminated.
        unsafe { bindings::kv_netdev_is_named(self.as_raw(), name.as_c_bytes().as_ptr().cast()) }
    }

    /// Takes a reference of our own.
    pub(crate) fn hold(&self) -> NetDevice {
        // SAFETY: A reference to a `Device` is a valid `net_device`.
        unsafe { bindings::kv_netdev_hold(self.as_raw()) };
        // INVARIANT: The reference was just taken. `as_raw` comes from a reference, so not null.
        NetDevice(NonNull::from(self).cast())
    }
}

/// A counted reference to a network interface. An interface that goes away waits for it, so it
/// must be given back when the kernel says that the interface is being unregistered.
///
/// # Invariants
///
/// The pointer is valid, and this value owns one reference to it.
pub(crate) struct NetDevice(NonNull<bindings::net_device>);

// SAFETY: References to a `net_device` may be put by any thread.
unsafe impl Send for NetDevice {}
// SAFETY: All that `&NetDevice` allows is reading fields that the kernel reads without lock too.
unsafe impl Sync for NetDevice {}

impl NetDevice {
    /// Finds an interface by its own name in the network namespace of the present task.
    pub(crate) fn by_name(name: &InterfaceName) -> Option<Self> {
        // SAFETY: By its invariant the name is NUL-terminated.
        let device = unsafe { Self::by_c_name(name.as_c_bytes().as_ptr().cast()) };
        device.filter(|device| device.is_named(name))
    }

    /// The own name of the interface that goes by this name, or has it as an alternative one, in
    /// the network namespace of the present task.
    pub(crate) fn resolve(name: &str) -> Option<InterfaceName> {
        let mut bytes = [0_u8; ALTERNATIVE_SIZE];
        let room = bytes.len().saturating_sub(1);
        if name.is_empty() || name.len() > room || name.contains('\0') {
            return None;
        }
        bytes
            .get_mut(..name.len())?
            .copy_from_slice(name.as_bytes());
        // SAFETY: There is a NUL behind the name, since it is shorter than the array.
        let device = unsafe { Self::by_c_name(bytes.as_ptr().cast()) }?;
        let own = device.name();
        InterfaceName::new(core::str::from_utf8(own.as_bytes()).ok()?)
    }

    /// Finds an interface by any of its names.
    ///
    /// # Safety
    ///
    /// The name must be NUL-terminated.
    unsafe fn by_c_name(name: *const kernel::ffi::c_char) -> Option<Self> {
        // SAFETY: The caller vouches for the name.
        let dev = unsafe { bindings::kv_netdev_get_by_name(name) };
        // INVARIANT: `dev_get_by_name` returns null or a reference that is ours.
        NonNull::new(dev).map(Self)
    }

    /// The network namespace of the present task, as in [`Device::namespace`].
    pub(crate) fn current_namespace() -> u64 {
        // SAFETY: A task that writes to a file of sysfs has its namespaces.
        unsafe { bindings::kv_current_namespace() }
    }
}

impl Deref for NetDevice {
    type Target = Device;

    fn deref(&self) -> &Device {
        // SAFETY: By the invariant the device is valid as long as `self`.
        unsafe { Device::from_raw(self.0.as_ptr()) }
    }
}

impl Drop for NetDevice {
    fn drop(&mut self) {
        // SAFETY: By the invariant the reference is ours to put.
        unsafe { bindings::kv_netdev_put(self.0.as_ptr()) };
    }
}
