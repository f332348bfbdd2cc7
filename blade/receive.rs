// SPDX-License-Identifier: GPL-2.0

//! What happens to a frame in softirq context: it is dropped at the least cost, or becomes
//! requests to the blades that it is for.

use kernel::alloc::AllocError;
use kernel::prelude::*;
use kernel::sync::rcu;
use kernel::sync::Arc;

use super::class::Class;
use super::discovery::Discovery;
use super::discovery::Query;
use super::exported::Blade;
use super::initiators::InflightCredit;
use super::latency::Latency;
use super::port::Port;
use super::request::Arrival;
use super::request::Head;
use super::request::Request;
use super::stats::Counter;
use super::table::Table;
use super::tracing::not_let_in;
use crate::aoe;
use crate::aoe::Header;
use crate::ata::Asked;
use crate::net::Device;
use crate::net::Frame;
use crate::net::FrameHandler;
use crate::net::PacketType;
use crate::sync;
use crate::sync::RcuBox;
use crate::sync::RcuCell;
use crate::sync::Stopwatch;
use crate::sync::WorkQueue;
use crate::sync::FROM_RESERVE;
use crate::wire::access::Access;
use crate::wire::access::Right;
use crate::wire::access::Verdict;
use crate::wire::decide;
use crate::wire::decide::Received;

/// Where received frames find their ports: on the interfaces that have any.
pub(super) struct Reception {
    table: RcuCell<Table>,
}

/// Where the frames of one interface come in.
pub(super) struct Inlet {
    reception: Arc<Reception>,
    discovery: Arc<Discovery>,
}

/// A registration for the frames of an interface.
type Receiver = PacketType<Inlet>;

/// The registrations for all interfaces that have ports.
pub(super) struct Receivers {
    reception: Arc<Reception>,
    registered: KVec<Receiver>,
    /// For each interface that ports are for, whether it is there or not, one of them.
    ports: KVec<Arc<Port>>,
    /// Where queries of all targets are handed over to them.
    queue: Arc<WorkQueue>,
}

impl Receivers {
    /// Receives nothing. What has time is left to `queue`.
    pub(super) fn new(queue: Arc<WorkQueue>) -> Result<Self, AllocError> {
        let table = RcuCell::new();
        Ok(Self {
            reception: Arc::new(Reception { table }, GFP_KERNEL)?,
            registered: KVec::new(),
            ports: KVec::new(),
            queue,
        })
    }

    /// Whether a port has this interface, or is for it, by what was published last.
    pub(super) fn concerns(&self, device: &Device) -> bool {
        let key = device.key();
        self.registered
            .iter()
            .any(|receiver| receiver.device_key() == key)
            || self
                .ports
                .iter()
                .any(|port| port.wants(device) || port.is_foreign(device))
    }

    /// Makes received frames find the ports as they are now, sorted by address. Waits for no one: a
    /// frame that is being received may still find them as they were.
    ///
    /// # Errors
    ///
    /// `ENOMEM`: then ports that have an interface since the last time may be missing.
    pub(super) fn publish(&mut self, ports: &[Arc<Port>]) -> Result {
        self.registered.retain(|receiver| {
            ports
                .iter()
                .any(|port| port.device_key() == Some(receiver.device_key()))
        });
        let table = RcuBox::new(Table::new(ports)?, GFP_KERNEL)?;
        self.reception.table.replace(Some(table));
        self.ports.clear();
        for port in ports {
            if !self.ports.iter().any(|other| other.is_beside(port)) {
                self.ports.reserve(1, GFP_KERNEL)?;
                // There is room for it.
                let _ = self.ports.push_within_capacity(port.clone());
            }
            let Some(device) = port.hold_device() else {
                continue;
            };
            let is_here = |receiver: &Receiver| receiver.device_key() == device.key();
            if !self.registered.iter().any(is_here) {
                let reception = self.reception.clone();
                let discovery =
                    Discovery::new(device.key(), reception.clone(), self.queue.clone())?;
                let inlet = Inlet {
                    reception,
                    discovery,
                };
                let inlet = Arc::new(inlet, GFP_KERNEL)?;
                let receiver = PacketType::register(aoe::header::ETHER_TYPE, device, inlet)?;
                self.registered.push(receiver, GFP_KERNEL)?;
            }
        }
        Ok(())
    }

    /// Receives nothing any more. Sleeps.
    pub(super) fn stop(&mut self) {
        self.registered.clear();
        self.ports.clear();
        self.reception.table.replace(None);
        sync::wait_for_readers();
    }
}

impl Reception {
    /// The ports as they are now.
    pub(super) fn table<'a>(&'a self, guard: &'a rcu::Guard) -> Option<&'a Table> {
        self.table.read(guard)
    }
}

impl FrameHandler for Inlet {
    fn receive(&self, device: &Device, mut frame: Frame) {
        let head = Head::of(&frame);
        let Some(header) = Header::parse(head.bytes()) else {
            return;
        };
        let mtu = device.mtu();
        let is_own = header.source == device.address() && !device.is_loopback();
        let broadcast = frame.was_broadcast();
        let asked = match decide::receive(&header, head.bytes(), mtu, is_own, broadcast) {
            Received::Request(asked) => asked,
            Received::Response => return self.hear(device, &header),
            Received::Nothing => return,
        };
        if !header.addr.is_exact() {
            return self.discovery.ask(Query {
                frame,
                header,
                head,
                asked,
                mtu,
            });
        }
        let arrival = Arrival {
            header: &header,
            head: &head,
            asked: &asked,
            mtu,
        };
        let guard = rcu::read_lock();
        let Some(table) = self.reception.table(&guard) else {
            return;
        };
        let port = table.matching(device.key(), header.addr).next();
        if let Some(port) = port.filter(|port| port.is_reachable(&guard)) {
            if frame.keep().is_err() {
                return not_let_in(port, &arrival, Counter::DroppedMemory);
            }
            take_in(port, &arrival, frame, &guard);
        }
    }
}

impl Inlet {
    /// Notes another target on the segment that has the address of one of ours: initiators would take
    /// the two for two paths to one disk.
    fn hear(&self, device: &Device, header: &Header) {
        if header.claimed().is_none() {
            return;
        }
        let guard = rcu::read_lock();
        let Some(table) = self.reception.table(&guard) else {
            return;
        };
        for port in table.matching(device.key(), header.addr) {
            if !table.has_nic_mac(port.address(), header.source) {
                port.note_rival(header.source);
            }
        }
    }
}

/// Makes a request of a frame for a port, or counts why not.
pub(super) fn take_in(port: &Arc<Port>, arrival: &Arrival<'_>, frame: Frame, guard: &rcu::Guard) {
    if let Err(reason) = admit(port, arrival, frame, guard) {
        not_let_in(port, arrival, reason);
    }
}

/// Makes a request of a frame for a port. What is too much is dropped, and comes again.
fn admit(
    port: &Arc<Port>,
    arrival: &Arrival<'_>,
    frame: Frame,
    guard: &rcu::Guard,
) -> Result<(), Counter> {
    let Arrival { header, asked, .. } = *arrival;
    let blade = port.blade();
    let read_only = match blade.access(guard) {
        Some(access) => is_read_only(port, access, header, asked)?,
        None => false,
    };
    let class = Class::of(asked);
    let limits = class.limits(blade.policy().buffer_count().into());
    let (credit, over) = match blade.initiators().enter(header.source, limits) {
        Ok(credit) => (credit, None),
        Err(cause) => {
            let credit = enter_excess(blade, class, header, limits.each).ok_or(cause)?;
            (credit, Some(cause))
        }
    };
    let Some(disk) = blade.disk().enter() else {
        blade.initiators().leave(credit);
        return Err(Counter::DroppedFull);
    };
    // One that is alone is let in whatever becomes of memory, so that there is always progress.
    let memory = if blade.disk().users() == 1 {
        FROM_RESERVE
    } else {
        GFP_ATOMIC
    };
    let (way, counted) = (port.clone(), (credit, over));
    let request = Request::new(way, arrival, frame, disk, counted, read_only, memory);
    let mut request = request.map_err(|_| {
        blade.initiators().leave(credit);
        Counter::DroppedMemory
    })?;
    if over.is_some() {
        blade.post_beyond(request);
        return Ok(());
    }
    let number = port.stats().add(Counter::Requests, 1);
    if Latency::samples(number) {
        request.stopwatch = Some(Stopwatch::start());
    }
    request.begins();
    match class {
        Class::Question => blade.ask(request),
        Class::Medium | Class::Change => blade.post(request, guard),
    }
    Ok(())
}

/// Lets a request in that finds all taken, if it may repeat one that has been in flight for a while.
#[cold]
fn enter_excess(
    blade: &Blade,
    class: Class,
    header: &Header,
    window: u32,
) -> Option<InflightCredit> {
    if class != Class::Medium || !blade.may_stall() {
        return None;
    }
    blade.initiators().enter_excess(header.source, window)
}

/// Whether the disk is read-only for the initiator of a request, by the access lists.
///
/// # Errors
///
/// The initiator is not to be answered.
fn is_read_only(
    port: &Port,
    access: &Access,
    header: &Header,
    asked: &Asked,
) -> Result<bool, Counter> {
    let verdict = decide::let_in(header, asked, access);
    if verdict != Verdict::Serve {
        port.log_refused(Right::needed(asked), header.source);
    }
    match verdict {
        Verdict::Serve => Ok(false),
        Verdict::ReadOnly => Ok(true),
        Verdict::Ignore => Err(Counter::DroppedAccess),
    }
}
