// SPDX-License-Identifier: GPL-2.0

//! Split brain: another target on a segment that has a blade's address.
//!
//! Initiators take two targets with one address for two paths to one disk, and write to both. A
//! target cannot hear what the other answers to initiators, so each asks for its own addresses: now
//! and then, and often for a while after the link has come back, or frames go by another way.

use kernel::prelude::*;
use kernel::sync::atomic::Acquire;
use kernel::sync::atomic::Atomic;
use kernel::sync::atomic::Relaxed;
use kernel::sync::atomic::Release;
use kernel::sync::Arc;
use kernel::time::Msecs;

use super::port::Port;
use super::registry::Registry;
use crate::aoe::Destination;
use crate::aoe::Mac;
use crate::sync::Moment;
use crate::wire::settings::OnConflict;

/// How long the segment is asked more often after the link has come back, in seconds: a switch may take
/// half a minute before it forwards frames by a port again.
const SOON: u32 = 35;

/// Seconds between two questions in that time.
const SOON_STEP: u32 = 5;

/// A rival that has not answered so many questions in a row is gone, if that takes some seconds.
const MISSED: u32 = 3;
const LEAST_MEMORY: u32 = 5;

/// Where no one asks, a rival is gone when nothing has been heard of it for so many seconds.
const UNASKED_MEMORY: u32 = 60;

/// What is known of another target with the blade's address on the segment of a port.
///
/// Written in softirq context by whoever hears it, and judged at each tick of the registry.
pub(super) struct Conflict {
    /// The MAC at which it was heard last, and above that a number by which two times differ; zero for
    /// none.
    nic: Atomic<u64>,
    heard: Atomic<usize>,
    /// How often it was heard.
    count: Atomic<u32>,
    /// How often it had been heard when it was asked again, plus one; zero before.
    asked_at: Atomic<u32>,
    /// Seconds for which the segment is still asked more often.
    soon: Atomic<u32>,
}

impl Conflict {
    /// Bits of a NIC's number, which leaves those above them out when it is read.
    const CARD_BITS: u32 = 48;

    /// Nothing was heard.
    pub(super) fn new() -> Self {
        Self {
            nic: Atomic::new(0),
            heard: Atomic::new(0),
            count: Atomic::new(0),
            asked_at: Atomic::new(0),
            soon: Atomic::new(0),
        }
    }

    /// Notes that a target at another MAC has answered for the address. In any context.
    pub(super) fn note(&self, nic: Mac) {
        if nic.to_number() == 0 {
            // No NIC has that, and a rival that is none would hide a real one.
            return;
        }
        self.heard.store(Moment::now().to_ticks(), Relaxed);
        let number = u64::from(self.count.fetch_add(1, Relaxed)).wrapping_shl(Self::CARD_BITS);
        // Whoever sees another MAC or number than before sees that it was heard now.
        let _ = self.nic.xchg(nic.to_number() | number, Release);
    }

    /// The MAC at which another target was heard since [`Conflict::forget`].
    pub(super) fn rival(&self) -> Option<Mac> {
        let nic = self.nic.load(Relaxed);
        (nic != 0).then(|| Mac::from_number(nic))
    }

    /// Forgets what was heard.
    pub(super) fn forget(&self) {
        self.nic.store(0, Relaxed);
        self.asked_at.store(0, Relaxed);
    }

    /// Forgets a rival that has not been heard for so many milliseconds.
    fn expire(&self, memory: Msecs) {
        let nic = self.nic.load(Acquire);
        let heard = Moment::from_ticks(self.heard.load(Relaxed));
        // Unless it is heard in this moment.
        let is_gone = nic != 0 && heard.is_older_than(memory);
        if is_gone && self.nic.cmpxchg(nic, 0, Relaxed).is_ok() {
            self.asked_at.store(0, Relaxed);
        }
    }

    /// Whether the rival is to be asked once more, since nothing follows from a single frame.
    fn must_confirm(&self) -> bool {
        let is_first = self.nic.load(Relaxed) != 0 && self.asked_at.load(Relaxed) == 0;
        if is_first {
            let count = self.count.load(Relaxed);
            self.asked_at.store(count.wrapping_add(1).max(1), Relaxed);
        }
        is_first
    }

    /// The MAC of the rival, if it was heard again after it had been asked again.
    fn confirmed(&self) -> Option<Mac> {
        let asked_at = self.asked_at.load(Relaxed);
        let is_again = asked_at != 0 && self.count.load(Relaxed).wrapping_add(1) != asked_at;
        self.rival().filter(|_| is_again)
    }
}

impl Port {
    /// Asks who else has the address soon, and some times more: what was cut off may be back.
    pub(super) fn ask_soon(&self) {
        self.conflict().soon.store(SOON, Relaxed);
    }

    /// Whether its turn to ask has come in this second. Shelves have their turns at different times.
    fn is_to_ask(&self, second: u32) -> bool {
        let every = self.blade().policy().conflict_check();
        let soon = self.conflict().soon.load(Relaxed);
        let shelf = u32::from(self.address().shelf.get());
        self.is_open()
            && every != 0
            && (second % every == shelf % every || (soon != 0 && soon % SOON_STEP == 0))
            && self.can_send()
    }

    /// What the second that ends has brought: a rival that is gone is forgotten, a new one asked again.
    fn judge_conflict(&self) {
        let conflict = self.conflict();
        let every = self.blade().policy().conflict_check();
        let seconds = match every {
            0 => UNASKED_MEMORY,
            _ => every.saturating_mul(MISSED).max(LEAST_MEMORY),
        };
        conflict.expire(seconds.saturating_mul(1000));
        if conflict.must_confirm() {
            self.probe(self.address().into());
        }
        let soon = conflict.soon.load(Relaxed);
        if soon != 0 && self.can_send() {
            // An event that comes in between may be lost for a second, but not the seconds after it.
            let _ = conflict.soon.cmpxchg(soon, soon.saturating_sub(1), Relaxed);
        }
    }
}

impl Registry {
    /// Looks for other targets with the addresses of these ports, which are sorted by address, and
    /// acts on what was found. Once a second.
    pub(super) fn look_for_conflicts(&self, ports: &[Arc<Port>], second: u32) {
        for (index, port) in ports.iter().enumerate() {
            if port.is_to_ask(second) {
                ask_for_shelf(ports, index, second);
            }
        }
        for port in ports {
            port.judge_conflict();
        }
        let mut rest = ports;
        while let Some(first) = rest.first() {
            let of_blade = |port: &&Arc<Port>| Arc::ptr_eq(port.blade(), first.blade());
            let count = rest.iter().take_while(of_blade).count();
            let (same, others) = rest.split_at_checked(count).unwrap_or((rest, &[]));
            let rival = same.iter().find_map(|port| port.conflict().confirmed());
            first.blade().set_rival(rival);
            rest = others;
        }
    }
}

/// Asks for the address of a port, whose turn it is; with one frame for all those of its shelf on its
/// interface whose turn it is as well. Only the first of them does so.
fn ask_for_shelf(ports: &[Arc<Port>], index: usize, second: u32) {
    let Some((before, [port, after @ ..])) = ports.split_at_checked(index) else {
        return;
    };
    let shelf = port.address().shelf;
    let in_shelf = |other: &&Arc<Port>| other.address().shelf == shelf;
    let is_with = |other: &Arc<Port>| other.is_beside(port) && other.is_to_ask(second);
    if before.iter().rev().take_while(in_shelf).any(is_with) {
        return;
    }
    port.probe(if after.iter().take_while(in_shelf).any(is_with) {
        Destination::all_of(shelf)
    } else {
        port.address().into()
    });
}

impl super::exported::Blade {
    /// The MAC of another target that has been heard by another port, for which this one serves nothing
    /// either.
    pub(super) fn rival_elsewhere(&self) -> Option<Mac> {
        self.rival()
            .filter(|_| self.conduct() != OnConflict::Report)
    }

    /// What is to be done with ATA commands now, in view of other targets.
    pub(super) fn conduct(&self) -> OnConflict {
        if self.rival().is_some() {
            self.policy().on_conflict()
        } else {
            OnConflict::Report
        }
    }
}

#[kunit_tests(kvblade_rs_conflict)]
mod tests {
    use super::*;

    #[test]
    fn one_frame_is_no_proof() {
        let conflict = Conflict::new();
        assert!(!conflict.must_confirm() && conflict.confirmed().is_none());
        conflict.note(Mac([2, 0, 0, 0, 0, 1]));
        assert!(conflict.confirmed().is_none());
        assert!(conflict.must_confirm() && !conflict.must_confirm());
        assert!(conflict.confirmed().is_none());
        conflict.note(Mac([2, 0, 0, 0, 0, 1]));
        assert!(conflict.confirmed().is_some());
        conflict.forget();
        assert!(conflict.confirmed().is_none() && conflict.rival().is_none());
    }
}
