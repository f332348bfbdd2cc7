// SPDX-License-Identifier: GPL-2.0

//! How well a blade serves: what can be seen of its disk from outside.

use super::blade::Blade;
use super::state::Degraded;

impl Blade {
    /// What is wrong, if anything is. Not for softirq context.
    pub(super) fn degraded(&self) -> Option<Degraded> {
        self.is_locked().then_some(Degraded::ReadOnly)
    }
}
