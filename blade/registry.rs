// SPDX-License-Identifier: GPL-2.0

//! All exports, and their coming and going: at the administrator's word, and with interfaces.

use kernel::new_mutex;
use kernel::prelude::*;
use kernel::sync::atomic::Atomic;
use kernel::sync::atomic::Relaxed;
use kernel::sync::Arc;
use kernel::sync::Mutex;
use kernel::workqueue::impl_has_delayed_work;
use kernel::workqueue::new_delayed_work;
use kernel::workqueue::DelayedWork;

use super::control_error::being_removed;
use super::control_error::no_device;
use super::control_error::not_exported;
use super::control_error::taken;
use super::control_error::ControlError;
use super::exported::Blade;
use super::idle::Idle;
use super::new_export::NewExport;
use super::port::Port;
use super::presence::look_for_rivals;
use super::receive::Receivers;
use super::request::Request;
use super::watchers::Watcher;
use crate::aoe;
use crate::aoe::ShelfSlot;
use crate::block;
use crate::block::PagePools;
use crate::net::NetDevice;
use crate::sync::CpuWorkers;
use crate::sync::Cpus;
use crate::sync::OpenSlab;
use crate::sync::RcuBox;
use crate::sync::WorkQueue;
use crate::wire::interface::InterfaceName;

/// Ports, sorted by address.
pub(super) type Ports = KVec<Arc<Port>>;

/// All exports.
///
/// Two locks, in this order: `control` is held by one who adds or removes, for as long as that
/// takes; `ports` guards the list and the ports' interfaces, only for moments, since it is also
/// taken under the kernel's RTNL lock.
#[pin_data]
pub(crate) struct Registry {
    queue: Arc<WorkQueue>,
    /// For what never waits for a disk: where many do, nothing else is left of a queue's workers.
    prompt: Arc<WorkQueue>,
    /// For what has time.
    pub(super) leisure: Arc<WorkQueue>,
    pub(super) cpu_workers: Arc<CpuWorkers<Blade>>,
    _cpus: Pin<KBox<Cpus<CpuWorkers<Blade>>>>,
    pub(super) pools: Arc<PagePools>,
    #[pin]
    pub(super) control: Mutex<()>,
    #[pin]
    pub(super) ports: Mutex<Ports>,
    /// Taken with `ports` locked.
    #[pin]
    pub(super) receivers: Mutex<Receivers>,
    /// The table for received frames is stale: [`Registry::publish`] failed with `ENOMEM`. The tick retries.
    pub(super) is_stale: Atomic<bool>,
    pub(super) closed: Atomic<bool>,
    /// Who removes exports that are to go, as there is more of them than is known here.
    #[pin]
    pub(super) remover: Mutex<Option<KBox<dyn Watcher>>>,
    /// Ticks so far.
    pub(super) seconds: Atomic<u32>,
    #[pin]
    pub(super) tick: DelayedWork<Registry>,
    pub(super) idle: Idle,
    /// The memory of all requests: last, as it may only go when there are none. Its reserve has one
    /// for each blade.
    pub(super) requests: OpenSlab<Request>,
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
        let cpu_workers = CpuWorkers::new(c"kvblade_rs/%u")?;
        let cpus = KBox::pin_init(Cpus::follow(cpu_workers.clone()), GFP_KERNEL)?;
        let prompt = Arc::new(WorkQueue::new(c"kvblade_rs_prompt")?, GFP_KERNEL)?;
        let leisure = Arc::new(WorkQueue::leisurely(c"kvblade_rs_leisure")?, GFP_KERNEL)?;
        let receivers = Receivers::new(leisure.clone())?;
        let requests = OpenSlab::new(c"kvblade_rs_request")?;
        Arc::pin_init(
            pin_init!(Self {
                queue,
                prompt,
                leisure,
                cpu_workers,
                _cpus: cpus,
                pools,
                control <- new_mutex!(()),
                ports <- new_mutex!(KVec::new()),
                receivers <- new_mutex!(receivers),
                is_stale: Atomic::new(false),
                closed: Atomic::new(false),
                remover <- new_mutex!(None),
                seconds: Atomic::new(0),
                tick <- new_delayed_work!("kvblade_rs::tick"),
                idle: Idle::new(),
                requests,
            }),
            GFP_KERNEL,
        )
    }

    /// Makes a port for a block device, which does not answer yet, unless another target on the
    /// segment has the address. Sleeps for a second while it asks.
    ///
    /// The caller opens it with [`Registry::open`] or gives it back with [`Registry::remove`].
    pub(crate) fn add(&self, new: NewExport) -> Result<Arc<Port>, ControlError> {
        let force = new.force;
        let port = self.make_port(new)?;
        if !force {
            look_for_rivals(core::slice::from_ref(&port)).inspect_err(|_| {
                let _ = self.remove(&port);
            })?;
        }
        Ok(port)
    }

    /// The port with this address on this interface.
    pub(crate) fn find(
        &self,
        address: ShelfSlot,
        interface: InterfaceName,
    ) -> Result<Arc<Port>, ControlError> {
        self.ports
            .lock()
            .iter()
            .find(|port| port.address() == address && *port.interface() == interface)
            .cloned()
            .ok_or_else(|| not_exported(address, interface))
    }

    /// Lets a port answer, and announces it.
    pub(crate) fn open(self: &Arc<Self>, port: &Arc<Port>) -> Result<(), ControlError> {
        let _control = self.control.lock();
        let (address, interface) = (port.address(), *port.interface());
        if !self.has(port) {
            return Err(ControlError::new(
                ENXIO,
                format_args!("{address}@{interface}: removed while it was being added"),
            ));
        }
        let blade = port.blade();
        let path = blade.path().to_str().unwrap_or_default();
        let sectors = blade.capacity().unwrap_or_default();
        port.log(format_args!("exported {path}, {sectors} sectors"));
        port.open();
        port.note_state();
        port.announce();
        self.tick_later();
        Ok(())
    }

    fn has(&self, port: &Arc<Port>) -> bool {
        let ports = self.ports.lock();
        ports.iter().any(|other| Arc::ptr_eq(other, port))
    }

    fn make_port(&self, new: NewExport) -> Result<Arc<Port>, ControlError> {
        let _control = self.control.lock();
        let interface = new.interface;
        let ports = self.ports.lock().len();
        self.requests.keep(ports.saturating_add(1))?;
        let result = self.find_or_open(new).and_then(|(blade, is_new)| {
            self.attach(&blade, interface).inspect_err(|_| {
                if is_new {
                    // No one uses the disk yet, so it closes at once.
                    let _ = blade.close(0);
                }
            })
        });
        self.rest();
        result
    }

    /// The blade with this address, if it is on another interface already, or else a new one. None that
    /// is on its way out, for with `control` locked no other goes that way.
    fn find_or_open(&self, new: NewExport) -> Result<(Arc<Blade>, bool), ControlError> {
        let (address, interface) = (new.address, new.interface);
        let name = new.path.to_str().unwrap_or_default();
        let number = block::number_of(&new.path).map_err(|errno| no_device(name, errno))?;
        let ports = self.ports.lock();
        let has_device = |blade: &Blade| blade.disk().number() == number;
        let may_share = |blade: &Blade| new.mode.shared && blade.mode().shared;
        let is_in_the_way =
            |blade: &Blade| blade.address() == address || has_device(blade) && !may_share(blade);
        let mut blades = ports.iter().map(|port| port.blade());
        if let Some(blade) = blades.find(|blade| blade.is_closing() && is_in_the_way(blade)) {
            return Err(being_removed(blade));
        }
        // Before all others, since one of them may be on another interface.
        let is_this =
            |port: &Arc<Port>| port.address() == address && *port.interface() == interface;
        if ports.iter().any(is_this) {
            return Err(ControlError::new(
                EEXIST,
                format_args!("{address}: address in use on {interface}"),
            ));
        }
        for port in ports.iter() {
            let blade = port.blade();
            let same_device = has_device(blade);
            if port.address() == address
                && !(same_device && blade.mode() == new.mode && blade.policy().equals(&new.policy))
            {
                return Err(ControlError::new(
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
                return Err(ControlError::new(
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
            if same_device && !may_share(blade) {
                return Err(ControlError::new(
                    EBUSY,
                    format_args!("{name}: device is exported as {} already", blade.address()),
                ));
            }
        }
        drop(ports);
        self.cpu_workers.start()?;
        Ok((
            Blade::open(
                new,
                [self.queue.clone(), self.prompt.clone()],
                self.cpu_workers.clone(),
                self.pools.clone(),
            )?,
            true,
        ))
    }

    /// Makes a port for the blade on an interface that exists.
    fn attach(
        &self,
        blade: &Arc<Blade>,
        interface: InterfaceName,
    ) -> Result<Arc<Port>, ControlError> {
        let port = Arc::pin_init(Port::new(blade.clone(), interface), GFP_KERNEL)?;
        let mut ports = self.ports.lock();
        // With the list locked, an interface found here cannot be unregistered unseen.
        let device = NetDevice::by_name(&interface).ok_or_else(|| {
            ControlError::new(ENODEV, format_args!("{interface}: no such interface"))
        })?;
        if !device.is_ethernet() {
            return Err(ControlError::new(
                EINVAL,
                format_args!("{interface}: not an Ethernet interface"),
            ));
        }
        if let Some(taker) = device.taker() {
            return Err(taken(interface, taker));
        }
        let mtu = device.mtu();
        if mtu < aoe::MIN_MTU {
            return Err(ControlError::new(
                EINVAL,
                format_args!("{interface}: MTU is {mtu}, less than the 1060 bytes that AoE needs"),
            ));
        }
        let device = RcuBox::new(device, GFP_KERNEL)?;
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

    /// Whether there is an export with this address by this name of an interface.
    pub(crate) fn has_port(&self, address: ShelfSlot, interface: &InterfaceName) -> bool {
        let ports = self.ports.lock();
        let is_this = |port: &Arc<Port>| port.address() == address && port.interface() == interface;
        ports.iter().any(is_this)
    }

    /// Has this one told when exports are to go, or no one.
    pub(crate) fn set_remover(&self, remover: Option<KBox<dyn Watcher>>) {
        let before = core::mem::replace(&mut *self.remover.lock(), remover);
        drop(before);
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

    /// Nothing that happens by itself is told any more: the module is on its way out.
    pub(crate) fn hush(&self) {
        let _ports = self.ports.lock();
        self.closed.store(true, Relaxed);
    }

    /// Makes received frames find the ports as they are now. Waits for no one.
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
