// SPDX-License-Identifier: GPL-2.0

//! What the module counts of an export on an interface, as the table of all counters has it.

pub(crate) use kvblade_wire::counters::Family;
pub(crate) use kvblade_wire::counters::Row;
pub(crate) use kvblade_wire::counters::FAMILIES;

use kvblade_wire::counters::Counter;

/// All counters.
pub(crate) fn all() -> impl Iterator<Item = &'static Row> {
    Counter::ALL.into_iter().map(Counter::row)
}

/// What it means to a person that a counter is not zero, if it is no good sign.
pub(crate) fn meaning(file: &str) -> Option<&'static str> {
    all().find(|counter| counter.file == file)?.means
}
