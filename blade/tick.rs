// SPDX-License-Identifier: GPL-2.0

//! What happens by itself: interfaces come, go and change, which the network stack tells; disks
//! change their size, which no one tells.

use kernel::prelude::*;
use kernel::sync::atomic::Relaxed;
use kernel::sync::Arc;
use kernel::time::msecs_to_jiffies;
use kernel::time::Msecs;
use kernel::workqueue::WorkItem;

use super::port::Port;
use super::registry::Registry;
use super::watchers::Change;
use crate::net::Device;
use crate::net::DeviceEvent;
use crate::net::DeviceEventHandler;
use crate::sync::RcuBox;

/// Time between two looks at what must be looked at, in milliseconds.
const TICK: Msecs = 1000;

impl Registry {
    /// Lets there be a tick.
    pub(super) fn tick_later(self: &Arc<Self>) {
        // If it is queued already there will be a tick soon enough.
        let _ = self
            .leisure
            .enqueue_delayed::<_, 0>(self.clone(), msecs_to_jiffies(TICK));
    }

    /// Gives an interface to the ports that wait for it, and takes it from those that are named
    /// for another, and from all if it is no Ethernet. Returns whether one has been given or
    /// taken.
    fn fit(&self, ports: &[Arc<Port>], device: &Device) -> bool {
        let is_ethernet = device.is_ethernet();
        let mut is_new = false;
        for port in ports {
            let is_named = port.wants(device);
            let has = port.device_key() == Some(device.key());
            let is_other = port.note_foreign(device, is_named && !is_ethernet);
            let fits = is_named && is_ethernet;
            if has != fits && self.give(port, fits.then_some(device)) {
                is_new = true;
            } else if !is_other {
                continue;
            }
            self.tell_state(port);
        }
        is_new
    }

    /// Gives a port this interface, or none. Returns whether that has changed anything.
    fn give(&self, port: &Port, device: Option<&Device>) -> bool {
        let device = match device {
            Some(_) if port.device_key().is_some() || port.blade().is_closing() => return false,
            Some(device) => match RcuBox::new(device.hold(), GFP_KERNEL) {
                Ok(held) => Some(held),
                Err(_) => return false,
            },
            None => None,
        };
        port.set_device(device);
        port.ask_soon();
        true
    }

    /// Takes an interface that goes away from the ports that have it. Returns whether any has.
    fn give_back(&self, ports: &[Arc<Port>], device: &Device) -> bool {
        let mut is_new = false;
        for port in ports {
            let is_other = port.note_foreign(device, false);
            if port.device_key() == Some(device.key()) {
                is_new |= self.give(port, None);
            } else if !is_other {
                continue;
            }
            self.tell_state(port);
        }
        is_new
    }

    /// Nothing is told of what the end of the module does to ports.
    fn tell_state(&self, port: &Port) {
        if !self.closed.load(Relaxed) {
            port.note_state();
        }
    }
}

/// The tick: announcements that had to wait, disks that have another size, and memory that is not
/// needed any more. It takes memory with the ports locked, so it is not on the queue of the requests,
/// by which memory may be had.
impl WorkItem for Registry {
    type Pointer = Arc<Registry>;

    fn run(this: Arc<Registry>) {
        let ports = this.ports.lock();
        if this.closed.load(Relaxed) {
            return;
        }
        if this.is_stale.load(Relaxed) {
            let _ = this.publish(&ports);
        }
        if ports.iter().any(|port| port.is_over()) {
            if let Some(remover) = &*this.remover.lock() {
                remover.changed(Change::Namespace);
            }
        }
        let second = this.seconds.fetch_add(1, Relaxed);
        this.look_for_conflicts(&ports, second);
        for port in ports.iter() {
            if let Some(sectors) = port.blade().take_capacity_change() {
                port.log(format_args!("the device has {sectors} sectors now"));
                port.blade().tell(Change::Capacity);
                for other in ports.iter() {
                    if Arc::ptr_eq(other.blade(), port.blade()) {
                        other.announce();
                    }
                }
            }
            port.note_state();
            port.blade().answer_left();
            port.announce_in_turn(second);
            port.announce_if_due();
        }
        if !ports.is_empty() {
            this.tick_later();
        }
        let is_idle = this.idle.has_begun(&ports);
        drop(ports);
        if is_idle {
            this.pools.renew();
        }
    }
}

impl DeviceEventHandler for Registry {
    fn device_event(&self, device: &Device, event: DeviceEvent) {
        let ports = self.ports.lock();
        // That of the loopback interface is the end of its network namespace; when the module goes, all
        // interfaces vanish for it.
        let is_closed = self.closed.load(Relaxed);
        if event == DeviceEvent::Vanishing && device.is_loopback() && !is_closed {
            let namespace = device.namespace();
            ports.iter().for_each(|port| port.note_end_of(namespace));
        }
        // Of most interfaces of a machine no port knows. Without memory that was not noted.
        if !self.receivers.lock().concerns(device) && !self.is_stale.load(Relaxed) {
            return;
        }
        // All that wait for RTNL wait for this, so it waits for no one: not for those either who may
        // still see a port's interface, which the network stack does before it lets that go. Some
        // drivers tell of another type only by what follows.
        let is_new = match event {
            DeviceEvent::Appeared | DeviceEvent::Changed => self.fit(&ports, device),
            DeviceEvent::Vanishing => self.give_back(&ports, device),
        };
        if is_new {
            // Without memory the old table stays: ports found there that have no interface drop
            // the frame, and those that are missing there wait for the next tick.
            let _ = self.publish(&ports);
        }
        // When the module goes its end is told as a change of each interface.
        if event == DeviceEvent::Changed && !is_closed {
            let here = |port: &&Arc<Port>| port.device_key() == Some(device.key());
            for port in ports.iter().filter(here) {
                self.tell_state(port);
                port.announce();
                port.ask_soon();
            }
        }
    }
}
