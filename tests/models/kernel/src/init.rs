// SPDX-License-Identifier: GPL-2.0

//! `pin_init`: what is made later, here as a value that is then moved to where it stays.

use std::convert::Infallible;

/// A way to make a value.
pub trait PinInit<T, E = Infallible> {
    /// Makes it.
    ///
    /// # Errors
    ///
    /// Its own.
    fn build(self) -> Result<T, E>;
}

impl<T, E, F: FnOnce() -> Result<T, E>> PinInit<T, E> for F {
    fn build(self) -> Result<T, E> {
        self()
    }
}

/// Makes a value that cannot fail.
pub fn build<T>(init: impl PinInit<T>) -> T {
    match init.build() {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

/// A structure whose fields are values, or are made.
#[macro_export]
macro_rules! pin_init {
    ($name:ident { $($fields:tt)* }) => {
        move || ::core::result::Result::<_, ::core::convert::Infallible>::Ok(
            $crate::fields!($name [] $($fields)*)
        )
    };
}

/// The fields of [`pin_init!`], one after the other.
#[doc(hidden)]
#[macro_export]
macro_rules! fields {
    ($name:ident [$($done:tt)*]) => { $name { $($done)* } };
    ($name:ident [$($done:tt)*] $field:ident : $value:expr $(, $($rest:tt)*)?) => {
        $crate::fields!($name [$($done)* $field: $value,] $($($rest)*)?)
    };
    ($name:ident [$($done:tt)*] $field:ident <- $init:expr $(, $($rest:tt)*)?) => {
        $crate::fields!($name [$($done)* $field: $crate::init::build($init),] $($($rest)*)?)
    };
    ($name:ident [$($done:tt)*] $field:ident $(, $($rest:tt)*)?) => {
        $crate::fields!($name [$($done)* $field,] $($($rest)*)?)
    };
}
