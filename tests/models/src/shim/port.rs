// SPDX-License-Identifier: GPL-2.0

//! A port, as far as conflicts are looked for on it.

use kernel::sync::Arc;

use super::conflict::Conflict;
use super::exported::Blade;
use crate::aoe::Destination;
use crate::aoe::ShelfSlot;

pub(crate) struct Port {
    blade: Arc<Blade>,
    address: ShelfSlot,
    conflict: Conflict,
}

impl Port {
    pub(super) fn new(blade: Arc<Blade>, address: ShelfSlot) -> Arc<Self> {
        let conflict = Conflict::new();
        Arc::new(Self {
            blade,
            address,
            conflict,
        })
    }

    pub(super) fn blade(&self) -> &Arc<Blade> {
        &self.blade
    }

    pub(super) fn address(&self) -> ShelfSlot {
        self.address
    }

    pub(super) fn conflict(&self) -> &Conflict {
        &self.conflict
    }

    pub(super) fn is_open(&self) -> bool {
        true
    }

    pub(super) fn can_send(&self) -> bool {
        true
    }

    pub(super) fn is_beside(&self, _other: &Self) -> bool {
        true
    }

    pub(super) fn probe(&self, _destination: Destination) {}
}
