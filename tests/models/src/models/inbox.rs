// SPDX-License-Identifier: GPL-2.0

//! The inbox: two add, one takes.

use std::sync::Arc;

use kernel::watched;
use loom::cell::UnsafeCell;
use loom::thread;

use crate::sync::InSlab;
use crate::sync::Inbox;
use crate::sync::Link;
use crate::sync::Linked;
use crate::sync::SlabBox;

struct Element {
    link: Link<Self>,
    value: UnsafeCell<u32>,
}

// SAFETY: All threads of a model are coroutines of one.
unsafe impl Send for Element {}

impl InSlab for Element {}

impl Linked for Element {
    fn link(&mut self) -> &mut Link<Self> {
        &mut self.link
    }
}

/// What has been added is taken once, as it was when it was added, each one's in its order, and one push
/// tells of each time that the inbox was empty.
pub(crate) fn model() {
    let inbox = Arc::new(Inbox::new());
    assert!(inbox.is_empty());
    let add = |inbox: &Inbox<Element>, values: &[u32]| {
        let first = values.iter().filter(|value| {
            let value = watched(**value);
            let link = Link::new();
            inbox.push(SlabBox::new(Element { link, value }))
        });
        first.count()
    };
    let others = [&[1, 2][..], &[3]].map(|values| {
        let inbox = inbox.clone();
        thread::spawn(move || add(&inbox, values))
    });
    let mut taken = Vec::new();
    let mut times = 0;
    let mut take = || {
        let before = taken.len();
        taken.extend(inbox.take().map(|element| {
            element.value.with(|value| {
                // SAFETY: loom tells if another is at it.
                unsafe { *value }
            })
        }));
        times += usize::from(taken.len() != before);
    };
    take();
    let told: usize = others.map(|other| other.join().unwrap()).iter().sum();
    take();
    assert_eq!(told, times);
    let order = |value| taken.iter().position(|other| *other == value).unwrap();
    assert!(taken.len() == 3 && order(1) < order(2) && order(3) < 3);
}
