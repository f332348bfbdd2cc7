// SPDX-License-Identifier: GPL-2.0

//! As much of the kernel crate as the modelled sources use, over loom.
//!
//! The names are the kernel's, and so is what they promise about order between CPUs. What a model is about
//! needs no more: there is always memory, and nothing fails.

pub mod alloc;
pub mod atomic;
pub mod bindings;
pub mod init;
pub mod rcu;
pub mod weaken;
pub mod workqueue;

/// A value of which loom tells if one uses it who does not know that it is there, or while another changes
/// it. loom takes what is only made for known by threads that begin before; so it is written once.
pub fn watched<T>(value: T) -> loom::cell::UnsafeCell<T> {
    let cell = loom::cell::UnsafeCell::new(value);
    cell.with_mut(|_| ());
    cell
}

/// Before a model. Else what makes something that all share would be known to all who use it later, with
/// what it did before.
pub fn begin() {
    rcu::begin();
    workqueue::begin();
}

/// CPUs: there is one.
pub mod cpu {
    /// How many there can be.
    pub fn nr_cpu_ids() -> u32 {
        1
    }
}

/// Errors.
pub mod error {
    use crate::alloc::AllocError;

    /// An error.
    #[derive(Debug, PartialEq, Eq)]
    pub struct Error(&'static str);

    impl From<AllocError> for Error {
        fn from(_: AllocError) -> Self {
            code::ENOMEM
        }
    }

    impl From<std::convert::Infallible> for Error {
        fn from(never: std::convert::Infallible) -> Self {
            match never {}
        }
    }

    /// The errors by name.
    pub mod code {
        use super::Error;

        /// No memory.
        pub const ENOMEM: Error = Error("ENOMEM");
        /// It takes too long.
        pub const ETIMEDOUT: Error = Error("ETIMEDOUT");
    }

    /// What a C function returns: here never an error.
    ///
    /// # Errors
    ///
    /// None.
    pub fn from_err_ptr<T>(pointer: *mut T) -> Result<*mut T, Error> {
        Ok(pointer)
    }
}

/// The size of a page.
pub mod page {
    /// In bytes.
    pub const PAGE_SIZE: usize = 4096;
}

/// What most sources use.
pub mod prelude {
    pub use core::ffi::CStr;
    pub use core::pin::Pin;

    pub use kernel_macros::kunit_tests;
    pub use kernel_macros::pin_data;

    pub use crate::alloc::ArcInit;
    pub use crate::alloc::KBox;
    pub use crate::alloc::KVec;
    pub use crate::alloc::GFP_KERNEL;
    pub use crate::error::code::*;
    pub use crate::error::Error;
    pub use crate::init::PinInit;
    pub use crate::pin_init;
    pub use crate::CStrExt;

    /// A result with the kernel's error.
    pub type Result<T = (), E = Error> = core::result::Result<T, E>;
}

/// What the kernel's `CStr` has.
pub trait CStrExt {
    /// The text as C has it.
    fn as_char_ptr(&self) -> *const core::ffi::c_char;
}

impl CStrExt for core::ffi::CStr {
    fn as_char_ptr(&self) -> *const core::ffi::c_char {
        self.as_ptr()
    }
}

/// Locks, atomics and RCU.
pub mod sync {
    pub use std::sync::Arc;

    pub use crate::atomic;
    pub use crate::rcu;

    /// A lock that sleeps.
    pub struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        /// A lock, not held.
        pub fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        /// Holds it.
        pub fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
            self.0.lock().unwrap()
        }
    }
}

/// Makes a lock.
#[macro_export]
macro_rules! new_mutex {
    ($value:expr) => {
        move || ::core::result::Result::Ok($crate::sync::Mutex::new($value))
    };
}

/// The structure that has this field.
#[macro_export]
macro_rules! container_of {
    ($field:expr, $container:ty, $name:ident) => {
        $field
            .cast::<u8>()
            .sub(::core::mem::offset_of!($container, $name))
            .cast::<$container>()
    };
}

/// Time, which does not pass.
pub mod time {
    /// Milliseconds.
    pub type Msecs = u32;

    /// Ticks of the kernel's timer.
    pub fn msecs_to_jiffies(time: Msecs) -> usize {
        time as usize
    }

    /// A span of time.
    #[derive(Clone, Copy)]
    pub struct Delta;

    impl Delta {
        /// So many milliseconds.
        pub const fn from_millis(_millis: i64) -> Self {
            Self
        }
    }

    /// Waiting.
    pub mod delay {
        /// Lets others go on.
        pub fn fsleep(_delta: super::Delta) {
            loom::thread::yield_now();
        }
    }
}

/// What C and Rust share.
pub mod types {
    use core::cell::UnsafeCell;
    use core::mem::MaybeUninit;

    use crate::init::PinInit;

    /// What C writes to.
    #[repr(transparent)]
    pub struct Opaque<T>(UnsafeCell<MaybeUninit<T>>);

    impl<T> Opaque<T> {
        /// Nothing yet.
        pub const fn uninit() -> Self {
            Self(UnsafeCell::new(MaybeUninit::uninit()))
        }

        /// What a function makes.
        pub fn ffi_init(init: impl FnOnce(*mut T)) -> impl PinInit<Self> {
            move || {
                let value = Self::uninit();
                init(value.get());
                Ok(value)
            }
        }

        /// Where it is.
        pub const fn get(&self) -> *mut T {
            self.0.get().cast()
        }

        /// The same as a pointer to this type.
        pub const fn cast_from(this: *const T) -> *const Self {
            this.cast()
        }
    }
}
