// SPDX-License-Identifier: GPL-2.0

//! Files of sysfs with bytes that are no text.

use core::cell::UnsafeCell;

use kernel::bindings;
use kernel::prelude::*;

use super::Entries;
use super::Node;
use super::LONGEST;

/// How the bytes of a file are read from an offset on; returns how many there are, of those that
/// there is room for.
pub(in crate::sysfs) type Read<T> = fn(&T, usize, &mut [u8]) -> Result<usize>;

/// What is done with bytes written to a file at an offset.
pub(in crate::sysfs) type Write<T> = fn(&Node<T>, usize, &[u8]) -> Result;

/// A file of bytes that are no text.
#[repr(C)]
pub(in crate::sysfs) struct Binary<T> {
    // Lock debugging writes to it.
    pub(super) attribute: UnsafeCell<bindings::bin_attribute>,
    read: Read<T>,
    write: Write<T>,
}

// SAFETY: The kernel alone uses the inner attribute, with its own locking; the rest is constant.
unsafe impl<T> Sync for Binary<T> {}

impl<T: Entries> Binary<T> {
    /// A file with a name and permission bits.
    pub(in crate::sysfs) const fn new(
        name: &'static CStr,
        mode: u16,
        read: Read<T>,
        write: Write<T>,
    ) -> Self {
        // Without a size: the kernel would cut writes to it.
        let mut attribute: bindings::bin_attribute = pin_init::zeroed();
        attribute.attr.name = kernel::str::as_char_ptr_in_const_context(name);
        attribute.attr.mode = mode;
        attribute.read = Some(Self::read);
        attribute.write = Some(Self::write);
        Self {
            attribute: UnsafeCell::new(attribute),
            read,
            write,
        }
    }

    /// # Safety
    ///
    /// The kobject must be that of a `Node<T>`, and the attribute that of a `Binary<T>`.
    unsafe fn parts<'a>(
        kobject: *mut bindings::kobject,
        attribute: *const bindings::bin_attribute,
    ) -> (&'a Node<T>, &'a Self) {
        // SAFETY: The kobject comes first in its node and the attribute in its `Binary`, so the
        // pointers are theirs too. Both are valid during the call in which they were given.
        unsafe { (&*kobject.cast::<Node<T>>(), &*attribute.cast::<Self>()) }
    }

    unsafe extern "C" fn read(
        _file: *mut bindings::file,
        kobject: *mut bindings::kobject,
        attribute: *const bindings::bin_attribute,
        buffer: *mut kernel::ffi::c_char,
        offset: bindings::loff_t,
        len: usize,
    ) -> isize {
        // SAFETY: This function is only given to attributes of this type, and those to its nodes.
        let (node, attribute) = unsafe { Self::parts(kobject, attribute) };
        // SAFETY: sysfs gives room for `len` bytes. What is there of old data is not looked at.
        let buffer = unsafe {
            buffer.cast::<u8>().write_bytes(0, len);
            core::slice::from_raw_parts_mut(buffer.cast::<u8>(), len)
        };
        let read = usize::try_from(offset)
            .map_err(|_| EINVAL)
            .and_then(|offset| (attribute.read)(node, offset, buffer));
        match read {
            Ok(count) => count.min(len) as isize,
            Err(error) => error.to_errno() as isize,
        }
    }

    unsafe extern "C" fn write(
        _file: *mut bindings::file,
        kobject: *mut bindings::kobject,
        attribute: *const bindings::bin_attribute,
        bytes: *mut kernel::ffi::c_char,
        offset: bindings::loff_t,
        len: usize,
    ) -> isize {
        // SAFETY: This function is only given to attributes of this type, and those to its nodes.
        let (node, attribute) = unsafe { Self::parts(kobject, attribute) };
        // SAFETY: sysfs gives `len` bytes that were written.
        let bytes = unsafe { core::slice::from_raw_parts(bytes.cast::<u8>(), len) };
        let written = match usize::try_from(offset) {
            _ if len > LONGEST => Err(node.too_long()),
            Ok(offset) => (attribute.write)(node, offset, bytes),
            Err(_) => Err(EINVAL),
        };
        match written {
            Ok(()) => len as isize,
            Err(error) => error.to_errno() as isize,
        }
    }
}
