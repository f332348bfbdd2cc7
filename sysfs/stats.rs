// SPDX-License-Identifier: GPL-2.0

//! `/sys/kvblade/SHELF.SLOT@INTERFACE/stats`: what is counted of an export, one number a file but for the histogram.

use core::fmt::Write;

use kernel::prelude::*;
use kernel::str::Formatter;
use kernel::sync::Arc;

use super::kobject::Attribute;
use super::kobject::Entries;
use super::kobject::Node;
use super::refusals::Refusals;
use crate::blade::Counter;
use crate::blade::Port;

/// The directory of an export's counters.
pub(super) struct Stats {
    port: Arc<Port>,
    refusals: Arc<Refusals>,
}

impl Stats {
    /// The directory of a port's counters.
    pub(super) fn new(port: Arc<Port>, refusals: Arc<Refusals>) -> Self {
        Self { port, refusals }
    }
}

impl Entries for Stats {
    fn attributes() -> &'static [&'static Attribute<Self>] {
        static ALL: [&Attribute<Stats>; 26] = [
            &REQUESTS,
            &READS,
            &READ_SECTORS,
            &WRITES,
            &WRITTEN_SECTORS,
            &FLUSHES,
            &TRIMS,
            &ATA_ERRORS,
            &AOE_ERRORS,
            &READ_FAULTS,
            &WRITE_FAULTS,
            &RETRANSMITS,
            &REPEATED_JOINED,
            &ANSWERS_SUPERSEDED,
            &DROPPED_FULL,
            &DROPPED_WINDOW,
            &DROPPED_TO_ALL,
            &DROPPED_MEMORY,
            &DROPPED_MASK,
            &DROPPED_ACCESS,
            &DROPPED_COPY,
            &DROPPED_CONFLICT,
            &DROPPED_LATE,
            &DROPPED_MTU,
            &LATENCY,
            &CLEAR,
        ];
        &ALL
    }

    fn too_long(&self) -> Error {
        self.refusals.too_long()
    }
}

macro_rules! counters {
    ($($file:ident, $name:literal, $counter:ident;)*) => {$(
        static $file: Attribute<Stats> = Attribute::new(
            $name,
            0o444,
            Some(|stats, text| show(stats, text, Counter::$counter)),
            None,
        );
    )*};
}

counters! {
    REQUESTS, c"requests", Requests;
    READS, c"reads", Reads;
    READ_SECTORS, c"read_sectors", ReadSectors;
    WRITES, c"writes", Writes;
    WRITTEN_SECTORS, c"written_sectors", WrittenSectors;
    FLUSHES, c"flushes", Flushes;
    TRIMS, c"trims", Trims;
    ATA_ERRORS, c"ata_errors", AtaErrors;
    AOE_ERRORS, c"aoe_errors", AoeErrors;
    READ_FAULTS, c"read_faults", ReadFaults;
    WRITE_FAULTS, c"write_faults", WriteFaults;
    RETRANSMITS, c"retransmits", Retransmits;
    REPEATED_JOINED, c"repeated_joined", RepeatedJoined;
    ANSWERS_SUPERSEDED, c"answers_superseded", AnswersSuperseded;
    DROPPED_FULL, c"dropped_full", DroppedFull;
    DROPPED_WINDOW, c"dropped_window", DroppedWindow;
    DROPPED_TO_ALL, c"dropped_to_all", DroppedToAll;
    DROPPED_MEMORY, c"dropped_memory", DroppedMemory;
    DROPPED_MASK, c"dropped_mask", DroppedMask;
    DROPPED_ACCESS, c"dropped_access", DroppedAccess;
    DROPPED_COPY, c"dropped_copy", DroppedCopy;
    DROPPED_CONFLICT, c"dropped_conflict", DroppedConflict;
    DROPPED_LATE, c"dropped_late", DroppedLate;
    DROPPED_MTU, c"dropped_mtu", DroppedMtu;
}

static LATENCY: Attribute<Stats> = Attribute::new(c"latency", 0o444, Some(latency), None);

static CLEAR: Attribute<Stats> = Attribute::new(c"clear", 0o200, None, Some(clear));

fn show(stats: &Stats, text: &mut Formatter<'_>, counter: Counter) -> Result {
    let value = stats.port.stats().get(counter);
    Ok(writeln!(text, "{value}")?)
}

/// How long reads and writes took together, and how many took how long.
fn latency(stats: &Stats, text: &mut Formatter<'_>) -> Result {
    let latency = stats.port.latency();
    let [reads, writes] = latency.micros();
    Ok(text.write_fmt(fmt!("sum {reads} {writes}\n{latency}\n"))?)
}

fn clear(stats: &Node<Stats>, _text: &[u8]) -> Result {
    stats.refusals.attempt(|| {
        stats.port.clear_stats();
        Ok(())
    })
}
