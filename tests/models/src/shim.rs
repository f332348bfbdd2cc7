// SPDX-License-Identifier: GPL-2.0

//! What the modelled sources use of `sync/`, as far as it is not modelled itself.

use std::cell::Cell;

/// CPUs that come and go.
pub(crate) mod cpus {
    /// What is called when a CPU comes or goes.
    pub(crate) trait CpuHandler {
        fn cpu_comes(&self, cpu: u32);
        fn cpu_goes(&self, cpu: u32);
    }
}

/// Loads and stores, which loom must see.
pub(crate) mod once {
    use kernel::sync::atomic::Acquire;
    use kernel::sync::atomic::Atomic;
    use kernel::sync::atomic::AtomicType;
    use kernel::sync::atomic::Relaxed;

    pub(crate) trait Once<T> {
        #[track_caller]
        fn read_once(&self) -> T;
        #[track_caller]
        fn read_acquire(&self) -> T;
        #[track_caller]
        fn write_once(&self, value: T);
    }

    impl<T: AtomicType> Once<T> for Atomic<T> {
        fn read_once(&self) -> T {
            self.load(Relaxed)
        }

        fn read_acquire(&self) -> T {
            self.load(Acquire)
        }

        fn write_once(&self, value: T) {
            self.store(value, Relaxed);
        }
    }
}

/// Boxes, whose memory stays, as that of the kernel's shim.
pub(crate) mod slab {
    use std::ops::Deref;
    use std::ops::DerefMut;

    use kernel::alloc::KBox;
    use kernel::alloc::GFP_KERNEL;

    pub(crate) trait InSlab: Sized + 'static {}

    pub(crate) struct SlabBox<T>(KBox<T>);

    impl<T> SlabBox<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(KBox::new(value, GFP_KERNEL).unwrap())
        }

        pub(crate) fn into_raw(this: Self) -> *mut T {
            KBox::into_raw(this.0)
        }

        /// # Safety
        ///
        /// It comes from `into_raw`, and is the caller's.
        pub(crate) unsafe fn from_raw(pointer: *mut T) -> Self {
            // SAFETY: By the caller's promise.
            Self(unsafe { KBox::from_raw(pointer) })
        }
    }

    impl<T> Deref for SlabBox<T> {
        type Target = T;

        fn deref(&self) -> &T {
            &self.0
        }
    }

    impl<T> DerefMut for SlabBox<T> {
        fn deref_mut(&mut self) -> &mut T {
            &mut self.0
        }
    }
}

/// Softirqs are threads here.
pub(crate) struct NoSoftirqs;

impl NoSoftirqs {
    pub(crate) fn begin() -> Self {
        Self
    }
}

std::thread_local! {
    static TICKS: Cell<usize> = const { Cell::new(0) };
}

/// A moment. Time passes when a model says so.
#[derive(Clone, Copy)]
pub(crate) struct Moment(usize);

impl Moment {
    /// It is this moment now.
    pub(crate) fn begins(self) {
        TICKS.set(self.0);
    }

    pub(crate) fn now() -> Self {
        Self(TICKS.get())
    }

    pub(crate) fn to_ticks(self) -> usize {
        self.0
    }

    pub(crate) fn from_ticks(ticks: usize) -> Self {
        Self(ticks)
    }

    pub(crate) fn is_older_than(self, age: kernel::time::Msecs) -> bool {
        TICKS.get() - self.0 > age as usize
    }
}

loom::thread_local! {
    static TASK: Box<usize> = Box::new(0);
}

/// What tells the present thread from others.
pub(crate) fn this_task() -> usize {
    TASK.with(|task| std::ptr::from_ref::<usize>(task) as usize)
}
