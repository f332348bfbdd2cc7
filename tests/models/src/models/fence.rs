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
use super::order::Places;
use super::order::Span;
use super::order::Spans;

const EXCLUDED: Mac = Mac([2, 0, 0, 0, 0, 1]);
const OTHER: Mac = Mac([2, 0, 0, 0, 0, 2]);

/// A write of one who is excluded ends in the worker's context, and its place is another's at once. Whoever has waited for that
/// finds what it has written.
pub(crate) fn model() {
    let (places, claims) = (Rc::new(Places::new()), Rc::new(Claims::new().unwrap()));
    let spans = RefCell::new(Spans::new().unwrap());
    let sectors = Rc::new(kernel::watched(()));
    let claim = |spans: &RefCell<Spans>, places: &Places, claims: &Claims, sector, card| {
        let span = Span::writing(Extent {
            first: Lba(sector),
            sectors: 1,
        });
        let place = spans.borrow_mut().claim(places, span).unwrap();
        claims.note(place, card, true);
        place
    };
    // Before there are threads loom must know of all atomics.
    places.await_release(false);
    let [first, second] = [0, 1].map(|sector| claim(&spans, &places, &claims, sector, EXCLUDED));
    let _ = places.release(second);
    let mut fence = Fence::new().unwrap();
    fence.note(&places, &claims, |claim| claim.card() == EXCLUDED);
    let worker = {
        let (places, claims, sectors) = (places.clone(), claims.clone(), sectors.clone());
        thread::spawn(move || {
            sectors.with_mut(|_| ());
            let _ = places.release(first);
            let _ = claim(&spans, &places, &claims, 1, OTHER);
        })
    };
    if fence.left(&places, &claims) == 0 {
        sectors.with(|_| ());
    }
    worker.join().unwrap();
}
