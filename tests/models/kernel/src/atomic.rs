// SPDX-License-Identifier: GPL-2.0

//! `kernel::sync::atomic` over loom's atomics.
//!
//! What each ordering means is what the kernel's memory model promises, and no more: what is `Full` is a
//! full barrier before and after, also for accesses to other variables.

use std::cell::OnceCell;

use loom::sync::atomic::fence;
use loom::sync::atomic::AtomicU64;
use loom::sync::atomic::Ordering::AcqRel;
use loom::sync::atomic::Ordering::SeqCst;

use crate::weaken::effective;
use crate::weaken::has_barriers;
use crate::weaken::Strength;

/// No ordering.
#[derive(Clone, Copy)]
pub struct Relaxed;

/// The load before what follows.
#[derive(Clone, Copy)]
pub struct Acquire;

/// What precedes before the store.
#[derive(Clone, Copy)]
pub struct Release;

/// What precedes before what follows.
#[derive(Clone, Copy)]
pub struct Full;

/// An ordering.
pub trait Ordering {
    /// How strong it is.
    const STRENGTH: Strength;
}

impl Ordering for Relaxed {
    const STRENGTH: Strength = Strength::Relaxed;
}

impl Ordering for Acquire {
    const STRENGTH: Strength = Strength::Acquire;
}

impl Ordering for Release {
    const STRENGTH: Strength = Strength::Release;
}

impl Ordering for Full {
    const STRENGTH: Strength = Strength::Full;
}

/// What can be in an [`Atomic`].
pub trait AtomicType: Copy {
    /// As loom stores it.
    fn to_bits(self) -> u64;

    /// What was stored.
    fn from_bits(bits: u64) -> Self;
}

impl AtomicType for bool {
    fn to_bits(self) -> u64 {
        self.into()
    }

    fn from_bits(bits: u64) -> Self {
        bits != 0
    }
}

impl AtomicType for u32 {
    fn to_bits(self) -> u64 {
        self.into()
    }

    fn from_bits(bits: u64) -> Self {
        bits as u32
    }
}

impl AtomicType for u64 {
    fn to_bits(self) -> u64 {
        self
    }

    fn from_bits(bits: u64) -> Self {
        bits
    }
}

impl AtomicType for usize {
    fn to_bits(self) -> u64 {
        self as u64
    }

    fn from_bits(bits: u64) -> Self {
        bits as usize
    }
}

impl<T> AtomicType for *mut T {
    fn to_bits(self) -> u64 {
        self as u64
    }

    fn from_bits(bits: u64) -> Self {
        bits as Self
    }
}

/// An atomic, which loom comes to know when it is used first. As the kernel's it can be made by a
/// constant, which loom's cannot; so a model uses each once before it starts threads, or loom complains.
pub struct Atomic<T> {
    initial: T,
    inner: OnceCell<AtomicU64>,
}

// SAFETY: All threads of a model are coroutines of one.
unsafe impl<T> Send for Atomic<T> {}
// SAFETY: As above.
unsafe impl<T> Sync for Atomic<T> {}

impl<T> Atomic<T> {
    /// An atomic with this value.
    pub const fn new(initial: T) -> Self {
        Self {
            initial,
            inner: OnceCell::new(),
        }
    }
}

impl<T: AtomicType> Atomic<T> {
    fn inner(&self) -> &AtomicU64 {
        self.inner
            .get_or_init(|| AtomicU64::new(self.initial.to_bits()))
    }

    /// The value.
    #[track_caller]
    pub fn load<O: Ordering>(&self, _ordering: O) -> T {
        let strength = effective(O::STRENGTH);
        let bits = self.inner().load(Strength::Relaxed.to_loom());
        if strength == Strength::Acquire {
            fence(strength.to_loom());
        }
        T::from_bits(bits)
    }

    /// Another value.
    #[track_caller]
    pub fn store<O: Ordering>(&self, value: T, _ordering: O) {
        let strength = effective(O::STRENGTH);
        self.inner().store(value.to_bits(), strength.to_loom());
    }

    /// Another value for the one that is returned.
    #[track_caller]
    pub fn xchg<O: Ordering>(&self, value: T, _ordering: O) -> T {
        let strength = effective(O::STRENGTH);
        let change = |order| self.inner().swap(value.to_bits(), order);
        T::from_bits(ordered(strength, change))
    }

    /// Another value if there is `old`; else the one there is. One that fails has no ordering in the
    /// kernel; here it still has the barrier before, since only then it is known that it fails.
    ///
    /// # Errors
    ///
    /// What there is instead.
    #[track_caller]
    pub fn cmpxchg<O: Ordering>(&self, old: T, new: T, _ordering: O) -> Result<T, T> {
        let strength = effective(O::STRENGTH);
        let failing = Strength::Relaxed.to_loom();
        let change = |order| {
            self.inner()
                .compare_exchange(old.to_bits(), new.to_bits(), order, failing)
        };
        match strength {
            Strength::Full => {
                smp_mb();
                let done = change(AcqRel);
                if done.is_ok() {
                    smp_mb();
                }
                done
            }
            weaker => change(weaker.to_loom()),
        }
        .map(T::from_bits)
        .map_err(T::from_bits)
    }

    /// Adds, and returns what there was.
    #[track_caller]
    pub fn fetch_add<O: Ordering>(&self, value: T, _ordering: O) -> T {
        let strength = effective(O::STRENGTH);
        let change = |order| self.inner().fetch_add(value.to_bits(), order);
        T::from_bits(ordered(strength, change))
    }

    /// Subtracts, and returns what there was.
    #[track_caller]
    pub fn fetch_sub<O: Ordering>(&self, value: T, _ordering: O) -> T {
        let strength = effective(O::STRENGTH);
        let change = |order| self.inner().fetch_sub(value.to_bits(), order);
        T::from_bits(ordered(strength, change))
    }
}

fn ordered(strength: Strength, change: impl Fn(loom::sync::atomic::Ordering) -> u64) -> u64 {
    if strength != Strength::Full {
        return change(strength.to_loom());
    }
    smp_mb();
    let before = change(AcqRel);
    smp_mb();
    before
}

/// A full barrier. loom's orders more than the kernel's: also what is before another one, on another CPU,
/// before what follows this, though none has read what the other has written. So a model that does without has
/// none, and what is `Full` is an acquire and a release there.
pub(crate) fn smp_mb() {
    if has_barriers() {
        fence(SeqCst);
    }
}
