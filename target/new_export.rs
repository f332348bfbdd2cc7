// SPDX-License-Identifier: GPL-2.0

//! What the administrator says of an export when he asks for it.

use kernel::prelude::*;
use kernel::str::CString;

use super::order;
use super::settings::Settings;
use crate::aoe::ShelfSlot;
use crate::net::InterfaceName;

/// An export to be made.
pub(crate) struct NewExport {
    /// Its address.
    pub(crate) address: ShelfSlot,
    /// The interface by which initiators reach it.
    pub(crate) interface: InterfaceName,
    /// The path of the block device.
    pub(crate) path: CString,
    /// How the device is used.
    pub(crate) options: Options,
    /// What initiators are told of it at first, if it is not what follows from the rest.
    pub(crate) settings: Option<KBox<Settings>>,
    /// Do not ask whether another target on the segment has the address.
    pub(crate) force: bool,
}

/// How an export uses its device, as long as it is there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Options {
    /// Refuse writes.
    pub(crate) read_only: bool,
    /// Do not claim the device.
    pub(crate) shared: bool,
    /// Requests that each initiator may have under way, and is told that it may.
    pub(crate) buffer_count: u16,
}

impl Options {
    /// The least and the largest buffer count: Linux initiators send nothing at all below 2.
    pub(crate) const BUFFER_COUNTS: core::ops::RangeInclusive<u16> = 2..=order::MOST as u16;

    /// The buffer count unless the administrator gives another. Linux uses up to 64.
    pub(crate) const BUFFER_COUNT: u16 = 64;
}
