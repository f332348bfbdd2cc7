// SPDX-License-Identifier: GPL-2.0

//! The table in which a frame finds its ports: built anew at each change, then only read.

use kernel::alloc::AllocError;
use kernel::prelude::*;
use kernel::sync::Arc;

use super::port::Port;
use crate::aoe::Destination;
use crate::aoe::Mac;
use crate::aoe::ShelfSlot;

/// All ports that have an interface, by interface.
pub(super) struct Table(KVec<Segment>);

/// The ports on one interface.
struct Segment {
    device: usize,
    /// Sorted by address.
    ports: KVec<(ShelfSlot, Arc<Port>)>,
}

impl Table {
    /// Makes a table of those `ports` that have an interface. They must be sorted by address.
    ///
    /// # Errors
    ///
    /// `AllocError`.
    pub(super) fn new(ports: &[Arc<Port>]) -> Result<Self, AllocError> {
        let mut table = Self(KVec::new());
        for port in ports {
            if let Some(device) = port.device_key() {
                let entry = (port.address(), port.clone());
                table.segment(device)?.push(entry, GFP_KERNEL)?;
            }
        }
        Ok(table)
    }

    /// The ports on a device, in a segment made for it if there is none yet.
    fn segment(&mut self, device: usize) -> Result<&mut KVec<(ShelfSlot, Arc<Port>)>, AllocError> {
        let segments = &mut self.0;
        if !segments.iter().any(|segment| segment.device == device) {
            let ports = KVec::new();
            segments.push(Segment { device, ports }, GFP_KERNEL)?;
        }
        segments
            .iter_mut()
            .find(|segment| segment.device == device)
            .map(|segment| &mut segment.ports)
            .ok_or(AllocError)
    }

    /// Whether the blade with this address has a port whose interface has this address.
    pub(super) fn has_nic_mac(&self, address: ShelfSlot, nic_mac: Mac) -> bool {
        self.0.iter().any(|segment| {
            segment
                .ports
                .get(first_not_before(&segment.ports, address))
                .filter(|(other, _)| *other == address)
                .is_some_and(|(_, port)| port.own_address() == Some(nic_mac))
        })
    }

    /// The ports on a device behind the one with this address, or all.
    pub(super) fn after(
        &self,
        device: usize,
        latest: Option<ShelfSlot>,
    ) -> impl Iterator<Item = &(ShelfSlot, Arc<Port>)> {
        let segment = self.0.iter().find(|segment| segment.device == device);
        let ports = segment.map_or(&[] as &[_], |segment| segment.ports.as_slice());
        let from = latest.map_or(0, |latest| first_not_before(ports, latest));
        ports
            .iter()
            .skip(from)
            .filter(move |(address, _)| latest != Some(*address))
    }

    /// The ports on a device that a frame with this destination is for: one at most if the
    /// destination is exact.
    pub(super) fn matching(
        &self,
        device: usize,
        destination: Destination,
    ) -> impl Iterator<Item = &Arc<Port>> {
        let segment = self.0.iter().find(|segment| segment.device == device);
        let ports = segment.map_or(&[] as &[_], |segment| segment.ports.as_slice());
        let candidates = match destination.exact() {
            Some(exact) => {
                let found = ports.get(first_not_before(ports, exact));
                found.map_or(&[] as &[_], core::slice::from_ref)
            }
            None => ports,
        };
        candidates
            .iter()
            .filter(move |(address, _)| destination.matches(*address))
            .map(|(_, port)| port)
    }
}

/// The index of the first port whose address is not before `address`. The standard library's
/// search would do, but compiles here to arithmetic that can panic, in the path of every frame.
fn first_not_before(ports: &[(ShelfSlot, Arc<Port>)], address: ShelfSlot) -> usize {
    let (mut start, mut end) = (0_usize, ports.len());
    while let Some((other, _)) = ports.get(start.midpoint(end)).filter(|_| start < end) {
        if *other < address {
            start = start.midpoint(end).saturating_add(1);
        } else {
            end = start.midpoint(end);
        }
    }
    start
}
