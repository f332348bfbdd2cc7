// SPDX-License-Identifier: GPL-2.0

//! `/sys/kvblade/SHELF.SLOT@INTERFACE/stats`: what is counted of an export, one number a file but for the histogram.

use core::fmt::Write;

use kernel::prelude::*;
use kernel::str::Formatter;
use kernel::sync::Arc;

use super::kobject::Attribute;
use super::kobject::Entries;
use super::kobject::Node;
use super::last_errors::LastErrors;
use crate::blade::Counter;
use crate::blade::Port;

/// The directory of an export's counters.
pub(super) struct Stats {
    port: Arc<Port>,
    last_errors: Arc<LastErrors>,
}

impl Stats {
    /// The directory of a port's counters.
    pub(super) fn new(port: Arc<Port>, last_errors: Arc<LastErrors>) -> Self {
        Self { port, last_errors }
    }
}

impl Entries for Stats {
    fn attributes() -> &'static [&'static Attribute<Self>] {
        static ALL: [&Attribute<Stats>; 2] = [&LATENCY, &CLEAR];
        &ALL
    }

    fn table() -> &'static [Attribute<Self>] {
        &COUNTERS
    }

    fn too_long(&self) -> Error {
        self.last_errors.too_long()
    }
}

static COUNTERS: [Attribute<Stats>; Counter::COUNT] = {
    let mut files = [const { Attribute::of_row(c"", 0, 0, show, None) }; Counter::COUNT];
    let mut row = 0;
    while row < Counter::COUNT {
        let name = Counter::ALL[row].row().file_name;
        files[row] = Attribute::of_row(name, 0o444, row, show, None);
        row += 1;
    }
    files
};

static LATENCY: Attribute<Stats> = Attribute::new(c"latency", 0o444, Some(latency), None);

static CLEAR: Attribute<Stats> = Attribute::new(c"clear", 0o200, None, Some(clear));

fn show(stats: &Stats, row: usize, text: &mut Formatter<'_>) -> Result {
    let counter = *Counter::ALL.get(row).ok_or(EIO)?;
    let value = stats.port.stats().get(counter);
    Ok(writeln!(text, "{value}")?)
}

/// How long reads and writes took together, and how many took how long.
fn latency(stats: &Stats, text: &mut Formatter<'_>) -> Result {
    let latency = stats.port.latency();
    let [reads, writes] = latency.micros();
    text.write_fmt(fmt!("sum {reads} {writes}\n{latency}"))?;
    if !latency.is_empty() {
        writeln!(text)?;
    }
    Ok(())
}

fn clear(stats: &Node<Stats>, _text: &[u8]) -> Result {
    stats.last_errors.attempt(|| {
        stats.port.clear_stats();
        Ok(())
    })
}
