// SPDX-License-Identifier: GPL-2.0

//! Opening block devices, and why they cannot be.
//!
//! C header: [`include/linux/blkdev.h`](srctree/include/linux/blkdev.h)

use kernel::bindings as kernel_bindings;
use kernel::prelude::*;

use crate::bindings;

/// How to open a device.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct OpenMode {
    /// Refuse writes.
    pub(crate) read_only: bool,
    /// Do not claim the device: others may mount it or write to it meanwhile.
    pub(crate) shared: bool,
    /// The device's sector that is the disk's first.
    pub(crate) offset: u64,
    /// Sectors of the disk; `None`: up to the device's end.
    pub(crate) length: Option<u64>,
}

/// Why a device cannot be opened.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum OpenError {
    /// The kernel said so: no such file, not a block device, claimed by another, ...
    Kernel(Error),
    /// A block of the device is larger than a page, or none of the sizes that there are.
    LogicalBlock(u32),
    /// What is to be served does not begin or end with a block, which has so many bytes.
    PartOfBlock(u32),
    /// The device has so many sectors, and not all that are to be served.
    TooShort(u64),
    /// There is no medium, or it has no sectors.
    Empty,
    /// It must be written in an order of its own.
    Zoned,
    /// It lets no one in as long as it is not the primary of its pair.
    Secondary,
}

impl From<Error> for OpenError {
    fn from(error: Error) -> Self {
        // What DRBD says.
        if error.to_errno() == -(kernel_bindings::EMEDIUMTYPE as i32) {
            Self::Secondary
        } else {
            Self::Kernel(error)
        }
    }
}

/// The number (`dev_t`) of the block device at a path. Sleeps.
///
/// # Errors
///
/// `ENOENT`, `ENOTBLK`, `EACCES` (a file system that allows no devices), or another of the path.
pub(crate) fn number_of(path: &CStr) -> Result<u32> {
    let mut number = 0;
    // SAFETY: The path is NUL-terminated, and `number` is valid for writing.
    kernel::error::to_result(unsafe {
        kernel_bindings::lookup_bdev(path.as_char_ptr(), &mut number)
    })?;
    Ok(number)
}

/// Opens the block device at a path. Sleeps.
///
/// # Safety
///
/// The holder must be null or an address that is the caller's as long as the device is open.
pub(super) unsafe fn open_file(
    path: &CStr,
    read_only: bool,
    holder: *mut kernel::ffi::c_void,
) -> Result<*mut kernel_bindings::file> {
    let access = if read_only {
        bindings::KV_OPEN_READ
    } else {
        bindings::KV_OPEN_READ | bindings::KV_OPEN_WRITE
    };
    // SAFETY: The path is NUL-terminated, the caller vouches for the holder, and there are no
    // holder operations.
    kernel::error::from_err_ptr(unsafe {
        kernel_bindings::bdev_file_open_by_path(
            path.as_char_ptr(),
            access,
            holder,
            core::ptr::null(),
        )
    })
}

/// Why a device cannot be opened for writing: the secondary of a pair says that it is read-only,
/// and then lets no one read either. Sleeps.
pub(super) fn why_not_writable(path: &CStr, mode: OpenMode, error: Error) -> OpenError {
    if error != EROFS || mode.read_only {
        return error.into();
    }
    // SAFETY: No holder.
    match unsafe { open_file(path, true, core::ptr::null_mut()) } {
        Ok(file) => {
            // SAFETY: The file was just opened, and no one else knows it.
            unsafe { kernel_bindings::bdev_fput(file) };
            error.into()
        }
        Err(other) => match OpenError::from(other) {
            OpenError::Secondary => OpenError::Secondary,
            _ => error.into(),
        },
    }
}
