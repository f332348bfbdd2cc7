// SPDX-License-Identifier: GPL-2.0

//! All exports, and their coming and going: at the administrator's word, and with interfaces.

use kernel::new_mutex;
use kernel::prelude::*;
use kernel::sync::atomic::Atomic;
use kernel::sync::atomic::Relaxed;
use kernel::sync::Arc;
use kernel::sync::Mutex;
use kernel::time::Msecs;
use kernel::workqueue::impl_has_delayed_work;
use kernel::workqueue::new_delayed_work;
use kernel::workqueue::DelayedWork;

use super::blade::Blade;
use super::new_export::NewExport;
use super::port::Port;
use super::presence::look_for_rivals;
use super::receive::Receivers;
use super::refusal::no_device;
use super::refusal::Refusal;
use super::request::Request;
use crate::aoe;
use crate::aoe::ShelfSlot;
use crate::block;
use crate::block::PagePools;
use crate::net::InterfaceName;
use crate::net::NetDevice;
use crate::sync;
use crate::sync::Express;
use crate::sync::OpenSlab;
use crate::sync::WorkQueue;

/// How long the removal of an export waits for its requests to end, in milliseconds.
const REMOVAL_WAIT: Msecs = 10_000;

/// Ports, sorted by address.
type Ports = KVec<Arc<Port>>;

/// All exports.
///
/// Two locks, in this order: `control` is held by one who adds or removes, for as long as that
/// takes; `ports` guards the list and the ports' interfaces, only for moments, since it is also
/// taken under the kernel's RTNL lock.
#[pin_data]
pub(crate) struct Registry {
    pub(super) queue: Arc<WorkQueue>,
    express: Arc<Express<Blade>>,
    pools: Arc<PagePools>,
    #[pin]
    control: Mutex<()>,
    #[pin]
    pub(super) ports: Mutex<Ports>,
    /// Taken with `ports` locked.
    #[pin]
    receivers: Mutex<Receivers>,
    /// Whether what receives frames has not been told of the ports as they are, for want of memory.
    pub(super) is_stale: Atomic<bool>,
    pub(super) closed: Atomic<bool>,
    #[pin]
    pub(super) tick: DelayedWork<Registry>,
    /// The memory of all requests: last, as it may only go when there are none.
    _requests: OpenSlab<Request>,
}

impl_has_delayed_work! {
    impl HasDelayedWork<Self> for Registry { self.tick }
}

impl Registry {
    /// A registry without exports.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(queue: Arc<WorkQueue>) -> Result<Arc<Self>> {
        let pools = Arc::new(PagePools::new()?, GFP_KERNEL)?;
        let express = Arc::new(Express::new(c"kvblade_rs/%u")?, GFP_KERNEL)?;
        let receivers = Receivers::new()?;
        let requests = OpenSlab::new(c"kvblade_rs_request")?;
        Arc::pin_init(
            pin_init!(Self {
                queue,
                express,
                pools,
                control <- new_mutex!(()),
                ports <- new_mutex!(KVec::new()),
                receivers <- new_mutex!(receivers),
                is_stale: Atomic::new(false),
                closed: Atomic::new(false),
                tick <- new_delayed_work!("kvblade_rs::tick"),
                _requests: requests,
            }),
            GFP_KERNEL,
        )
    }

    /// Makes a port for a block device, which does not answer yet, unless another target on the
    /// segment has the address. Sleeps for a second while it asks.
    ///
    /// The caller opens it with [`Registry::open`] or gives it back with [`Registry::remove`].
    pub(crate) fn add(&self, new: NewExport) -> Result<Arc<Port>, Refusal> {
        let (address, interface, force) = (new.address, new.interface, new.force);
        let port = self.make_port(new)?;
        if !force {
            look_for_rivals(core::slice::from_ref(&port)).inspect_err(|_| {
                let _ = self.remove(address, interface);
            })?;
        }
        Ok(port)
    }

    /// Lets a port answer, and announces it.
    pub(crate) fn open(self: &Arc<Self>, port: &Arc<Port>) -> Result<(), Refusal> {
        let _control = self.control.lock();
        let (address, interface) = (port.address(), *port.interface());
        if !self
            .ports
            .lock()
            .iter()
            .any(|other| Arc::ptr_eq(other, port))
        {
            return Err(Refusal::new(
                ENXIO,
                format_args!("{address}@{interface}: removed while it was being added"),
            ));
        }
        let blade = port.blade();
        let path = blade.path().to_str().unwrap_or_default();
        let sectors = blade.capacity().unwrap_or_default();
        port.log(format_args!("exported {path}, {sectors} sectors"));
        port.open();
        port.announce();
        self.tick_later();
        Ok(())
    }

    fn make_port(&self, new: NewExport) -> Result<Arc<Port>, Refusal> {
        let _control = self.control.lock();
        let interface = new.interface;
        let (blade, is_new) = self.find_or_open(new)?;
        self.attach(&blade, interface).inspect_err(|_| {
            if is_new {
                // No one uses the disk yet, so it closes at once.
                let _ = blade.close(0);
            }
        })
    }

    /// The blade with this address, if it is on another interface already, or else a new one.
    fn find_or_open(&self, new: NewExport) -> Result<(Arc<Blade>, bool), Refusal> {
        let (address, interface) = (new.address, new.interface);
        let name = new.path.to_str().unwrap_or_default();
        let number = block::number_of(&new.path).map_err(|errno| no_device(name, errno))?;
        for port in self.ports.lock().iter() {
            let blade = port.blade();
            let same_device = blade.disk().number() == number;
            if port.address() == address && *port.interface() == interface {
                return Err(Refusal::new(
                    EEXIST,
                    format_args!("{address}: address in use on {interface}"),
                ));
            }
            if port.address() == address
                && !(same_device && blade.mode() == new.mode && blade.policy().equals(&new.policy))
            {
                return Err(Refusal::new(
                    EEXIST,
                    format_args!(
                        "{address}: address in use on {} for {} (one address is one device with \
                         the same options on all interfaces)",
                        port.interface(),
                        blade.path().to_str().unwrap_or_default()
                    ),
                ));
            }
            if port.address() == address && new.settings.is_some() {
                return Err(Refusal::new(
                    EEXIST,
                    format_args!(
                        "{address}: exported on {} already; what can be set of it is in its folder \
                         of /sys/kvblade",
                        port.interface()
                    ),
                ));
            }
            if port.address() == address {
                return Ok((blade.clone(), false));
            }
            if same_device && !(new.mode.shared && blade.mode().shared) {
                return Err(Refusal::new(
                    EBUSY,
                    format_args!("{name}: device is exported as {} already", blade.address()),
                ));
            }
        }
        Ok((
            Blade::open(
                new,
                self.queue.clone(),
                self.express.clone(),
                self.pools.clone(),
            )?,
            true,
        ))
    }

    /// Makes a port for the blade on an interface that exists.
    fn attach(&self, blade: &Arc<Blade>, interface: InterfaceName) -> Result<Arc<Port>, Refusal> {
        let port = Arc::new(Port::new(blade.clone(), interface), GFP_KERNEL)?;
        let mut ports = self.ports.lock();
        // With the list locked, an interface found here cannot be unregistered unseen.
        let device = NetDevice::by_name(&interface)
            .ok_or_else(|| Refusal::new(ENODEV, format_args!("{interface}: no such interface")))?;
        if !device.is_ethernet() {
            return Err(Refusal::new(
                EINVAL,
                format_args!("{interface}: not an Ethernet interface"),
            ));
        }
        let mtu = device.mtu();
        if mtu < aoe::MIN_MTU {
            return Err(Refusal::new(
                EINVAL,
                format_args!("{interface}: MTU is {mtu}, less than the 1060 bytes that AoE needs"),
            ));
        }
        let device = KBox::new(device, GFP_KERNEL)?;
        ports.reserve(1, GFP_KERNEL)?;
        let place = ports.partition_point(|other| other.address() <= port.address());
        // With the room reserved, and a place within the list, this cannot fail.
        let _ = ports.insert_within_capacity(place, port.clone());
        port.set_device(Some(device));
        self.publish(&ports).inspect_err(|_| {
            port.set_device(None);
            let _ = ports.remove(place);
        })?;
        Ok(port)
    }

    /// Ends an export: when this returns, no answer leaves from it any more.
    pub(crate) fn remove(
        &self,
        address: ShelfSlot,
        interface: InterfaceName,
    ) -> Result<(), Refusal> {
        let _control = self.control.lock();
        let ports = self.ports.lock();
        let is_this =
            |port: &Arc<Port>| port.address() == address && *port.interface() == interface;
        let Some(port) = ports.iter().find(|port| is_this(port)).cloned() else {
            return Err(Refusal::new(
                ENXIO,
                format_args!("{address}@{interface}: not exported"),
            ));
        };
        let is_last = !ports
            .iter()
            .any(|other| !is_this(other) && Arc::ptr_eq(other.blade(), port.blade()));
        if is_last {
            port.blade().begin_close();
        }
        port.set_device(None);
        drop(ports);

        if is_last && port.blade().close(REMOVAL_WAIT).is_err() {
            let busy = port.blade().disk().users();
            return Err(Refusal::new(
                ETIMEDOUT,
                format_args!(
                    "{address}@{interface}: the device has not ended {busy} requests after {} \
                     seconds; the export answers no more, remove it again later",
                    REMOVAL_WAIT / 1000
                ),
            ));
        }
        let mut ports = self.ports.lock();
        ports.retain(|port| !is_this(port));
        port.unwatch();
        // Without memory for a new table the old one stays, in which the port has no interface.
        let _ = self.publish(&ports);
        if port.is_open() {
            port.log(format_args!("removed"));
        }
        Ok(())
    }

    /// Announces all exports.
    pub(crate) fn announce(&self) {
        for port in self.ports.lock().iter() {
            port.announce();
        }
    }

    /// Announces a blade, on all of its interfaces.
    pub(crate) fn announce_blade(&self, blade: &Blade) {
        for port in self.ports.lock().iter() {
            if core::ptr::eq::<Blade>(&**port.blade(), blade) {
                port.announce();
            }
        }
    }

    /// Ends all exports, however long their requests take. For unloading, when no frame and no
    /// change of an interface comes in any more.
    pub(crate) fn shut_down(&self) {
        let _control = self.control.lock();
        let ports = self.ports.lock();
        // A tick that has not seen this has enqueued the next before it let go of the lock.
        self.closed.store(true, Relaxed);
        drop(ports);
        sync::flush_delayed(&self.tick);

        let mut ports = self.ports.lock();
        self.receivers.lock().stop();
        for port in ports.iter() {
            port.set_device(None);
        }
        while let Some(port) = ports.pop() {
            port.unwatch();
            while port.blade().close(REMOVAL_WAIT).is_err() {
                port.log(format_args!("waiting for requests to end"));
            }
        }
    }

    /// Makes received frames find the ports as they are now. Sleeps.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; it is tried again at each tick.
    pub(super) fn publish(&self, ports: &[Arc<Port>]) -> Result {
        let result = self.receivers.lock().publish(ports);
        self.is_stale.store(result.is_err(), Relaxed);
        result
    }
}
