// SPDX-License-Identifier: GPL-2.0

//! `kernel::alloc`: memory is never given back, so that loom, and not the host, sees a use after the end.

use std::ops::Deref;
use std::ops::DerefMut;
use std::pin::Pin;
use std::ptr::NonNull;
use std::sync::Arc;

use crate::error::Error;
use crate::init::PinInit;

/// There is no memory.
#[derive(Debug)]
pub struct AllocError;

/// Where memory is from.
#[derive(Clone, Copy)]
pub struct Flags;

/// From anywhere.
pub const GFP_KERNEL: Flags = Flags;

/// A box.
pub struct KBox<T>(NonNull<T>);

// SAFETY: It owns a `T`.
unsafe impl<T: Send> Send for KBox<T> {}
// SAFETY: `&KBox` gives access to `&T` only.
unsafe impl<T: Sync> Sync for KBox<T> {}

impl<T> KBox<T> {
    /// A value in a box.
    ///
    /// # Errors
    ///
    /// None.
    pub fn new(value: T, _flags: Flags) -> Result<Self, AllocError> {
        Ok(Self(NonNull::from(Box::leak(Box::new(value)))))
    }

    /// A value that is made in a box.
    ///
    /// # Errors
    ///
    /// Those of making it.
    pub fn pin_init<E: Into<Error>>(
        init: impl PinInit<T, E>,
        _flags: Flags,
    ) -> Result<Pin<Self>, Error> {
        let value = init.build().map_err(Into::into)?;
        let boxed = Self(NonNull::from(Box::leak(Box::new(value))));
        // SAFETY: What is in a box stays there.
        Ok(unsafe { Pin::new_unchecked(boxed) })
    }

    /// Gives the box away.
    pub fn into_raw(this: Self) -> *mut T {
        let pointer = this.0.as_ptr();
        std::mem::forget(this);
        pointer
    }

    /// A box that was given away.
    ///
    /// # Safety
    ///
    /// It comes from [`KBox::into_raw`], and is the caller's.
    pub unsafe fn from_raw(pointer: *mut T) -> Self {
        // SAFETY: Boxes are not null.
        Self(unsafe { NonNull::new_unchecked(pointer) })
    }
}

impl<T> Deref for KBox<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: The box owns it.
        unsafe { self.0.as_ref() }
    }
}

impl<T> DerefMut for KBox<T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: The box owns it.
        unsafe { self.0.as_mut() }
    }
}

impl<T> Drop for KBox<T> {
    fn drop(&mut self) {
        // SAFETY: The box owns it, and its memory stays.
        unsafe { self.0.drop_in_place() };
    }
}

/// A vector, which grows only when it is told so.
pub struct KVec<T> {
    values: Vec<T>,
    capacity: usize,
}

impl<T> KVec<T> {
    /// An empty one with room for so many.
    ///
    /// # Errors
    ///
    /// None.
    pub fn with_capacity(capacity: usize, _flags: Flags) -> Result<Self, AllocError> {
        let values = Vec::new();
        Ok(Self { values, capacity })
    }

    /// One more, if there is room.
    ///
    /// # Errors
    ///
    /// The value.
    pub fn push_within_capacity(&mut self, value: T) -> Result<(), T> {
        if self.values.len() == self.capacity {
            return Err(value);
        }
        self.values.push(value);
        Ok(())
    }

    /// One more.
    ///
    /// # Errors
    ///
    /// None.
    pub fn push(&mut self, value: T, _flags: Flags) -> Result<(), AllocError> {
        self.values.push(value);
        self.capacity = self.capacity.max(self.values.len());
        Ok(())
    }
}

impl<T> Deref for KVec<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.values
    }
}

impl<T> DerefMut for KVec<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.values
    }
}

impl<'a, T> IntoIterator for &'a KVec<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.values.iter()
    }
}

impl<'a, T> IntoIterator for &'a mut KVec<T> {
    type Item = &'a mut T;
    type IntoIter = std::slice::IterMut<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.values.iter_mut()
    }
}

/// What the kernel's `Arc` has and the host's has not. Its count is the host's, and no part of a model.
pub trait ArcInit<T>: Sized {
    /// A value that is made where it stays.
    ///
    /// # Errors
    ///
    /// Those of making it.
    fn pin_init<E: Into<Error>>(init: impl PinInit<T, E>, flags: Flags) -> Result<Self, Error>;
}

impl<T> ArcInit<T> for Arc<T> {
    fn pin_init<E: Into<Error>>(init: impl PinInit<T, E>, _flags: Flags) -> Result<Self, Error> {
        Ok(Self::new(init.build().map_err(Into::into)?))
    }
}
