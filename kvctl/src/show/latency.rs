// SPDX-License-Identifier: GPL-2.0

//! Histograms of times, in classes of powers of two.

use std::collections::BTreeMap;

use serde::Serialize;

/// How many reads and writes took how long, by the least time of the class in microseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub(crate) struct Histogram {
    classes: BTreeMap<u64, [u64; 2]>,
    /// How many microseconds all of them took.
    #[serde(skip)]
    sums: [u64; 2],
}

/// Reads or writes.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Read,
    Write,
}

impl Histogram {
    /// Takes the text of the file.
    pub(crate) fn parse(text: &str) -> Self {
        let mut histogram = Self::default();
        let class = |line: &str| {
            let (what, counts) = line.split_once(' ')?;
            let (reads, writes) = counts.split_once(' ')?;
            let counts = [reads.parse().ok()?, writes.parse().ok()?];
            match what {
                "sum" => histogram.sums = counts,
                least => _ = histogram.classes.insert(least.parse().ok()?, counts),
            }
            Some(())
        };
        let _: usize = text.lines().filter_map(class).count();
        histogram
    }

    /// How many there are.
    pub(crate) fn count(&self, kind: Kind) -> u64 {
        self.below(kind, u64::MAX)
    }

    /// How many took less than so many microseconds, where a class ends.
    pub(crate) fn below(&self, kind: Kind, micros: u64) -> u64 {
        let classes = self.classes.range(..micros);
        classes.map(|(_, counts)| counts[kind as usize]).sum()
    }

    /// How many microseconds they took together.
    pub(crate) fn sum(&self, kind: Kind) -> u64 {
        self.sums[kind as usize]
    }

    /// What has come since an earlier time.
    pub(crate) fn since(&self, before: &Self) -> Self {
        let nothing = [0; 2];
        let minus = |now: &[u64; 2], then: &[u64; 2]| {
            [0, 1].map(|kind| now[kind].saturating_sub(then[kind]))
        };
        let classes = self.classes.iter().map(|(least, now)| {
            let then = before.classes.get(least).unwrap_or(&nothing);
            (*least, minus(now, then))
        });
        Self {
            classes: classes.collect(),
            sums: minus(&self.sums, &before.sums),
        }
    }

    /// Both together.
    pub(crate) fn plus(&self, other: &Self) -> Self {
        let mut sum = self.clone();
        let plus = |one: [u64; 2], other: &[u64; 2]| [0, 1].map(|kind| one[kind] + other[kind]);
        for (least, counts) in &other.classes {
            let total = sum.classes.entry(*least).or_default();
            *total = plus(*total, counts);
        }
        sum.sums = plus(sum.sums, &other.sums);
        sum
    }

    /// The time in microseconds within which so many of a hundred were done.
    pub(crate) fn within(&self, kind: Kind, percent: u64) -> Option<u64> {
        let total = self.count(kind);
        let mut seen = 0;
        for (least, counts) in &self.classes {
            seen += counts[kind as usize];
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
        let before = Histogram::parse("sum 2000 0\n16 90 0\n");
        let after = Histogram::parse("sum 2150 70\n16 95 0\n32 1 2\n");
        let new = Histogram::parse("sum 150 70\n16 5 0\n32 1 2\n");
        assert_eq!(after.since(&before), new);
        let twice = Histogram::parse("sum 4000 0\n16 180 0\n");
        assert_eq!(before.plus(&before), twice);
    }

    #[test]
    fn classes_add_up() {
        let histogram = Histogram::parse("sum 5000 7\n16 90 0\n64 9 1\n1024 1 0\n");
        assert_eq!(histogram.below(Kind::Read, 16), 0);
        assert_eq!(histogram.below(Kind::Read, 32), 90);
        assert_eq!(histogram.below(Kind::Read, 1024), 99);
        assert_eq!(histogram.count(Kind::Read), 100);
        assert_eq!(
            (histogram.sum(Kind::Read), histogram.sum(Kind::Write)),
            (5000, 7)
        );
    }
}
