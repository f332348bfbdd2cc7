// SPDX-License-Identifier: GPL-2.0

//! Those who want to know when something about a blade changes.

use kernel::new_mutex;
use kernel::prelude::*;
use kernel::sync::Mutex;

use crate::wire::interface::InterfaceName;

/// What has changed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// The config string.
    Config,
    /// The MAC mask list.
    Mask,
    /// The reservation.
    Reserve,
    /// Whether initiators can use the disk, on one interface at least.
    State,
    /// The disk's size.
    Capacity,
    /// The network namespace of exports has ended, and they are to go.
    Namespace,
}

/// One who wants to know when something changes.
pub(crate) trait Watcher: Send + Sync {
    /// Something has changed. Must not wait for anything.
    fn changed(&self, change: Change);
}

/// The watchers of a blade, one for each interface.
#[pin_data]
pub(super) struct Watchers {
    #[pin]
    list: Mutex<KVec<(InterfaceName, KBox<dyn Watcher>)>>,
}

impl Watchers {
    /// None yet.
    pub(super) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            list <- new_mutex!(KVec::new()),
        })
    }

    /// Adds the watcher of an interface.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(super) fn add(&self, interface: InterfaceName, watcher: KBox<dyn Watcher>) -> Result {
        // Requests wait for who has the list, and memory may wait for requests.
        let mut new = KVec::new();
        loop {
            // In a statement of its own, at whose end the list is free again.
            let length = self.list.lock().len();
            new.reserve(length.saturating_add(1), GFP_KERNEL)?;
            let mut list = self.list.lock();
            if list.len() < new.capacity() {
                for old in list.drain_all() {
                    // There is room for all.
                    let _ = new.push_within_capacity(old);
                }
                let _ = new.push_within_capacity((interface, watcher));
                core::mem::swap(&mut *list, &mut new);
                return Ok(());
            }
        }
    }

    /// Removes the watcher of an interface, if it has one.
    pub(super) fn remove(&self, interface: InterfaceName) {
        self.list.lock().retain(|(of, _)| *of != interface);
    }

    /// Tells all. Sleeps.
    pub(super) fn tell(&self, change: Change) {
        for (_, watcher) in self.list.lock().iter() {
            watcher.changed(change);
        }
    }
}
