// SPDX-License-Identifier: GPL-2.0

//! A fence, and the end of what it waits for.

use std::cell::RefCell;
use std::rc::Rc;

use kvblade_wire::aoe::Mac;
use kvblade_wire::ata::Extent;
use kvblade_wire::ata::Lba;
use loom::thread;

use super::claims::Claims;
use super::claims::Fence;
use super::order::InflightSlots;
use super::order::Span;
use super::order::Spans;

const EXCLUDED: Mac = Mac([2, 0, 0, 0, 0, 1]);
const OTHER: Mac = Mac([2, 0, 0, 0, 0, 2]);

/// A write of one who is excluded ends in the worker's context, and its slot is another's at once. Whoever has waited for that
/// finds what it has written.
pub(crate) fn model() {
    let (slots, claims) = (
        Rc::new(InflightSlots::new()),
        Rc::new(Claims::new().unwrap()),
    );
    let spans = RefCell::new(Spans::new().unwrap());
    let sectors = Rc::new(kernel::watched(()));
    let claim =
        |spans: &RefCell<Spans>, slots: &InflightSlots, claims: &Claims, sector, initiator_mac| {
            let span = Span::writing(Extent {
                first: Lba(sector),
                sectors: 1,
            });
            let slot = spans.borrow_mut().claim(slots, span).unwrap();
            claims.note(slot, initiator_mac, true);
            slot
        };
    // Before there are threads loom must know of all atomics.
    slots.await_release(false);
    let [first, second] = [0, 1].map(|sector| claim(&spans, &slots, &claims, sector, EXCLUDED));
    let _ = slots.release(second);
    let mut fence = Fence::new().unwrap();
    fence.note(&slots, &claims, |claim| claim.initiator_mac() == EXCLUDED);
    let worker = {
        let (slots, claims, sectors) = (slots.clone(), claims.clone(), sectors.clone());
        thread::spawn(move || {
            sectors.with_mut(|_| ());
            let _ = slots.release(first);
            let _ = claim(&spans, &slots, &claims, 1, OTHER);
        })
    };
    if fence.left(&slots, &claims) == 0 {
        sectors.with(|_| ());
    }
    worker.join().unwrap();
}
