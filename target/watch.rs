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
    /// for another. True if there are any.
    fn appeared(&self, ports: &[Arc<Port>], device: &Device) -> bool {
        let mut has_changed = false;
        for port in ports {
            let has = port.device_key() == Some(device.key());
            if has && !port.wants(device) {
                port.set_device(None);
                has_changed = true;
            }
            if port.device_key().is_none() && port.wants(device) && !port.blade().is_closing() {
                if let Ok(held) = RcuBox::new(device.hold(), GFP_KERNEL) {
                    port.set_device(Some(held));
                    has_changed = true;
                }
            }
        }
        has_changed
    }

    /// Takes an interface from the ports that have it. True if there are any.
    fn vanished(&self, ports: &[Arc<Port>], device: &Device) -> bool {
        let mut has_changed = false;
        for port in ports {
            if port.device_key() == Some(device.key()) {
                port.set_device(None);
                has_changed = true;
            }
        }
        has_changed
    }
}

/// The tick: announcements that had to wait, disks that have another size, and memory that is not
/// needed any more. It takes memory with the ports locked, so it is not on the queue of the requests,
/// by which memory may be had.
impl WorkItem for Registry {
    type Pointer = Arc<Registry>;

    fn run(this: Arc<Registry>) {
        let ports = this.ports.lock();
        if this.is_stale.load(Relaxed) {
            let _ = this.publish(&ports);
        }
        for port in ports.iter() {
            if let Some(sectors) = port.blade().new_capacity() {
                port.log(format_args!("the device has {sectors} sectors now"));
                port.blade().tell(Change::Capacity);
                for other in ports.iter() {
                    if Arc::ptr_eq(other.blade(), port.blade()) {
                        other.announce();
                    }
                }
            }
            port.note_state();
            port.announce_if_due();
        }
        if !ports.is_empty() && !this.closed.load(Relaxed) {
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
        // Of most interfaces of a machine no port knows. Without memory that was not noted.
        if !self.receivers.lock().concerns(device) && !self.is_stale.load(Relaxed) {
            return;
        }
        let here = |port: &&Arc<Port>| port.device_key() == Some(device.key());
        // All that wait for RTNL wait for this, so it waits for no one: not for those either who may
        // still see a port's interface, which the network stack does before it lets that go.
        let has_changed = match event {
            DeviceEvent::Appeared => self.appeared(&ports, device),
            DeviceEvent::Vanishing => self.vanished(&ports, device),
            DeviceEvent::Changed => {
                for port in ports.iter().filter(here) {
                    port.note_state();
                    port.announce();
                }
                return;
            }
        };
        if !has_changed {
            return;
        }
        // Without memory the old table stays: ports found there that have no interface drop the
        // frame, and those that are missing there wait for the next tick.
        let _ = self.publish(&ports);
        for port in ports.iter() {
            port.note_state();
        }
    }
}
