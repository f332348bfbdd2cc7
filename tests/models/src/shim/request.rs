// SPDX-License-Identifier: GPL-2.0

//! A request, as far as it is handed over. How it ends is copied from `blade/request.rs`: see
//! [`COPIED`](crate::mutants::COPIED).

use kernel::sync::rcu;
use kernel::sync::Arc;
use kernel::workqueue;
use loom::sync::Condvar;
use loom::sync::Mutex;

use super::exported::Blade;
use super::order::InflightSlot;
use super::order::Span;
use crate::sync::InSlab;
use crate::sync::Inbox;
use crate::sync::Link;
use crate::sync::Linked;
use crate::sync::SlabBox;

pub(crate) struct Request {
    link: Link<Request>,
    pub(super) port: Port,
    pub(super) progress: Progress,
    pub(super) span: Option<Span>,
    pub(super) inflight_slot: Option<InflightSlot>,
    disk: Option<Disk>,
    answers: Arc<Answers>,
}

/// What the disk does with a request.
type Disk = Box<dyn FnOnce(SlabBox<Request>)>;

pub(crate) enum Progress {
    Arrived,
    Ended,
}

/// How a request knows its blade.
#[derive(Clone)]
pub(super) struct Port(Arc<Blade>);

impl Port {
    pub(super) fn blade(&self) -> &Arc<Blade> {
        &self.0
    }
}

impl Request {
    pub(super) fn new(
        blade: &Arc<Blade>,
        span: Option<Span>,
        answers: &Arc<Answers>,
        disk: impl FnOnce(SlabBox<Self>) + 'static,
    ) -> SlabBox<Self> {
        SlabBox::new(Self {
            link: Link::new(),
            port: Port(blade.clone()),
            progress: Progress::Arrived,
            span,
            inflight_slot: None,
            disk: Some(Box::new(disk)),
            answers: answers.clone(),
        })
    }

    fn is_repeatable(&self) -> bool {
        false
    }
}

impl SlabBox<Request> {
    pub(super) fn submit(mut self) {
        let disk = self.disk.take().unwrap();
        disk(self);
    }

    /// Its I/O has ended, on this thread.
    pub(super) fn ended(self) {
        let this = self;
        if this.port.blade().is_submitted_here() {
            let _ = Inbox::push_to(this, |request| &request.port.blade().ended);
            return;
        }
        let guard = rcu::read_lock();
        let port = this.port.clone();
        port.blade().post_ended(this, &guard);
    }

    pub(super) fn finish(self) {
        if self.is_repeatable() {
            let port = self.port.clone();
            port.blade().post_old(self);
        } else {
            self.answer();
        }
    }

    pub(super) fn answer(self) {
        let answers = self.answers.clone();
        drop(self);
        answers.note();
    }

    pub(super) fn tell(self) {
        self.answer();
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        if let Some(slot) = self.inflight_slot {
            let blade = self.port.blade();
            blade.release(slot);
        }
    }
}

// SAFETY: All threads of a model are coroutines of one.
unsafe impl Send for Request {}

impl InSlab for Request {}

impl Linked for Request {
    fn link(&mut self) -> &mut Link<Self> {
        &mut self.link
    }
}

/// How many answers there have been. When all are there the workqueue comes to its end.
pub(super) struct Answers {
    wanted: usize,
    count: Mutex<usize>,
    changed: Condvar,
}

impl Answers {
    pub(super) fn new(wanted: usize) -> Arc<Self> {
        Arc::new(Self {
            wanted,
            count: Mutex::new(0),
            changed: Condvar::new(),
        })
    }

    fn note(&self) {
        let mut count = self.count.lock().unwrap();
        *count += 1;
        self.changed.notify_all();
        if *count == self.wanted {
            drop(count);
            workqueue::finish();
        }
    }

    /// Waits until there have been so many.
    pub(super) fn wait_for(&self, number: usize) {
        let mut count = self.count.lock().unwrap();
        while *count < number {
            count = self.changed.wait(count).unwrap();
        }
    }
}
