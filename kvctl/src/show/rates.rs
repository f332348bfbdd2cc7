// SPDX-License-Identifier: GPL-2.0

//! What the exports do in a second.

use std::time::Duration;

use super::gather::Port;
use super::latency::Histogram;
use super::latency::Kind;

/// What was counted between two looks at a port, per second.
#[derive(Clone, Default)]
pub(crate) struct Rates {
    pub(crate) reads: u64,
    pub(crate) read_kilobytes: u64,
    pub(crate) writes: u64,
    pub(crate) written_kilobytes: u64,
    pub(crate) latency: Histogram,
    /// By cause, those that there were.
    drops: Vec<(String, u64)>,
}

impl Rates {
    /// What a port has done since an earlier look, or since it was made.
    pub(crate) fn between(before: Option<&Port>, now: &Port, elapsed: Duration) -> Self {
        let millis = elapsed.as_millis().max(1);
        let rate = |name: &str| {
            let then = before.map_or(0, |port| port.stat(name));
            // Someone may have cleared them.
            let new = now.stat(name).checked_sub(then);
            let new = u128::from(new.unwrap_or_else(|| now.stat(name)));
            u64::try_from(new * 1000 / millis).unwrap_or(u64::MAX)
        };
        let nothing = Histogram::default();
        let drops = now.stats.keys().filter_map(|name| {
            let cause = name.strip_prefix("dropped_")?.to_owned();
            Some((cause, rate(name))).filter(|(_, rate)| *rate != 0)
        });
        Self {
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

    /// What another port does is done as well.
    pub(crate) fn add(&mut self, other: Self) {
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

    /// The times in microseconds within which half of the requests, and 99 of 100, were answered.
    pub(crate) fn times(&self, kind: Kind) -> String {
        let within = |percent| self.latency.within(kind, percent);
        match (within(50), within(99)) {
            (Some(half), Some(most)) => format!("{half}/{most}"),
            _ => "-".into(),
        }
    }

    /// Why requests were dropped, and how many.
    pub(crate) fn causes(&self) -> String {
        let causes = self.drops.iter();
        let causes: Vec<String> = causes
            .map(|(cause, rate)| format!("{cause} {rate}"))
            .collect();
        causes.join(", ")
    }
}
