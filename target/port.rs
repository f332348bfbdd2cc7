// SPDX-License-Identifier: GPL-2.0

//! A port: a blade's presence on one network interface.

use kernel::prelude::*;
use kernel::sync::rcu;
use kernel::sync::Arc;

use super::blade::Blade;
use crate::aoe::Mac;
use crate::aoe::ShelfSlot;
use crate::net::Device;
use crate::net::InterfaceName;
use crate::net::NetDevice;
use crate::net::Reply;
use crate::sync::RcuCell;

/// A blade on an interface. The interface is known by its name: it may be absent for a while.
///
/// A port lives as long as the administrator has it exported, and then until the last request
/// that came by it has ended.
pub(crate) struct Port {
    blade: Arc<Blade>,
    interface: InterfaceName,
    namespace: u64,
    /// The interface while there is one. Written only with the registry's list of ports locked.
    device: RcuCell<NetDevice>,
}

impl Port {
    /// A port without an interface yet, in the network namespace of the present task.
    pub(super) fn new(blade: Arc<Blade>, interface: InterfaceName) -> Self {
        Self {
            blade,
            interface,
            namespace: NetDevice::current_namespace(),
            device: RcuCell::new(),
        }
    }

    /// The blade.
    pub(crate) fn blade(&self) -> &Arc<Blade> {
        &self.blade
    }

    /// The blade's address.
    pub(crate) fn address(&self) -> ShelfSlot {
        self.blade.address()
    }

    /// The name of the interface.
    pub(crate) fn interface(&self) -> &InterfaceName {
        &self.interface
    }

    /// Says something of the port in the kernel's log.
    pub(super) fn log(&self, event: core::fmt::Arguments<'_>) {
        let (address, interface) = (self.address(), &self.interface);
        pr_info!("{}\n", format_args!("{address}@{interface}: {event}"));
    }

    /// Whether this is the interface that the port is for.
    pub(super) fn wants(&self, device: &Device) -> bool {
        device.is_named(&self.interface) && device.namespace() == self.namespace
    }

    /// Gives the port its interface, or takes it away: then no request comes in by this port any
    /// more when this returns. Sleeps. The registry's list of ports must be locked.
    pub(super) fn set_device(&self, device: Option<KBox<NetDevice>>) {
        self.device.replace(device);
    }

    /// What tells the port's interface from others, if it has one.
    pub(super) fn device_key(&self) -> Option<usize> {
        self.with_device(Device::key)
    }

    /// Whether the port has an interface.
    pub(super) fn has_device(&self, guard: &rcu::Guard) -> bool {
        self.device.read(guard).is_some()
    }

    fn with_device<R>(&self, use_device: impl FnOnce(&Device) -> R) -> Option<R> {
        let guard = rcu::read_lock();
        self.device.read(&guard).map(|device| use_device(device))
    }

    /// The interface's MTU: bytes that may follow the Ethernet header. `None` without interface.
    pub(crate) fn mtu(&self) -> Option<u32> {
        self.with_device(Device::mtu)
    }

    /// Why initiators cannot reach the blade by this port, if they cannot.
    pub(crate) fn trouble(&self) -> Option<&'static str> {
        if self.blade.is_closing() {
            return Some("waiting for requests to end");
        }
        match self.mtu() {
            None => Some("no such interface"),
            Some(mtu) if crate::aoe::sectors_for_mtu(mtu).is_none() => Some("MTU below 1060"),
            Some(_) => None,
        }
    }

    /// Takes the blade out of use, or back into use, and then tells initiators. Sleeps.
    pub(crate) fn set_offline(&self, offline: bool) {
        self.blade
            .change(|settings| settings.rules.offline = offline);
        self.log(format_args!(
            "{}",
            if offline { "offline" } else { "online" }
        ));
        if !offline {
            self.announce();
        }
    }

    /// The interface's address.
    pub(super) fn own_address(&self) -> Option<Mac> {
        self.with_device(Device::address)
    }

    /// Notes that a target at another card answers for the blade's address. In any context.
    pub(super) fn note_rival(&self, card: Mac) {
        if self.blade.count_rival() == 0 {
            let (address, interface) = (self.address(), &self.interface);
            pr_warn!(
                "{}\n",
                format_args!("{address}@{interface}: {card} answers for the same address")
            );
        }
    }

    /// Sends a reply. Without interface it is dropped: the initiator will ask again.
    pub(super) fn send(&self, reply: Reply) {
        let guard = rcu::read_lock();
        if let Some(device) = self.device.read(&guard) {
            reply.send(device);
        }
    }
}
