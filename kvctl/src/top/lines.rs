// SPDX-License-Identifier: GPL-2.0

//! What there is to tell of each export, interface or client.

use std::collections::BTreeMap;
use std::time::Duration;

use super::View;
use crate::show::latency::Kind;
use crate::show::ExportStatus;
use crate::show::Rates;

/// One of what the view is of.
#[derive(Default)]
pub(super) struct Line {
    /// No two of a view have the same.
    pub(super) name: String,
    /// What there is to say of it besides.
    pub(super) about: String,
    /// Whether that is trouble.
    pub(super) is_bad: bool,
    /// Requests in flight.
    pub(super) busy: u64,
    /// Nothing is counted of clients.
    pub(super) rates: Option<Rates>,
}

/// What is drawn of a line at one look.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Point {
    /// In a second; of a client, in flight.
    pub(super) requests: u64,
    pub(super) latency: u64,
}

impl Line {
    /// Requests a second.
    pub(super) fn requests(&self) -> u64 {
        let rates = self.rates.as_ref();
        rates.map_or(0, |rates| rates.reads + rates.writes)
    }

    /// Kilobytes a second.
    pub(super) fn kilobytes(&self) -> u64 {
        let rates = self.rates.as_ref();
        rates.map_or(0, |rates| rates.read_kilobytes + rates.written_kilobytes)
    }

    /// The time in microseconds within which 99 of 100 requests were answered.
    pub(super) fn latency(&self) -> u64 {
        let within = |kind| self.rates.as_ref()?.latency.within(kind, 99);
        within(Kind::Read).max(within(Kind::Write)).unwrap_or(0)
    }

    pub(super) fn point(&self) -> Point {
        Point {
            requests: match self.rates {
                Some(_) => self.requests(),
                None => self.busy,
            },
            latency: self.latency(),
        }
    }
}

/// What has happened between two looks, by name.
pub(super) fn lines(
    before: &[ExportStatus],
    now: &[ExportStatus],
    elapsed: Duration,
    view: View,
) -> Vec<Line> {
    match view {
        View::Exports => exports(before, now, elapsed),
        View::Interfaces => interfaces(before, now, elapsed),
        View::Clients => clients(now),
    }
}

/// What each port has done: an export, an interface, and that.
fn ports<'a>(
    before: &'a [ExportStatus],
    now: &'a [ExportStatus],
    elapsed: Duration,
) -> impl Iterator<Item = (&'a ExportStatus, &'a str, Rates)> {
    now.iter().flat_map(move |export| {
        let earlier = before.iter().find(|it| it.address == export.address);
        export.ports.iter().map(move |port| {
            let then = earlier.and_then(|export| export.on(&port.interface));
            // What a new port has done before is not of this time only.
            let then = then.unwrap_or(port);
            let rates = Rates::between(Some(then), port, elapsed);
            (export, port.interface.as_str(), rates)
        })
    })
}

fn exports(before: &[ExportStatus], now: &[ExportStatus], elapsed: Duration) -> Vec<Line> {
    let mut lines: BTreeMap<_, Line> = BTreeMap::new();
    for (export, _, rates) in ports(before, now, elapsed) {
        let line = lines.entry(export.address).or_default();
        line.rates.get_or_insert_default().add(rates);
    }
    let line = |(address, line)| {
        let export = now.iter().find(|it| it.address == address)?;
        let worst = export.ports.iter().find(|port| !port.is_up());
        let about = match worst {
            None => export.device.clone(),
            Some(port) => format!("{}: {}", port.interface, port.state),
        };
        let name = match &export.name {
            None => format!("e{address}"),
            Some(name) => format!("{name} e{address}"),
        };
        Some(Line {
            name,
            about,
            is_bad: worst.is_some(),
            busy: export.busy,
            ..line
        })
    };
    lines.into_iter().filter_map(line).collect()
}

fn interfaces(before: &[ExportStatus], now: &[ExportStatus], elapsed: Duration) -> Vec<Line> {
    let mut lines: BTreeMap<&str, (Line, usize, usize)> = BTreeMap::new();
    for (export, interface, rates) in ports(before, now, elapsed) {
        let (line, exports, bad) = lines.entry(interface).or_default();
        line.rates.get_or_insert_default().add(rates);
        *exports += 1;
        let is_up = export.on(interface).is_some_and(|port| port.is_up());
        *bad += usize::from(!is_up);
    }
    let line = |(name, (line, exports, bad)): (&str, (Line, usize, usize))| Line {
        name: name.to_owned(),
        about: match bad {
            0 => format!("{exports} exports"),
            _ => format!("{exports} exports, {bad} not up"),
        },
        is_bad: bad != 0,
        ..line
    };
    lines.into_iter().map(line).collect()
}

fn clients(now: &[ExportStatus]) -> Vec<Line> {
    let mut clients: BTreeMap<&str, (u64, u64, usize, usize)> = BTreeMap::new();
    for export in now {
        for client in &export.initiators {
            let (busy, heard, exports, writes) =
                clients.entry(&client.mac).or_insert((0, u64::MAX, 0, 0));
            *busy += client.busy;
            *heard = client.heard.min(*heard);
            *exports += 1;
            *writes += usize::from(export.writers.contains(&client.mac));
        }
    }
    let line = |(mac, (busy, heard, exports, writes)): (&str, (u64, u64, usize, usize))| Line {
        name: mac.to_owned(),
        about: format!("{exports} exports, writes {writes}, heard {heard} s ago"),
        busy,
        ..Line::default()
    };
    clients.into_iter().map(line).collect()
}
