// SPDX-License-Identifier: GPL-2.0

//! `kvctl show -w`: what the exports do, again and again.

use std::io;
use std::io::IsTerminal;
use std::io::Write;
use std::thread;
use std::time::Duration;

use super::gather::ExportStatus;
use super::latency::Kind;
use super::rates::Rates;
use super::table::Table;

/// Shows the exports every `seconds`, `times` times; 0: until it is ended.
pub(crate) fn watch(
    look: impl Fn() -> Result<Vec<ExportStatus>, String>,
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

fn text(before: &[ExportStatus], now: &[ExportStatus], seconds: u64) -> String {
    let head = [
        "NAME", "PORT", "READ/s", "KB/s", "WRITE/s", "KB/s", "READ us", "WRITE us", "BUSY",
        "DROPS/s",
    ];
    let mut table = Table::new(&head, &[2, 3, 4, 5, 6, 7, 8]);
    for export in now {
        let earlier = before.iter().find(|it| it.address == export.address);
        let mut all = Rates::default();
        for port in &export.ports {
            let then = earlier.and_then(|export| export.on(&port.interface));
            let rates = Rates::between(then, port, Duration::from_secs(seconds));
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
                "{} {}: {} in flight, heard {} s ago\n",
                export.address, initiator.mac, initiator.busy, initiator.heard
            ));
        }
    }
    text
}

fn row(name: String, place: String, rates: &Rates, busy: String) -> [String; 10] {
    [
        name,
        place,
        rates.reads.to_string(),
        rates.read_kilobytes.to_string(),
        rates.writes.to_string(),
        rates.written_kilobytes.to_string(),
        rates.times(Kind::Read),
        rates.times(Kind::Write),
        busy,
        rates.causes(),
    ]
}
