// SPDX-License-Identifier: GPL-2.0

//! kvblade_rs: an ATA over Ethernet (AoE) storage target.
//!
//! Exports block devices on Ethernet interfaces. The order in which the parts start and stop is
//! here, and nothing else; `docs/architecture.md` shows the way through the rest.

use kernel::prelude::*;
use kernel::sync::Arc;

mod bindings;
mod blade;
mod block;
mod compat;
mod net;
mod sync;
mod sysfs;
mod trace;
// A library that the host compiles too, so that all of it is public.
pub mod wire;

use crate::blade::Registry;
use crate::net::Notifier;
use crate::sync::WorkQueue;
use crate::sysfs::Control;
use crate::wire::aoe;
use crate::wire::ata;

module! {
    type: Kvblade,
    name: "kvblade_rs",
    authors: ["The kvblade_rs developers"],
    description: "ATA over Ethernet target",
    license: "GPL v2",
}

/// The module's parts. They are dropped in this order, the reverse of that in which they were
/// made: nothing new comes in by the time that what there is gets drained.
struct Kvblade {
    _control: Control,
    _notifier: Pin<KBox<Notifier<Registry>>>,
    _exports: Exports,
}

impl kernel::Module for Kvblade {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let exports = Exports::new()?;
        let registry = &exports.registry;
        let notifier = KBox::pin_init(Notifier::register(registry.clone()), GFP_KERNEL)?;
        let control = Control::new(registry.clone())?;
        Ok(Self {
            _control: control,
            _notifier: notifier,
            _exports: exports,
        })
    }
}

/// All exports, with the end that they come to when the module is unloaded.
struct Exports {
    registry: Arc<Registry>,
}

impl Exports {
    fn new() -> Result<Self> {
        let queue = Arc::new(WorkQueue::new(c"kvblade_rs")?, GFP_KERNEL)?;
        Ok(Self {
            registry: Registry::new(queue)?,
        })
    }
}

impl Drop for Exports {
    fn drop(&mut self) {
        self.registry.shut_down();
        sync::wait_for_tasks();
    }
}
