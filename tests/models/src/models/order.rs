// SPDX-License-Identifier: GPL-2.0

//! Requests that wait for the end of others.

use std::rc::Rc;

use kernel::sync::rcu;
use kernel::workqueue;
use kvblade_wire::ata::Extent;
use kvblade_wire::ata::Lba;
use loom::cell::UnsafeCell;
use loom::thread;

use super::exported::Blade;
use super::order::Span;
use super::request::Answers;
use super::request::Request;

fn span(first: u64) -> Span {
    Span::writing(Extent {
        first: Lba(first),
        sectors: 1,
    })
}

/// A write ends while another that overlaps it comes to wait for it. The other is executed, and finds what
/// the first has written. They have their slots in different words.
pub(crate) fn model() {
    let blade = Blade::new();
    let answers = Answers::new(2);
    let sectors = Rc::new(UnsafeCell::new(0));
    let mut first = Request::new(&blade, None, &answers, |_| unreachable!());
    {
        let mut turns = blade.turns.lock();
        let claim = |number| turns.in_flight.claim(&blade.slots, span(number)).unwrap();
        let mut others: Vec<_> = (1..=64).map(claim).collect();
        first.inflight_slot = turns.in_flight.claim(&blade.slots, span(0));
        let _ = blade.slots.release(others.swap_remove(0));
    }
    let disk = {
        let sectors = sectors.clone();
        thread::spawn(move || {
            sectors.with_mut(|sectors| {
                // SAFETY: loom tells if another is at it.
                unsafe { *sectors = 1 }
            });
            first.answer();
        })
    };
    let second = Request::new(&blade, Some(span(0)), &answers, move |request| {
        sectors.with_mut(|sectors| {
            // SAFETY: As above.
            assert_eq!(unsafe { *sectors }, 1);
        });
        request.ended();
    });
    blade.post(second, &rcu::read_lock());
    workqueue::serve();
    disk.join().unwrap();
}
