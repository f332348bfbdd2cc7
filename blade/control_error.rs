// SPDX-License-Identifier: GPL-2.0

//! Why the administrator cannot have what he asked for.

use kernel::page::PAGE_SIZE;
use kernel::prelude::*;
use kernel::str::CString;

use super::exported::Blade;
use crate::aoe::ShelfSlot;
use crate::block;
use crate::block::OpenError;
use crate::block::OpenMode;
use crate::compat::EOPNOTSUPP;
use crate::wire::interface::InterfaceName;
use crate::wire::state::Taker;

/// An error: an error number for the program that asked, and a sentence for the person, which
/// names the operand and the cause.
pub(crate) struct ControlError {
    errno: Error,
    sentence: Option<CString>,
}

impl ControlError {
    /// An error with a sentence made by `fmt!`. Without memory for the sentence it has none.
    pub(crate) fn new(errno: Error, sentence: core::fmt::Arguments<'_>) -> Self {
        Self {
            errno,
            sentence: CString::try_from_fmt(sentence).ok(),
        }
    }

    /// The error number.
    pub(crate) fn errno(&self) -> Error {
        self.errno
    }

    /// The sentence, without a full stop.
    pub(crate) fn into_sentence(self) -> Option<CString> {
        self.sentence
    }
}

impl From<Error> for ControlError {
    fn from(errno: Error) -> Self {
        Self {
            errno,
            sentence: None,
        }
    }
}

impl From<kernel::alloc::AllocError> for ControlError {
    fn from(_: kernel::alloc::AllocError) -> Self {
        Self::new(ENOMEM, format_args!("the kernel is out of memory"))
    }
}

/// The error when the device at `path` cannot be opened.
pub(super) fn cannot_open(path: &CStr, mode: OpenMode, error: OpenError) -> ControlError {
    let path = path.to_str().unwrap_or_default();
    match error {
        OpenError::Kernel(errno) if errno == EBUSY => ControlError::new(
            errno,
            format_args!("{path}: device is busy: it is mounted or claimed by another user"),
        ),
        OpenError::Kernel(errno) if (errno == EACCES || errno == EROFS) && !mode.read_only => {
            ControlError::new(
                errno,
                format_args!("{path}: device is read-only; export it with ro=1"),
            )
        }
        OpenError::Secondary => ControlError::new(
            EROFS,
            format_args!(
                "{path}: device is the secondary of a pair (DRBD): make it the primary first"
            ),
        ),
        OpenError::Zoned => ControlError::new(
            EOPNOTSUPP.into(),
            format_args!(
                "{path}: device is zoned: it takes writes only in its own order, which clients do \
                 not keep"
            ),
        ),
        OpenError::Kernel(errno) => no_device(path, errno),
        OpenError::LogicalBlock(size) => ControlError::new(
            EOPNOTSUPP.into(),
            format_args!(
                "{path}: blocks of {size} bytes cannot be exported, only of 512 to {PAGE_SIZE}; set \
                 the device up with such blocks"
            ),
        ),
        OpenError::PartOfBlock(size) => {
            let sectors = size / block::SECTOR as u32;
            ControlError::new(
                EINVAL,
                format_args!(
                    "{path}: offset and length must be multiples of {sectors} sectors, as the \
                     device has blocks of {size} bytes"
                ),
            )
        }
        OpenError::TooShort(sectors) => ControlError::new(
            EINVAL,
            format_args!("{path}: offset and length lie beyond its {sectors} sectors"),
        ),
        OpenError::Empty => ControlError::new(
            ENXIO,
            format_args!("{path}: device has no sectors (no medium, or not set up)"),
        ),
    }
}

/// The error for what a blade is in the way of that is on its way out.
pub(super) fn being_removed(blade: &Blade) -> ControlError {
    ControlError::new(
        EBUSY,
        format_args!(
            "{} is being removed: waiting for {} requests; try again later",
            blade.address(),
            blade.disk().users()
        ),
    )
}

/// The error for an interface whose frames others take.
pub(super) fn taken(interface: InterfaceName, taker: Taker) -> ControlError {
    match taker {
        Taker::Interface(taker) => ControlError::new(
            EBUSY,
            format_args!("{interface} is a port of {taker}: export on {taker}"),
        ),
        Taker::OpenVSwitch => ControlError::new(
            EBUSY,
            format_args!(
                "{interface} is a port of an Open vSwitch: export on an interface of the switch \
                 itself (ovs-vsctl list-br)"
            ),
        ),
        Taker::Tap => ControlError::new(
            EBUSY,
            format_args!(
                "{interface} is for the program that opens its tap: export on a macvlan instead"
            ),
        ),
        Taker::Ip => ControlError::new(
            EBUSY,
            format_args!(
                "{interface} carries IP only, as an ipvlan or a VRF does: export on a macvlan or on \
                 a card instead"
            ),
        ),
    }
}

/// The error when there is no such export.
pub(super) fn not_exported(address: ShelfSlot, interface: InterfaceName) -> ControlError {
    ControlError::new(
        ENXIO,
        format_args!("{address} on {interface}: not exported"),
    )
}

/// The error when there is no such device at `path`.
pub(super) fn no_device(path: &str, errno: Error) -> ControlError {
    if errno == ENOENT {
        ControlError::new(errno, format_args!("{path}: no such file"))
    } else if errno == ENOTBLK {
        ControlError::new(errno, format_args!("{path}: not a block device"))
    } else if errno == ENXIO || errno == ENODEV {
        ControlError::new(errno, format_args!("{path}: no device behind this file"))
    } else if errno == EACCES || errno == EPERM {
        ControlError::new(
            errno,
            format_args!("{path}: access to this device is denied"),
        )
    } else if errno == ENOMEM {
        ControlError::new(errno, format_args!("{path}: the kernel is out of memory"))
    } else {
        ControlError::new(errno, format_args!("{path}: cannot be opened: {errno:?}"))
    }
}

#[kunit_tests(kvblade_rs_control_error)]
mod tests {
    use super::*;

    fn says(mode: OpenMode, error: OpenError, sentence: &CStr) -> bool {
        cannot_open(c"/dev/x", mode, error)
            .into_sentence()
            .is_some_and(|said| &*said == sentence)
    }

    #[test]
    fn what_cannot_be_written_is_told_apart() {
        let write = OpenMode::default();
        let read = OpenMode {
            read_only: true,
            ..write
        };
        let read_only = c"/dev/x: device is read-only; export it with ro=1";
        assert!(says(write, EACCES.into(), read_only));
        assert!(says(write, EROFS.into(), read_only));
        assert!(says(
            read,
            EACCES.into(),
            c"/dev/x: access to this device is denied"
        ));
        // 124: EMEDIUMTYPE.
        let secondary = c"/dev/x: device is the secondary of a pair (DRBD): make it the primary \
                          first";
        let error = Error::from_errno(-124);
        assert!(says(write, error.into(), secondary));
        assert!(says(read, error.into(), secondary));
    }
}
