// SPDX-License-Identifier: GPL-2.0

//! Queries of all targets: one frame with a wildcard, and an answer of each export.
//!
//! The answers go to whom the frame names as its source, who may be the victim of another; and source
//! addresses can be forged. So an interface takes so many in a second, whoever they are from, and of
//! one address fewer; and they are handed over to the exports one after the other, in pieces, in
//! process context: not a thousand requests are made, and a thousand workers woken, in the softirq
//! that one frame comes in.

use kernel::alloc::AllocError;
use kernel::new_spinlock;
use kernel::new_work;
use kernel::prelude::*;
use kernel::sync::atomic::Atomic;
use kernel::sync::atomic::Relaxed;
use kernel::sync::rcu;
use kernel::sync::Arc;
use kernel::sync::SpinLock;
use kernel::time::delay::fsleep;
use kernel::time::Delta;
use kernel::time::Msecs;
use kernel::workqueue::impl_has_work;
use kernel::workqueue::Work;
use kernel::workqueue::WorkItem;

use super::receive::take_in;
use super::receive::Reception;
use super::request::Arrival;
use super::request::Head;
use super::stats::Counter;
use crate::aoe::Header;
use crate::aoe::Mac;
use crate::ata::Asked;
use crate::net::Frame;
use crate::sync::Moment;
use crate::sync::NoSoftirqs;
use crate::sync::WorkQueue;

/// Queries that an interface takes in a second: of one initiator, and in all.
const OF_ONE: usize = 100;
const OF_ALL: usize = 200;
const SECOND: Msecs = 1000;

/// Queries that wait at most.
const WAITING: usize = 128;

/// Exports that are asked one after the other, and the pause after that.
const PIECE: usize = 64;
const PAUSE: Delta = Delta::from_millis(4);

/// A query that waits to be handed over.
pub(super) struct Query {
    pub(super) frame: Frame,
    pub(super) header: Header,
    pub(super) head: Head,
    pub(super) asked: Asked,
    /// The interface's MTU when it came.
    pub(super) mtu: u32,
}

/// The queries of all targets that came by an interface.
#[pin_data]
pub(super) struct Discovery {
    device: usize,
    reception: Arc<Reception>,
    queue: Arc<WorkQueue>,
    /// Also taken in softirq context.
    #[pin]
    queries: SpinLock<Queries>,
    /// Those that were not taken, and have not been counted as dropped yet.
    dropped: Atomic<u64>,
    #[pin]
    work: Work<Discovery>,
}

impl_has_work! {
    impl HasWork<Self> for Discovery { self.work }
}

struct Queries {
    pace: Pace,
    waiting: KVec<Query>,
}

/// How many may come.
struct Pace {
    /// When the second began.
    since: Moment,
    /// From whom those came that were taken in it.
    taken: KVec<u64>,
}

impl Pace {
    fn new() -> Result<Self, AllocError> {
        Ok(Self {
            since: Moment::now(),
            taken: KVec::with_capacity(OF_ALL, GFP_KERNEL)?,
        })
    }

    /// Whether one of this initiator is not too much; then it counts.
    fn admits(&mut self, initiator_mac: Mac) -> bool {
        if self.since.is_older_than(SECOND) {
            self.since = Moment::now();
            self.taken.clear();
        }
        let number = initiator_mac.to_number();
        let mut of_this = self.taken.iter().filter(|other| **other == number);
        // The capacity may be more than was asked for.
        let is_too_much = self.taken.len() >= OF_ALL || of_this.nth(OF_ONE - 1).is_some();
        !is_too_much && self.taken.push_within_capacity(number).is_ok()
    }
}

impl Discovery {
    /// No queries yet, on the interface with this key.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(super) fn new(
        device: usize,
        reception: Arc<Reception>,
        queue: Arc<WorkQueue>,
    ) -> Result<Arc<Self>> {
        let queries = Queries {
            pace: Pace::new()?,
            waiting: KVec::with_capacity(WAITING, GFP_KERNEL)?,
        };
        Arc::pin_init(
            pin_init!(Self {
                device,
                reception,
                queue,
                queries <- new_spinlock!(queries),
                dropped: Atomic::new(0),
                work <- new_work!("kvblade_rs::discovery"),
            }),
            GFP_KERNEL,
        )
    }

    /// Takes a query, unless that is too much. In softirq context.
    pub(super) fn ask(self: &Arc<Self>, mut query: Query) {
        let refused = if query.frame.keep().is_err() {
            Err(())
        } else {
            let mut queries = self.queries.lock();
            if queries.waiting.len() < WAITING && queries.pace.admits(query.header.source) {
                queries.waiting.push_within_capacity(query).map_err(|_| ())
            } else {
                Err(())
            }
        };
        if refused.is_err() {
            let _ = self.dropped.fetch_add(1, Relaxed);
        }
        // If it is queued already it will see what there is.
        let _ = self.queue.enqueue(self.clone());
    }

    fn next(&self) -> Option<Query> {
        // Else a softirq that came meanwhile would wait for the lock for ever.
        let no_softirqs = NoSoftirqs::begin();
        let next = self.queries.lock().waiting.remove(0).ok();
        drop(no_softirqs);
        next
    }

    /// Hands a query over to all exports that it is for, and tells all how many were dropped. `asked`
    /// counts the exports asked since the last pause.
    fn hand_over(&self, query: Option<&Query>, dropped: u64, asked: &mut usize) {
        let mut latest = None;
        loop {
            if *asked >= PIECE {
                *asked = 0;
                fsleep(PAUSE);
            }
            let guard = rcu::read_lock();
            let Some(table) = self.reception.table(&guard) else {
                return;
            };
            let mut are_more = false;
            for (address, port) in table.after(self.device, latest) {
                if *asked >= PIECE {
                    are_more = true;
                    break;
                }
                *asked = asked.saturating_add(1);
                latest = Some(*address);
                let _ = port.stats().add(Counter::DroppedToAll, dropped);
                let wanted = query.filter(|query| {
                    query.header.addr.matches(*address) && port.is_reachable(&guard)
                });
                if let Some(query) = wanted {
                    let arrival = Arrival {
                        header: &query.header,
                        head: &query.head,
                        asked: &query.asked,
                        mtu: query.mtu,
                    };
                    take_in(port, &arrival, query.frame.share(), &guard);
                }
            }
            if !are_more {
                return;
            }
        }
    }
}

impl WorkItem for Discovery {
    type Pointer = Arc<Discovery>;

    fn run(this: Arc<Discovery>) {
        let mut asked = 0;
        loop {
            let dropped = this.dropped.xchg(0, Relaxed);
            let query = this.next();
            if query.is_none() && dropped == 0 {
                return;
            }
            this.hand_over(query.as_ref(), dropped, &mut asked);
        }
    }
}

#[kunit_tests(kvblade_rs_discovery)]
mod tests {
    use super::*;

    /// Of so many that each of these sends, those that are taken. If a second ended meanwhile there
    /// are more.
    fn taken(pace: &mut Pace, macs: core::ops::Range<u64>, each: usize) -> usize {
        macs.flat_map(|initiator_mac| (0..each).map(move |_| Mac::from_number(initiator_mac)))
            .filter(|initiator_mac| pace.admits(*initiator_mac))
            .count()
    }

    #[test]
    fn one_may_ask_so_often_and_leaves_room_for_others() -> Result {
        let mut pace = Pace::new()?;
        assert!((OF_ONE..=2 * OF_ONE).contains(&taken(&mut pace, 1..2, 10 * OF_ONE)));
        assert!(taken(&mut pace, 2..3, 1) == 1);
        Ok(())
    }

    #[test]
    fn all_together_may_ask_so_often() -> Result {
        let mut pace = Pace::new()?;
        assert!((OF_ALL..=2 * OF_ALL).contains(&taken(&mut pace, 1..5000, 1)));
        Ok(())
    }
}
