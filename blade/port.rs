// SPDX-License-Identifier: GPL-2.0

//! A port: a blade's presence on one network interface.

use kernel::new_mutex;
use kernel::prelude::*;
use kernel::sync::atomic::Atomic;
use kernel::sync::atomic::Relaxed;
use kernel::sync::atomic::Release;
use kernel::sync::rcu;
use kernel::sync::Arc;
use kernel::sync::Mutex;
use kernel::time::Msecs;

use super::announce::Announcements;
use super::conflict::Conflict;
use super::exported::Blade;
use super::latency::Latency;
use super::stats::Stats;
use super::watchers::Change;
use super::watchers::Watcher;
use crate::aoe;
use crate::aoe::Destination;
use crate::aoe::Mac;
use crate::aoe::ShelfSlot;
use crate::net::Device;
use crate::net::NetDevice;
use crate::net::Reply;
use crate::sync::Once;
use crate::sync::Pace;
use crate::sync::RcuBox;
use crate::sync::RcuCell;
use crate::wire::access::Right;
use crate::wire::interface::InterfaceName;
use crate::wire::settings::LogLevel;
use crate::wire::state::Cause;
use crate::wire::state::Down;
use crate::wire::state::State;

/// How often the log is told at most of what the access lists refuse, in milliseconds.
const ACCESS_LOG_INTERVAL: Msecs = 1000;

/// That a second writer is refused is told once in this time at most, in milliseconds.
const SECOND_WRITER_INTERVAL: Msecs = 60_000;

/// How often the log is told at most in what state a port is, in milliseconds.
const STATE_INTERVAL: Msecs = 5000;

/// A blade on an interface. The interface is known by its name: it may be absent for a while.
///
/// A port lives as long as the administrator has it exported, and then until the last request
/// that came by it has ended.
#[pin_data]
pub(crate) struct Port {
    blade: Arc<Blade>,
    interface: InterfaceName,
    namespace: u64,
    /// Whether the network namespace has ended: no interface will ever come.
    is_over: Atomic<bool>,
    /// The interface while there is one. Written only with the registry's list of ports locked.
    device: RcuCell<NetDevice>,
    /// What tells the interface that has the name but is no Ethernet; zero for none.
    foreign: Atomic<usize>,
    /// Whether it answers. Before, it only listens for others that have its address.
    is_open: Atomic<bool>,
    conflict: Conflict,
    #[pin]
    told: Mutex<Told>,
    /// How often the log is told of the state.
    changes: Pace,
    pub(super) announcements: Announcements,
    stats: Stats,
    latency: Latency,
    /// How often the log is told of what is refused.
    last_errors: Pace,
    /// When it was last told that a second writer is refused.
    pub(super) second_writers: Pace,
}

/// What others know of the state of a port.
struct Told {
    /// Those who poll.
    watchers: State,
    /// Those who read the log.
    log: State,
}

impl Port {
    /// A port, not open and without an interface yet, in the network namespace of the present
    /// task.
    pub(super) fn new(blade: Arc<Blade>, interface: InterfaceName) -> impl PinInit<Self> {
        pin_init!(Self {
            blade,
            interface,
            namespace: NetDevice::current_namespace(),
            is_over: Atomic::new(false),
            device: RcuCell::new(),
            foreign: Atomic::new(0),
            is_open: Atomic::new(false),
            conflict: Conflict::new(),
            told <- new_mutex!(Told { watchers: State::Up, log: State::Up }),
            changes: Pace::new(STATE_INTERVAL),
            announcements: Announcements::new(),
            stats: Stats::new(),
            latency: Latency::new(),
            last_errors: Pace::new(ACCESS_LOG_INTERVAL),
            second_writers: Pace::new(SECOND_WRITER_INTERVAL),
        })
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

    /// Tells those who watch, and the log, when the state is another than before. Sleeps.
    pub(super) fn note_state(&self) {
        if !self.is_open() {
            return;
        }
        let state = self.state();
        let mut told = self.told.lock();
        let has_changed = core::mem::replace(&mut told.watchers, state) != state;
        // What has come and gone in between is left out.
        let before = told.log;
        let is_news = !before.is_like(&state) && self.changes.take();
        if is_news {
            told.log = state;
        }
        drop(told);
        if has_changed {
            self.blade.tell(Change::State);
        }
        if is_news {
            self.log_state(&before, &state);
        }
    }

    /// Says the state in the log; a quiet one is told of trouble, and that it has ended.
    fn log_state(&self, before: &State, state: &State) {
        let (address, interface) = (self.address(), &self.interface);
        if matches!(state, State::Conflict(_)) {
            pr_warn!("{}\n", format_args!("{address}@{interface}: {state}"));
        } else if before.is_trouble() || state.is_trouble() {
            pr_info!("{}\n", format_args!("{address}@{interface}: {state}"));
        } else {
            self.log(format_args!("{state}"));
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
        if self.blade.policy().log() == LogLevel::Access && self.last_errors.take() {
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

    /// Notes that this network namespace ends.
    pub(super) fn note_end_of(&self, namespace: u64) {
        if self.namespace == namespace {
            self.is_over.store(true, Relaxed);
            self.log(format_args!("the network namespace has ended"));
        }
    }

    /// Whether it has ended, so that the port is to go.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Relaxed)
    }

    /// Gives the port its interface, or takes it away: then no request comes in by this port any
    /// more, nor does an answer leave, when all have left who read under RCU now. The registry's list
    /// of ports must be locked.
    pub(super) fn set_device(&self, device: Option<RcuBox<NetDevice>>) {
        self.device.replace(device);
    }

    /// Notes whether a device without an Ethernet header has the name of the interface. Returns
    /// whether that has changed.
    pub(super) fn note_foreign(&self, device: &Device, is_foreign: bool) -> bool {
        let key = device.key();
        if is_foreign {
            self.foreign.xchg(key, Relaxed) != key
        } else {
            self.foreign.cmpxchg(key, 0, Relaxed).is_ok()
        }
    }

    /// Whether this device has the name of the interface, but no Ethernet header.
    pub(super) fn is_foreign(&self, device: &Device) -> bool {
        self.foreign.read_once() == device.key()
    }

    /// What tells the port's interface from others, if it has one.
    pub(super) fn device_key(&self) -> Option<usize> {
        self.with_device(Device::key)
    }

    /// A reference to the port's interface, if it has one.
    pub(super) fn hold_device(&self) -> Option<NetDevice> {
        self.with_device(Device::hold)
    }

    /// From here on the port answers. Whoever is told of the export knows how it is made.
    pub(super) fn open(&self) {
        if self.blade.is_offline() {
            let mut told = self.told.lock();
            told.watchers = State::Offline(None);
            told.log = State::Offline(None);
        }
        self.is_open.store(true, Release);
    }

    /// Whether the port answers, if it can.
    pub(super) fn is_open(&self) -> bool {
        self.is_open.read_acquire()
    }

    /// Whether requests can come in by the port.
    pub(super) fn is_reachable(&self, guard: &rcu::Guard) -> bool {
        self.is_open() && self.device.read(guard).is_some()
    }

    /// Whether frames can go out by the port.
    pub(super) fn can_send(&self) -> bool {
        self.interface_trouble().is_none()
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

    /// What the export is good for by this port. Not for softirq context.
    pub(crate) fn state(&self) -> State {
        if self.blade.is_closing() {
            return State::Closing;
        }
        let down = if self.blade.has_lost_disk() {
            Some(Down::By(Cause::DeviceGone))
        } else {
            self.interface_trouble()
        };
        if self.blade.is_offline() {
            State::Offline(down)
        } else if let Some(down) = down {
            State::Down(down)
        } else if let Some(rival_mac) = self
            .conflict
            .rival()
            .or_else(|| self.blade.rival_elsewhere())
        {
            State::Conflict(rival_mac)
        } else {
            self.blade.degraded().map_or(State::Up, State::Degraded)
        }
    }

    /// Why the interface does not serve AoE, if it does not.
    fn interface_trouble(&self) -> Option<Down> {
        self.with_device(|device| {
            if let Some(taker) = device.taker() {
                Some(Down::Taken(taker))
            } else if !device.is_up() {
                Some(Down::By(Cause::SwitchedOff))
            } else if !device.has_carrier() {
                Some(Down::By(Cause::NoCarrier))
            } else if device.mtu() < aoe::MIN_MTU {
                Some(Down::By(Cause::SmallMtu))
            } else {
                None
            }
        })
        .unwrap_or_else(|| match self.foreign.read_once() {
            0 => Some(Down::By(Cause::NoInterface)),
            _ => Some(Down::By(Cause::NotEthernet)),
        })
    }

    /// The interface's address.
    pub(super) fn own_address(&self) -> Option<Mac> {
        self.with_device(Device::address)
    }

    /// Notes that a target at another MAC answers for the blade's address. In any context.
    pub(super) fn note_rival(&self, rival_mac: Mac) {
        self.conflict.note(rival_mac);
        if self.is_open() {
            self.blade.count_rival();
        }
    }

    /// What is known of other targets with the blade's address.
    pub(super) fn conflict(&self) -> &Conflict {
        &self.conflict
    }

    /// Asks who else on the segment has these addresses.
    pub(super) fn probe(&self, destination: Destination) {
        let Some(own) = self.own_address() else {
            return;
        };
        let frame = aoe::config::probe(own, destination);
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
