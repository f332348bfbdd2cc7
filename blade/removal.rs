// SPDX-License-Identifier: GPL-2.0

//! The end of exports: of one, at the administrator's word, and of all, when the module goes.

use kernel::prelude::*;
use kernel::sync::atomic::Relaxed;
use kernel::sync::lock::mutex::MutexBackend;
use kernel::sync::lock::Guard;
use kernel::sync::Arc;
use kernel::time::Msecs;

use super::control_error::not_exported;
use super::control_error::ControlError;
use super::port::Port;
use super::registry::Ports;
use super::registry::Registry;
use crate::sync;

/// How long the removal of an export waits for its requests to end, in milliseconds.
const REMOVAL_WAIT: Msecs = 10_000;

impl Registry {
    /// Ends an export: when this returns, no answer leaves from it any more. Another that has its
    /// address and interface by now stays.
    pub(crate) fn remove(&self, port: &Arc<Port>) -> Result<(), ControlError> {
        self.remove_within(port, REMOVAL_WAIT)
    }

    /// Ends an export whose network namespace has ended, without waiting for its disk: false if that
    /// has not ended all requests.
    pub(crate) fn remove_if_idle(&self, port: &Arc<Port>) -> bool {
        self.remove_within(port, 0).is_ok()
    }

    fn remove_within(&self, port: &Arc<Port>, wait: Msecs) -> Result<(), ControlError> {
        let _control = self.control.lock();
        let (address, interface) = (port.address(), *port.interface());
        let ports = self.ports.lock();
        let is_this = |other: &Arc<Port>| Arc::ptr_eq(other, port);
        if !ports.iter().any(is_this) {
            return Err(not_exported(address, interface));
        }
        let blade = port.blade();
        let is_last = !ports
            .iter()
            .any(|other| !is_this(other) && Arc::ptr_eq(other.blade(), blade));
        if is_last {
            blade.begin_close();
        }
        port.set_device(None);
        if !is_last {
            self.forget(port, ports);
            sync::wait_for_readers();
            return Ok(());
        }
        // The interface may have to go before the disk has ended: nothing of ours may keep it.
        let _ = self.publish(&ports);
        drop(ports);

        if blade.close(wait).is_err() {
            let busy = blade.disk().users();
            return Err(ControlError::new(
                ETIMEDOUT,
                format_args!(
                    "{address}@{interface}: the device has not ended {busy} requests after {} \
                     seconds; the export answers no more, remove it again later",
                    wait / 1000
                ),
            ));
        }
        sync::wait_for_readers();
        blade.flush();
        self.forget(port, self.ports.lock());
        self.rest();
        Ok(())
    }

    /// Takes a port that has no interface from the list, before it gets one again.
    fn forget(&self, port: &Arc<Port>, mut ports: Guard<'_, Ports, MutexBackend>) {
        ports.retain(|other| !Arc::ptr_eq(other, port));
        port.unwatch();
        // Without memory for a new table the old one stays, in which the port has no interface.
        let _ = self.publish(&ports);
        let left = ports.len();
        drop(ports);
        // To make it smaller takes no memory.
        let _ = self.requests.keep(left);
        if port.is_open() {
            port.log(format_args!("removed"));
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
        for port in ports.iter() {
            port.blade().begin_close();
            port.set_device(None);
        }
        // However long the disks take: interfaces may have to go before.
        self.receivers.lock().stop();
        for port in ports.iter() {
            port.unwatch();
            while port.blade().close(REMOVAL_WAIT).is_err() {
                port.log(format_args!("waiting for requests to end"));
            }
        }
        // For whoever has posted a request and is about to wake a worker: once, for all blades.
        sync::wait_for_readers();
        for port in ports.iter() {
            port.blade().flush();
        }
        ports.clear();
        drop(ports);
        // Queries that are being handed over, and the tick, which takes the lock.
        self.leisure.flush();
        self.rest();
        // What readers could see is dropped by functions of this module.
        sync::wait_for_retired();
    }

    /// Without exports there are no threads. With `control` locked.
    pub(super) fn rest(&self) {
        if self.ports.lock().is_empty() {
            self.cpu_workers.stop();
        }
    }
}
