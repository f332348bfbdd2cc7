// SPDX-License-Identifier: GPL-2.0

//! Threads that begin at once.
//!
//! C header: [`include/linux/kthread.h`](srctree/include/linux/kthread.h)

use core::ptr;
use core::ptr::NonNull;

use kernel::cpu;
use kernel::new_mutex;
use kernel::prelude::*;
use kernel::sync::atomic::Atomic;
use kernel::sync::atomic::Full;
use kernel::sync::atomic::Relaxed;
use kernel::sync::atomic::Release;
use kernel::sync::rcu;
use kernel::sync::Arc;
use kernel::sync::Mutex;
use kernel::time::delay::fsleep;
use kernel::time::Delta;
use kernel::types::Opaque;

use super::cpus::CpuHandler;
use super::once::Once;
use super::rcu_box::wait_for_readers;
use crate::bindings;

/// Time between two looks whether a thread has ended what it does.
const FLUSH_WAIT: Delta = Delta::from_millis(1);

/// What can be done at once.
pub(crate) trait Urgent: Send + Sync + 'static {
    /// Does it, in process context; it may sleep.
    fn run(this: Arc<Self>);
}

/// Real-time threads, one for each CPU, from [`CpuWorkers::start`] to [`CpuWorkers::stop`]; they follow the
/// CPUs that come and go. They run as soon as
/// softirqs have ended, and are woken and put to sleep again at half the price of a workqueue's
/// worker; but they leave no time for more to come that could be done together. Each does one thing
/// at a time: what it cannot do at once is for others, so that no one waits for another's sleep.
#[pin_data]
pub(crate) struct CpuWorkers<T: Urgent> {
    name: &'static CStr,
    /// By CPU: all that there can be.
    workers: KVec<Pin<KBox<CpuWorker<T>>>>,
    /// Taken while CPUs come or go, so that whoever holds it must not wait for that.
    #[pin]
    threads: Mutex<Threads>,
}

/// The threads that there are.
struct Threads {
    are_wanted: bool,
    /// By CPU.
    cpus: KVec<Cpu>,
}

/// A CPU that can be there.
struct Cpu {
    is_there: bool,
    /// Its thread. When the CPU has gone there still is one as long as that has not ended what it was
    /// doing, on another CPU.
    thread: Option<Thread>,
}

/// A moment on a CPU, as [`CpuWorkers::mark`] counts them.
#[derive(Clone, Copy)]
pub(crate) struct Mark {
    cpu: u32,
    number: u32,
}

/// A real-time thread that belongs to a CPU.
///
/// # Invariants
///
/// It is a valid kthread worker, ours alone.
struct Thread(NonNull<bindings::kthread_worker>);

// SAFETY: Any thread may end it.
unsafe impl Send for Thread {}

/// What the thread of a CPU is to do.
///
/// # Invariants
///
/// `thread` is null or the worker's [`Thread`], which is not ended before a grace period has passed since
/// it was seen here; it is given nothing but `work`, which is given to no other as long as it is there.
/// `item` is null, or from `Arc::into_raw` and the work's.
#[pin_data]
struct CpuWorker<T: Urgent> {
    thread: Atomic<*mut bindings::kthread_worker>,
    #[pin]
    work: Opaque<bindings::kthread_work>,
    item: Atomic<*mut T>,
    /// How many marks there have been.
    marks: Atomic<u32>,
}

// SAFETY: Any thread may give it something to do, which is `Send` and `Sync`.
unsafe impl<T: Urgent> Send for CpuWorker<T> {}
// SAFETY: As above.
unsafe impl<T: Urgent> Sync for CpuWorker<T> {}

impl Mark {
    /// The mark as a number.
    pub(crate) const fn to_number(self) -> u64 {
        (self.cpu as u64) << 32 | self.number as u64
    }

    /// The mark of a number.
    pub(crate) const fn from_number(number: u64) -> Self {
        Self {
            cpu: (number >> 32) as u32,
            number: number as u32,
        }
    }
}

impl<T: Urgent> CpuWorkers<T> {
    /// No threads yet. `name` has a `%u` for the CPU.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(name: &'static CStr) -> Result<Arc<Self>> {
        let count = cpu::nr_cpu_ids() as usize;
        let mut workers = KVec::with_capacity(count, GFP_KERNEL)?;
        let mut cpus = KVec::with_capacity(count, GFP_KERNEL)?;
        for _ in 0..count {
            workers
                .push_within_capacity(KBox::pin_init(CpuWorker::new(), GFP_KERNEL)?)
                .map_err(|_| ENOMEM)?;
            cpus.push_within_capacity(Cpu {
                is_there: false,
                thread: None,
            })
            .map_err(|_| ENOMEM)?;
        }
        Arc::pin_init(
            pin_init!(Self {
                name,
                workers,
                threads <- new_mutex!(Threads {
                    are_wanted: false,
                    cpus,
                }),
            }),
            GFP_KERNEL,
        )
    }

    /// Lets there be the threads, if there are none yet. Sleeps.
    ///
    /// # Errors
    ///
    /// `ENOMEM`: then some CPUs have none.
    pub(crate) fn start(&self) -> Result {
        let mut threads = self.threads.lock();
        threads.are_wanted = true;
        for ((cpu, worker), state) in (0..cpu::nr_cpu_ids())
            .zip(&self.workers)
            .zip(&mut threads.cpus)
        {
            if state.is_there {
                worker.begin(state, cpu, self.name)?;
            }
        }
        Ok(())
    }

    /// Ends the threads, and what they do before. Sleeps.
    pub(crate) fn stop(&self) {
        let mut threads = self.threads.lock();
        if !core::mem::replace(&mut threads.are_wanted, false) {
            return;
        }
        for worker in &self.workers {
            worker.take_thread();
        }
        wait_for_readers();
        for state in &mut threads.cpus {
            state.thread = None;
        }
    }

    fn worker(&self, cpu: u32) -> Option<&CpuWorker<T>> {
        Some(self.workers.get(cpu as usize)?.as_ref().get_ref())
    }

    fn this_cpu() -> u32 {
        // SAFETY: An FFI call without requirements.
        unsafe { bindings::kv_this_cpu() }
    }

    /// Marks that something begins on this CPU.
    pub(crate) fn mark(&self) -> Mark {
        let cpu = Self::this_cpu();
        let number = self.worker(cpu).map_or(0, |worker| {
            worker.marks.fetch_add(1, Relaxed).wrapping_add(1)
        });
        Mark { cpu, number }
    }

    /// Whether nothing has been marked on that CPU since.
    pub(crate) fn is_latest(&self, mark: Mark) -> bool {
        self.worker(mark.cpu)
            .is_some_and(|worker| worker.marks.read_once() == mark.number)
    }

    /// Has the thread of this CPU run something at once. In any context.
    ///
    /// # Errors
    ///
    /// The same, if there is no such thread, or it has not ended what it does, even if it sleeps.
    pub(crate) fn enqueue(&self, item: Arc<T>, guard: &rcu::Guard) -> Result<(), Arc<T>> {
        match self.worker(Self::this_cpu()) {
            Some(worker) => worker.enqueue(item, guard),
            None => Err(item),
        }
    }

    /// Waits until `item` is neither run nor about to be, if it is not enqueued meanwhile. Sleeps.
    pub(crate) fn flush(&self, item: &T) {
        for worker in &self.workers {
            // It is there before the work is queued, and until that has been done.
            while ptr::eq(worker.item.read_acquire(), item) {
                fsleep(FLUSH_WAIT);
            }
        }
    }
}

impl<T: Urgent> CpuHandler for CpuWorkers<T> {
    fn cpu_comes(&self, cpu: u32) {
        let mut threads = self.threads.lock();
        let are_wanted = threads.are_wanted;
        let worker = self.worker(cpu);
        let Some((worker, state)) = worker.zip(threads.cpus.get_mut(cpu as usize)) else {
            return;
        };
        state.is_there = true;
        if are_wanted {
            // Without memory the CPU does with the workqueue.
            let _ = worker.begin(state, cpu, self.name);
        }
    }

    fn cpu_goes(&self, cpu: u32) {
        let mut threads = self.threads.lock();
        let worker = self.worker(cpu);
        let Some((worker, state)) = worker.zip(threads.cpus.get_mut(cpu as usize)) else {
            return;
        };
        state.is_there = false;
        if state.thread.is_none() {
            return;
        }
        worker.take_thread();
        wait_for_readers();
        // What it does may wait for a disk, and the CPU must not: then it is ended later.
        if worker.item.read_acquire().is_null() {
            state.thread = None;
        }
    }
}

impl Thread {
    /// Starts one.
    fn new(cpu: u32, name: &'static CStr) -> Result<Self> {
        // SAFETY: An FFI call in process context, for a CPU that can be; the name stays.
        let worker = unsafe { bindings::kv_cpu_worker_create(cpu, name.as_char_ptr()) };
        let worker = NonNull::new(kernel::error::from_err_ptr(worker)?).ok_or(ENOMEM)?;
        // INVARIANT: It was made for us.
        Ok(Self(worker))
    }

    /// Binds it to its CPU again, which has been away.
    fn rebind(&self, cpu: u32) {
        // SAFETY: By the invariant the worker is valid, and so is its thread.
        unsafe { bindings::kv_cpu_worker_rebind(self.0.as_ptr(), cpu) };
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        // SAFETY: The worker is valid and ours. It ends what it does before.
        unsafe { bindings::kthread_destroy_worker(self.0.as_ptr()) };
    }
}

impl<T: Urgent> CpuWorker<T> {
    /// A worker without a thread.
    fn new() -> impl PinInit<Self> {
        // INVARIANT: There is no thread, and no item.
        pin_init!(Self {
            thread: Atomic::new(ptr::null_mut()),
            work <- Opaque::ffi_init(|slot| {
                // SAFETY: `slot` is valid for writing and stays in place.
                unsafe { bindings::kv_cpu_worker_init_work(slot, Some(Self::run)) }
            }),
            item: Atomic::new(ptr::null_mut()),
            marks: Atomic::new(0),
        })
    }

    /// Gives the worker its thread, if it has none.
    fn begin(&self, state: &mut Cpu, cpu: u32, name: &'static CStr) -> Result {
        if !self.thread.read_once().is_null() {
            return Ok(());
        }
        let thread = match &state.thread {
            Some(thread) => {
                thread.rebind(cpu);
                thread
            }
            None => {
                let thread = Thread::new(cpu, name)?;
                // SAFETY: The thread that had the work has ended, and the worker has none, so no one
                // else uses it.
                unsafe { bindings::kv_cpu_worker_init_work(self.work.get(), Some(Self::run)) };
                state.thread.insert(thread)
            }
        };
        // INVARIANT: It is the worker's thread. The work is new, or was the thread's before.
        self.thread.store(thread.0.as_ptr(), Release);
        Ok(())
    }

    /// Gives the thread nothing more to do, once a grace period has passed.
    fn take_thread(&self) {
        // INVARIANT: There is no thread.
        self.thread.write_once(ptr::null_mut());
    }

    fn enqueue(&self, item: Arc<T>, _guard: &rcu::Guard) -> Result<(), Arc<T>> {
        let thread = self.thread.read_acquire();
        if thread.is_null() {
            return Err(item);
        }
        let item = Arc::into_raw(item).cast_mut();
        // INVARIANT: It was null.
        if self.item.cmpxchg(ptr::null_mut(), item, Full).is_err() {
            // SAFETY: It came from `into_raw` and is not given away.
            return Err(unsafe { Arc::from_raw(item) });
        }
        // SAFETY: By the invariant the worker is valid, as `_guard` holds off its end, and the work
        // was initialised for it.
        unsafe { bindings::kthread_queue_work(thread, self.work.get()) };
        Ok(())
    }

    unsafe extern "C" fn run(work: *mut bindings::kthread_work) {
        // SAFETY: The thread runs nothing but the work of a `CpuWorker`, which stays until it has ended.
        let worker = unsafe { &*kernel::container_of!(Opaque::cast_from(work), Self, work) };
        // SAFETY: By the invariant, and since it was set before the work was enqueued, it is from
        // `into_raw`. No one else takes it.
        T::run(unsafe { Arc::from_raw(worker.item.read_acquire()) });
        worker.item.store(ptr::null_mut(), Release);
    }
}
