// SPDX-License-Identifier: GPL-2.0

//! What the administrator says of an export when he asks for it.

use kernel::prelude::*;
use kernel::str::CString;

use super::policy::Policy;
use super::settings::Settings;
use crate::aoe::ShelfSlot;
use crate::block::OpenMode;
use crate::wire::interface::InterfaceName;

/// An export to be made.
pub(crate) struct NewExport {
    /// Its address.
    pub(crate) address: ShelfSlot,
    /// The interface by which initiators reach it.
    pub(crate) interface: InterfaceName,
    /// The path of the block device.
    pub(crate) path: CString,
    /// How the device is opened.
    pub(crate) mode: OpenMode,
    /// How it is served.
    pub(crate) policy: Policy,
    /// What initiators are told of it at first, if it is not what follows from the rest.
    pub(crate) settings: Option<KBox<Settings>>,
    /// Do not ask whether another target on the segment has the address.
    pub(crate) force: bool,
}
