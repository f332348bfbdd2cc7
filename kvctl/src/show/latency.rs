// SPDX-License-Identifier: GPL-2.0

//! Histograms of times, in classes of powers of two.

use std::collections::BTreeMap;

use serde::Serialize;

/// How many reads and writes took how long, by the least time of the class in microseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub(crate) struct Histogram(BTreeMap<u64, [u64; 2]>);

/// Reads or writes.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Read,
    Write,
}

impl Histogram {
    /// Takes the text of the file in debugfs.
    pub(crate) fn parse(text: &str) -> Self {
        let class = |line: &str| {
            let mut numbers = line.split_whitespace().map(str::parse);
            let mut next = || numbers.next()?.ok();
            Some((next()?, [next()?, next()?]))
        };
        Self(text.lines().filter_map(class).collect())
    }

    /// What has come since an earlier time.
    pub(crate) fn since(&self, before: &Self) -> Self {
        let nothing = [0; 2];
        let classes = self.0.iter().map(|(least, now)| {
            let then = before.0.get(least).unwrap_or(&nothing);
            let new = [0, 1].map(|kind| now[kind].saturating_sub(then[kind]));
            (*least, new)
        });
        Self(classes.collect())
    }

    /// Both together.
    pub(crate) fn plus(&self, other: &Self) -> Self {
        let mut sum = self.clone();
        for (least, counts) in &other.0 {
            let total = sum.0.entry(*least).or_default();
            *total = [0, 1].map(|kind| total[kind] + counts[kind]);
        }
        sum
    }

    /// The time in microseconds within which so many of a hundred were done.
    pub(crate) fn within(&self, kind: Kind, percent: u64) -> Option<u64> {
        let kind = kind as usize;
        let total: u64 = self.0.values().map(|counts| counts[kind]).sum();
        let mut seen = 0;
        for (least, counts) in &self.0 {
            seen += counts[kind];
            if total != 0 && seen * 100 >= total * percent {
                return Some(least * 2);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_the_ends_of_classes() {
        let histogram = Histogram::parse("16 90 0\n64 9 1\n1024 1 0\n");
        assert_eq!(histogram.within(Kind::Read, 50), Some(32));
        assert_eq!(histogram.within(Kind::Read, 99), Some(128));
        assert_eq!(histogram.within(Kind::Read, 100), Some(2048));
        assert_eq!(histogram.within(Kind::Write, 50), Some(128));
        assert_eq!(Histogram::default().within(Kind::Read, 50), None);
    }

    #[test]
    fn differences_and_sums() {
        let before = Histogram::parse("16 90 0\n");
        let after = Histogram::parse("16 95 0\n32 1 2\n");
        assert_eq!(after.since(&before), Histogram::parse("16 5 0\n32 1 2\n"));
        assert_eq!(before.plus(&before), Histogram::parse("16 180 0\n"));
    }
}
