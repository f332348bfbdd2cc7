// SPDX-License-Identifier: GPL-2.0

//! `kvctl show -w`: what the exports do, again and again.

use std::io;
use std::io::IsTerminal;
use std::io::Write;
use std::thread;
use std::time::Duration;

use super::gather::Export;
use super::gather::Port;
use super::latency::Histogram;
use super::latency::Kind;
use super::table::Table;

/// What was counted between two looks at a port, per second.
#[derive(Default)]
struct Rates {
    reads: u64,
    read_kilobytes: u64,
    writes: u64,
    written_kilobytes: u64,
    latency: Histogram,
    /// By cause, those that there were.
    drops: Vec<(String, u64)>,
}

/// Shows the exports every `seconds`, `times` times; 0: until it is ended.
pub(crate) fn watch(
    look: impl Fn() -> Result<Vec<Export>, String>,
    seconds: u64,
    times: u64,
) -> Result<(), crate::cli::Failure> {
    let mut before = look()?;
    let mut count = 0;
    while times == 0 || count < times {
        thread::sleep(Duration::from_secs(seconds));
        let now = look()?;
        let mut out = io::stdout().lock();
        if out.is_terminal() {
            // Up, and clear what is below.
            write!(out, "\x1b[H\x1b[2J")?;
        } else if count != 0 {
            writeln!(out)?;
        }
        out.write_all(text(&before, &now, seconds).as_bytes())?;
        out.flush()?;
        before = now;
        count += 1;
    }
    Ok(())
}

fn text(before: &[Export], now: &[Export], seconds: u64) -> String {
    let head = [
        "NAME", "PORT", "READ/s", "KB/s", "WRITE/s", "KB/s", "READ us", "WRITE us", "BUSY",
        "DROPS/s",
    ];
    let mut table = Table::new(&head, &[2, 3, 4, 5, 6, 7, 8]);
    for export in now {
        let earlier = before.iter().find(|it| it.address == export.address);
        let mut all = Rates::default();
        for port in &export.ports {
            let then = earlier.and_then(|export| {
                let mut ports = export.ports.iter();
                ports.find(|it| it.interface == port.interface)
            });
            let rates = rates(then, port, seconds);
            let place = format!("{}@{}", export.address, port.interface);
            table.row(row(export.title(), place, &rates, String::new()));
            all.add(rates);
        }
        let place = format!("{} all", export.address);
        table.row(row(export.title(), place, &all, export.busy.to_string()));
    }
    let mut text = table.text();
    for export in now {
        for initiator in &export.initiators {
            text.push_str(&format!(
                "{} {}: {} under way, heard {} s ago\n",
                export.address, initiator.mac, initiator.busy, initiator.heard
            ));
        }
    }
    text
}

fn rates(before: Option<&Port>, now: &Port, seconds: u64) -> Rates {
    let rate = |name: &str| {
        let then = before.map_or(0, |port| port.stat(name));
        // Someone may have cleared them.
        let new = now.stat(name).checked_sub(then);
        new.unwrap_or_else(|| now.stat(name)) / seconds.max(1)
    };
    let nothing = Histogram::default();
    let drops = now.stats.keys().filter_map(|name| {
        let cause = name.strip_prefix("dropped_")?.to_owned();
        Some((cause, rate(name))).filter(|(_, rate)| *rate != 0)
    });
    Rates {
        reads: rate("reads"),
        read_kilobytes: rate("read_sectors") / 2,
        writes: rate("writes"),
        written_kilobytes: rate("written_sectors") / 2,
        latency: now
            .latency
            .since(before.map_or(&nothing, |port| &port.latency)),
        drops: drops.collect(),
    }
}

impl Rates {
    fn add(&mut self, other: Self) {
        self.reads += other.reads;
        self.read_kilobytes += other.read_kilobytes;
        self.writes += other.writes;
        self.written_kilobytes += other.written_kilobytes;
        self.latency = self.latency.plus(&other.latency);
        for (cause, rate) in other.drops {
            match self.drops.iter_mut().find(|(it, _)| *it == cause) {
                Some((_, total)) => *total += rate,
                None => self.drops.push((cause, rate)),
            }
        }
    }
}

fn row(name: String, place: String, rates: &Rates, busy: String) -> [String; 10] {
    let drops: Vec<String> = rates
        .drops
        .iter()
        .map(|(cause, rate)| format!("{cause} {rate}"))
        .collect();
    [
        name,
        place,
        rates.reads.to_string(),
        rates.read_kilobytes.to_string(),
        rates.writes.to_string(),
        rates.written_kilobytes.to_string(),
        times(&rates.latency, Kind::Read),
        times(&rates.latency, Kind::Write),
        busy,
        drops.join(", "),
    ]
}

/// The times within which half of the requests, and 99 of 100, were answered.
fn times(latency: &Histogram, kind: Kind) -> String {
    match (latency.within(kind, 50), latency.within(kind, 99)) {
        (Some(half), Some(most)) => format!("{half}/{most}"),
        _ => "-".into(),
    }
}
