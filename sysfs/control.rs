// SPDX-License-Identifier: GPL-2.0

//! `/sys/kvblade`: adding, removing and announcing exports.

use kernel::debugfs::Dir;
use kernel::new_mutex;
use kernel::prelude::*;
use kernel::str::CString;
use kernel::str::Formatter;
use kernel::sync::Arc;
use kernel::sync::Mutex;
use kernel::workqueue;
use kernel::workqueue::impl_has_work;
use kernel::workqueue::new_work;
use kernel::workqueue::Work;
use kernel::workqueue::WorkItem;

use super::access::Access;
use super::arguments;
use super::export::Export;
use super::export::Files;
use super::kobject::Attribute;
use super::kobject::Directory;
use super::kobject::Entries;
use super::kobject::Node;
use super::last_errors::LastErrors;
use super::latency::Debug;
use super::stats::Stats;
use crate::blade::Change;
use crate::blade::ControlError;
use crate::blade::Port;
use crate::blade::Registry;
use crate::blade::Watcher;
use crate::sync;

/// The directory `/sys/kvblade` with those of the exports. It is there as long as this value.
pub(crate) struct Control {
    root: Directory<Root>,
}

#[pin_data]
struct State {
    registry: Arc<Registry>,
    last_errors: Arc<LastErrors>,
    /// `/sys/kernel/debug/kvblade`.
    debug: Dir,
    #[pin]
    removal: Work<State>,
    /// The exports' directories. Whoever holds it may wait for their readers, who never take it.
    #[pin]
    exports: Mutex<Exports>,
}

impl_has_work! {
    impl HasWork<Self> for State { self.removal }
}

/// Has exports removed whose network namespaces have ended.
struct Remover(Arc<State>);

impl Watcher for Remover {
    fn changed(&self, _change: Change) {
        // If it is queued already it will find them. Not on a queue of ours, which is waited for with
        // a lock that it takes.
        let _ = workqueue::system_long().enqueue(self.0.clone());
    }
}

impl WorkItem for State {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        let mut exports = this.exports.lock();
        exports.directories.retain(|directory| {
            let port = directory.export.port();
            !(port.is_over() && this.registry.remove_if_idle(port))
        });
    }
}

struct Exports {
    /// Set when the module is on its way out.
    closed: bool,
    directories: KVec<Shown>,
}

/// An export's directory, with what is in it, which goes first.
struct Shown {
    _debug: Debug,
    _access: Directory<Access>,
    _stats: Directory<Stats>,
    export: Directory<Export>,
}

/// What is behind the files of `/sys/kvblade`.
struct Root(Arc<State>);

impl Control {
    /// Makes the directory. Exports may be added before this returns.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; `EEXIST` if another module made it.
    pub(crate) fn new(registry: Arc<Registry>) -> Result<Self> {
        let last_errors = Arc::pin_init(LastErrors::new(), GFP_KERNEL)?;
        let state = Arc::pin_init(
            pin_init!(State {
                registry,
                last_errors,
                debug: Dir::new(c"kvblade"),
                removal <- new_work!("kvblade_rs::removal"),
                exports <- new_mutex!(Exports {
                    closed: false,
                    directories: KVec::new(),
                }),
            }),
            GFP_KERNEL,
        )?;
        let remover = KBox::new(Remover(state.clone()), GFP_KERNEL)?;
        let registry = state.registry.clone();
        let root = Directory::new(c"kvblade", Root(state))?;
        registry.set_remover(Some(remover as KBox<dyn Watcher>));
        Ok(Self { root })
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.root.0.registry.set_remover(None);
        sync::flush(&self.root.0.removal);
        // The exports' directories hold on to the root, so they go first, and no more come. They
        // are dropped without the lock, so that a writer to `add` can see that it is too late.
        let mut exports = self.root.0.exports.lock();
        exports.closed = true;
        self.root.0.registry.hush();
        let directories = core::mem::replace(&mut exports.directories, KVec::new());
        drop(exports);
        drop(directories);
    }
}

impl Entries for Root {
    fn attributes() -> &'static [&'static Attribute<Self>] {
        static ALL: [&Attribute<Root>; 4] = [&ADD, &DEL, &ANNOUNCE, &ERROR];
        &ALL
    }

    fn too_long(&self) -> Error {
        self.0.last_errors.too_long()
    }
}

static ADD: Attribute<Root> = Attribute::new(c"add", 0o200, None, Some(add));
static DEL: Attribute<Root> = Attribute::new(c"del", 0o200, None, Some(del));
static ANNOUNCE: Attribute<Root> = Attribute::new(c"announce", 0o200, None, Some(announce));
static ERROR: Attribute<Root> = Attribute::new(c"error", 0o400, Some(error), None);

fn add(root: &Node<Root>, text: &[u8]) -> Result {
    let state = &root.0;
    state.last_errors.attempt(|| {
        let new = arguments::new_export(text)?;
        let port = state.registry.add(new)?;
        state.show(root, &port).inspect_err(|_| {
            // An export that is not seen is worse than none.
            let _ = state.registry.remove(&port);
        })
    })
}

fn del(root: &Node<Root>, text: &[u8]) -> Result {
    let state = &root.0;
    state.last_errors.attempt(|| {
        let export = arguments::ExportName::to_remove(text, |address, interface| {
            state.registry.has_port(address, interface)
        })?;
        let mut exports = state.exports.lock();
        let port = state.registry.find(export.address, export.interface)?;
        state.registry.remove(&port)?;
        exports
            .directories
            .retain(|directory| !directory.export.is_of(&port));
        Ok(())
    })
}

fn announce(root: &Node<Root>, _text: &[u8]) -> Result {
    root.0.last_errors.attempt(|| {
        root.0.registry.announce();
        Ok(())
    })
}

fn error(root: &Root, text: &mut Formatter<'_>) -> Result {
    root.0.last_errors.show(text)
}

impl State {
    /// Opens a port, and makes its directory.
    fn show(&self, root: &Node<Root>, port: &Arc<Port>) -> Result<(), ControlError> {
        let mut exports = self.exports.lock();
        if exports.closed {
            return Err(ControlError::new(
                ENODEV,
                format_args!("the module is being unloaded"),
            ));
        }
        exports.directories.reserve(1, GFP_KERNEL)?;
        let (address, interface) = (port.address(), port.interface());
        let name = CString::try_from_fmt(format_args!("{address}@{interface}"))?;
        let export = Export::new(
            port.clone(),
            self.registry.clone(),
            self.last_errors.clone(),
        );
        self.registry.open(port)?;
        let export = root.make(&name, export)?;
        port.watch(KBox::new(Files::of(&export)?, GFP_KERNEL)? as KBox<dyn Watcher>)?;
        let access = Access::new(port.clone(), self.last_errors.clone());
        let access = export.make(c"access", access)?;
        let stats = export.make(c"stats", Stats::new(port.clone(), self.last_errors.clone()))?;
        let debug = Debug::new(&self.debug, &name, port.clone())?;
        let shown = Shown {
            _debug: debug,
            _access: access,
            _stats: stats,
            export,
        };
        exports.directories.push(shown, GFP_KERNEL)?;
        Ok(())
    }
}
