// SPDX-License-Identifier: GPL-2.0

//! Per-CPU workers: something is given to one, which is ended meanwhile.

use std::sync::Arc;

use kernel::sync::rcu;
use kernel::watched;
use loom::cell::UnsafeCell;
use loom::thread;

use crate::sync::wait_for_readers;
use crate::sync::CpuHandler;
use crate::sync::CpuWorkers;
use crate::sync::Urgent;

/// What is done, as loom watches it.
struct Item {
    prepared: UnsafeCell<u32>,
    done: UnsafeCell<u32>,
}

// SAFETY: All threads of a model are coroutines of one.
unsafe impl Send for Item {}
// SAFETY: As above.
unsafe impl Sync for Item {}

impl Urgent for Item {
    fn run(this: Arc<Self>) {
        this.prepared.with(|_| ());
        this.done.with_mut(|done| {
            // SAFETY: loom tells if another is at it.
            unsafe { *done += 1 }
        });
    }
}

impl Item {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            prepared: watched(0),
            done: watched(0),
        })
    }

    fn done(&self) -> u32 {
        self.done.with(|done| {
            // SAFETY: As above.
            unsafe { *done }
        })
    }
}

/// Gives something to this CPU's worker: whether it has been taken.
fn give(cpu_workers: &CpuWorkers<Item>, item: &Arc<Item>) -> bool {
    item.prepared.with_mut(|_| ());
    let guard = rcu::read_lock();
    cpu_workers.enqueue(item.clone(), &guard).is_ok()
}

fn new() -> Arc<CpuWorkers<Item>> {
    let cpu_workers = CpuWorkers::new(c"model/%u").unwrap();
    let _ = cpu_workers.mark();
    cpu_workers.cpu_comes(0);
    // Before there are threads loom must know of all atomics.
    let nothing = Item::new();
    assert!(cpu_workers
        .enqueue(nothing.clone(), &rcu::read_lock())
        .is_err());
    cpu_workers.flush(&nothing);
    cpu_workers
}

/// The workers begin and end while something is given to one. If that has been taken it is done, once, and
/// over when whoever waits for that goes on.
pub(crate) fn stop() {
    let cpu_workers = new();
    let item = Item::new();
    let other = {
        let (cpu_workers, item) = (cpu_workers.clone(), item.clone());
        thread::spawn(move || give(&cpu_workers, &item))
    };
    cpu_workers.start().unwrap();
    cpu_workers.stop();
    let is_taken = other.join().unwrap();
    cpu_workers.flush(&item);
    assert_eq!(item.done(), u32::from(is_taken));
}

/// Two give something to the same worker. The one that finds it at work keeps what it has.
pub(crate) fn busy() {
    let cpu_workers = new();
    cpu_workers.start().unwrap();
    let items = [Item::new(), Item::new()];
    let other = {
        let (cpu_workers, item) = (cpu_workers.clone(), items[0].clone());
        thread::spawn(move || give(&cpu_workers, &item))
    };
    let is_own_taken = give(&cpu_workers, &items[1]);
    let is_others_taken = other.join().unwrap();
    // As a blade's end does.
    wait_for_readers();
    for (item, is_taken) in items.iter().zip([is_others_taken, is_own_taken]) {
        cpu_workers.flush(item);
        assert_eq!(item.done(), u32::from(is_taken));
    }
    assert!(is_own_taken || is_others_taken);
    cpu_workers.stop();
}

/// The CPU of a worker goes and comes again while something is given to the worker.
pub(crate) fn cpu_goes() {
    let cpu_workers = new();
    cpu_workers.start().unwrap();
    let item = Item::new();
    let other = {
        let (cpu_workers, item) = (cpu_workers.clone(), item.clone());
        thread::spawn(move || give(&cpu_workers, &item))
    };
    cpu_workers.cpu_goes(0);
    cpu_workers.cpu_comes(0);
    let is_taken = other.join().unwrap();
    cpu_workers.flush(&item);
    assert_eq!(item.done(), u32::from(is_taken));
    cpu_workers.stop();
}
