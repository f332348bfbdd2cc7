// SPDX-License-Identifier: GPL-2.0

//! A port: a blade's presence on one network interface.

use kernel::prelude::*;
use kernel::sync::atomic::Acquire;
use kernel::sync::atomic::Atomic;
use kernel::sync::atomic::Relaxed;
use kernel::sync::atomic::Release;
use kernel::sync::rcu;
use kernel::sync::Arc;
use kernel::time::Msecs;

use super::access::Right;
use super::announce::Announcements;
use super::blade::Blade;
use super::latency::Latency;
use super::policy::LogLevel;
use super::stats::Stats;
use super::watchers::Change;
use super::watchers::Watcher;
use crate::aoe;
use crate::aoe::Mac;
use crate::aoe::ShelfSlot;
use crate::net::Device;
use crate::net::InterfaceName;
use crate::net::NetDevice;
use crate::net::Reply;
use crate::sync::Pace;
use crate::sync::RcuBox;
use crate::sync::RcuCell;

/// How often the log is told at most of what the access lists refuse, in milliseconds.
const REFUSAL_INTERVAL: Msecs = 1000;

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
    /// Whether it answers. Before, it only listens for others that have its address.
    is_open: Atomic<bool>,
    /// The card at which another target was heard last that has the address; zero for none.
    rival: Atomic<u64>,
    /// The trouble that there was when that was last looked at, by the length of its sentence.
    trouble_told: Atomic<usize>,
    pub(super) announcements: Announcements,
    stats: Stats,
    latency: Latency,
    /// How often the log is told of what is refused.
    refusals: Pace,
}

impl Port {
    /// A port, not open and without an interface yet, in the network namespace of the present
    /// task.
    pub(super) fn new(blade: Arc<Blade>, interface: InterfaceName) -> Self {
        Self {
            blade,
            interface,
            namespace: NetDevice::current_namespace(),
            device: RcuCell::new(),
            is_open: Atomic::new(false),
            rival: Atomic::new(0),
            trouble_told: Atomic::new(0),
            announcements: Announcements::new(),
            stats: Stats::new(),
            latency: Latency::new(),
            refusals: Pace::new(REFUSAL_INTERVAL),
        }
    }

    /// The blade.
    pub(crate) fn blade(&self) -> &Arc<Blade> {
        &self.blade
    }

    /// What is counted of it.
    pub(crate) fn stats(&self) -> &Stats {
        &self.stats
    }

    /// How long its requests take.
    pub(crate) fn latency(&self) -> &Latency {
        &self.latency
    }

    /// Sets all that is counted and timed to nothing.
    pub(crate) fn clear_stats(&self) {
        self.stats.clear();
        self.latency.clear();
    }

    /// The blade's address.
    pub(crate) fn address(&self) -> ShelfSlot {
        self.blade.address()
    }

    /// The name of the interface.
    pub(crate) fn interface(&self) -> &InterfaceName {
        &self.interface
    }

    /// Has this one told when something changes, until the port is removed.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn watch(&self, watcher: KBox<dyn Watcher>) -> Result {
        self.blade.watchers().add(self.interface, watcher)
    }

    /// Has no one told of this port any more.
    pub(crate) fn unwatch(&self) {
        self.blade.watchers().remove(self.interface);
    }

    /// Tells those who watch when the port has begun to be of use, or has ceased.
    pub(super) fn note_state(&self) {
        let trouble = self.trouble().map_or(0, str::len);
        if self.trouble_told.xchg(trouble, Relaxed) != trouble {
            self.blade.tell(Change::State);
        }
    }

    /// Says something of the port in the kernel's log, unless that is to be quiet.
    pub(super) fn log(&self, event: core::fmt::Arguments<'_>) {
        if self.blade.policy().log() == LogLevel::Quiet {
            return;
        }
        let (address, interface) = (self.address(), &self.interface);
        pr_info!("{}\n", format_args!("{address}@{interface}: {event}"));
    }

    /// Says in the log what the access lists refuse, if the administrator wants to know it. In any
    /// context.
    pub(super) fn log_refused(&self, right: Right, initiator: Mac) {
        if self.blade.policy().log() == LogLevel::Access && self.refusals.take() {
            self.log(format_args!("{right} by {initiator} refused"));
        }
    }

    /// Whether the ports are for the same interface.
    pub(super) fn is_beside(&self, other: &Self) -> bool {
        self.interface == other.interface && self.namespace == other.namespace
    }

    /// Whether this is the interface that the port is for.
    pub(super) fn wants(&self, device: &Device) -> bool {
        device.is_named(&self.interface) && device.namespace() == self.namespace
    }

    /// Gives the port its interface, or takes it away: then no request comes in by this port any
    /// more, nor does an answer leave, when all have left who read under RCU now. The registry's list
    /// of ports must be locked.
    pub(super) fn set_device(&self, device: Option<RcuBox<NetDevice>>) {
        self.device.replace(device);
    }

    /// What tells the port's interface from others, if it has one.
    pub(super) fn device_key(&self) -> Option<usize> {
        self.with_device(Device::key)
    }

    /// A reference to the port's interface, if it has one.
    pub(super) fn hold_device(&self) -> Option<NetDevice> {
        self.with_device(Device::hold)
    }

    /// From here on the port answers.
    pub(super) fn open(&self) {
        self.is_open.store(true, Release);
    }

    /// Whether the port answers, if it can.
    pub(super) fn is_open(&self) -> bool {
        self.is_open.load(Acquire)
    }

    /// Whether requests can come in by the port.
    pub(super) fn is_reachable(&self, guard: &rcu::Guard) -> bool {
        self.is_open() && self.device.read(guard).is_some()
    }

    /// Whether frames can go out by the port.
    pub(super) fn can_send(&self) -> bool {
        self.with_device(Device::can_send).unwrap_or(false)
    }

    fn with_device<R>(&self, use_device: impl FnOnce(&Device) -> R) -> Option<R> {
        let guard = rcu::read_lock();
        self.device.read(&guard).map(|device| use_device(device))
    }

    /// The interface's MTU: bytes that may follow the Ethernet header. `None` without interface.
    pub(crate) fn mtu(&self) -> Option<u32> {
        self.with_device(Device::mtu)
    }

    /// The longest frame that the port sends or takes: bytes that may follow the Ethernet header.
    pub(super) fn frame_limit(&self) -> Option<u32> {
        Some(self.longest_frame(self.mtu()?))
    }

    /// The same where the interface has this MTU.
    pub(super) fn longest_frame(&self, mtu: u32) -> u32 {
        mtu.min(self.blade.policy().mtu_max().unwrap_or(u32::MAX))
    }

    /// Why initiators cannot reach the blade by this port, if they cannot.
    pub(crate) fn trouble(&self) -> Option<&'static str> {
        if self.blade.is_closing() {
            return Some("waiting for requests to end");
        }
        if self.blade.has_lost_disk() {
            return Some("device is gone");
        }
        match self.mtu() {
            None => Some("no such interface"),
            Some(mtu) if mtu < aoe::MIN_MTU => Some("MTU below 1060"),
            Some(_) => None,
        }
    }

    /// The interface's address.
    pub(super) fn own_address(&self) -> Option<Mac> {
        self.with_device(Device::address)
    }

    /// Notes that a target at another card answers for the blade's address. In any context.
    pub(super) fn note_rival(&self, card: Mac) {
        self.rival.store(card.to_number(), Relaxed);
        if self.is_open() && self.blade.count_rival() == 0 {
            let (address, interface) = (self.address(), &self.interface);
            pr_warn!(
                "{}\n",
                format_args!("{address}@{interface}: {card} answers for the same address")
            );
        }
    }

    /// The card at which another target with the blade's address was heard since
    /// [`Port::forget_rival`].
    pub(super) fn rival(&self) -> Option<Mac> {
        let number = self.rival.load(Relaxed);
        (number != 0).then(|| Mac::from_number(number))
    }

    /// Forgets what was heard of another target.
    pub(super) fn forget_rival(&self) {
        self.rival.store(0, Relaxed);
    }

    /// Asks who else on the segment has the blade's address.
    pub(super) fn probe(&self) {
        let Some(own) = self.own_address() else {
            return;
        };
        let frame = aoe::config::probe(own, self.address());
        if let Ok(mut query) = Reply::new(frame.len(), false) {
            query.put(0, &frame);
            let _ = self.send(query);
        }
    }

    /// Sends a frame. Without interface it is dropped: the initiator will ask again. False if it is
    /// dropped since it is too long for the interface.
    pub(super) fn send(&self, reply: Reply) -> bool {
        let guard = rcu::read_lock();
        match self.device.read(&guard) {
            Some(device) => reply.send(device),
            None => true,
        }
    }
}
