// SPDX-License-Identifier: GPL-2.0

//! What initiators are told of a blade, and what administrators and initiators may change.

use crate::aoe::ShelfSlot;
use crate::ata::Text;
use crate::ata::Wwn;
use crate::wire::rules::Rules;

/// The model that is shown unless the administrator gives another.
const MODEL: &str = "kvblade_rs";

/// The settings of a blade, guarded by its mutex.
pub(crate) struct Settings {
    /// ATA model number.
    pub(crate) model: Text<40>,
    /// ATA serial number.
    pub(crate) serial: Text<20>,
    /// ATA world wide name.
    pub(crate) wwn: Option<Wwn>,
    /// What initiators have asked the blade to remember.
    pub(crate) rules: Rules,
}

impl Settings {
    /// The settings of a new blade. The serial number is made of the address alone, by which clients
    /// know the disk: it stays the same from one start to the next, and on another machine that takes
    /// the address over, whatever the path of the device is there.
    pub(crate) fn new(address: ShelfSlot) -> Self {
        let mut serial = Text::default();
        let _ = core::fmt::Write::write_fmt(&mut serial, format_args!("kvblade-{address}"));
        Self {
            model: Text::new(MODEL).unwrap_or_default(),
            serial,
            wwn: None,
            rules: Rules::default(),
        }
    }
}
