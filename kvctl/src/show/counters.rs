// SPDX-License-Identifier: GPL-2.0

//! What the module counts of an export on an interface: the one table from which counters are read,
//! shown, told to monitoring systems and drawn.

/// Counters that are one metric: they differ in one label.
pub(crate) struct Family {
    /// The metric, without what all have in common.
    pub(crate) metric: &'static str,
    /// What it counts, if that is no plain number.
    pub(crate) unit: Option<&'static str>,
    /// How many of these one is.
    pub(crate) scale: u64,
    /// What the counters differ in, if there are several.
    pub(crate) label: &'static str,
    /// What is counted, for who reads the metric.
    pub(crate) help: &'static str,
    pub(crate) counters: &'static [Counter],
}

/// A counter.
pub(crate) struct Counter {
    /// Its file in the folder `stats`.
    pub(crate) file: &'static str,
    /// Its value of the label.
    pub(crate) value: &'static str,
    /// What it means to a person that there are any, if it is no good sign.
    pub(crate) means: Option<&'static str>,
}

const fn good(file: &'static str, value: &'static str) -> Counter {
    Counter {
        file,
        value,
        means: None,
    }
}

const fn bad(file: &'static str, value: &'static str, means: &'static str) -> Counter {
    Counter {
        file,
        value,
        means: Some(means),
    }
}

/// All of them.
pub(crate) const FAMILIES: &[Family] = &[
    Family {
        metric: "requests",
        unit: None,
        scale: 1,
        label: "",
        help: "Requests let in, whatever became of them.",
        counters: &[good("requests", "")],
    },
    Family {
        metric: "operations",
        unit: None,
        scale: 1,
        label: "operation",
        help: "ATA commands that succeeded.",
        counters: &[
            good("reads", "read"),
            good("writes", "write"),
            good("flushes", "flush"),
            good("trims", "trim"),
        ],
    },
    Family {
        metric: "data_bytes",
        unit: Some("bytes"),
        scale: 512,
        label: "operation",
        help: "Data that was read and written.",
        counters: &[
            good("read_sectors", "read"),
            good("written_sectors", "write"),
        ],
    },
    Family {
        metric: "faults",
        unit: None,
        scale: 1,
        label: "operation",
        help: "Requests that the disk has failed; of writes, with flushes and TRIMs.",
        counters: &[
            bad(
                "read_faults",
                "read",
                "the disk could not read: look at its SMART data",
            ),
            bad(
                "write_faults",
                "write",
                "the disk could not write: data of clients may be lost",
            ),
        ],
    },
    Family {
        metric: "error_answers",
        unit: None,
        scale: 1,
        label: "kind",
        help: "Requests that were answered with an error of ATA, or of the AoE header.",
        counters: &[
            bad(
                "ata_errors",
                "ata",
                "a command failed at the disk, or was none that it can do",
            ),
            bad(
                "aoe_errors",
                "aoe",
                "a request was refused: offline, reserved for others, or wrong",
            ),
        ],
    },
    Family {
        metric: "retransmits",
        unit: None,
        scale: 1,
        label: "",
        help: "Writes that had come before under the same tag.",
        counters: &[bad(
            "retransmits",
            "",
            "answers are lost on the way or late: look at the switch and the interface's errors",
        )],
    },
    Family {
        metric: "repetitions_joined",
        unit: None,
        scale: 1,
        label: "",
        help: "Requests that repeated one that had not been answered yet.",
        counters: &[bad(
            "repeated_joined",
            "",
            "the disk is slow, or has stood still",
        )],
    },
    Family {
        metric: "answers_superseded",
        unit: None,
        scale: 1,
        label: "",
        help: "Answers not sent, since the initiator had asked for the same again meanwhile.",
        counters: &[bad(
            "answers_superseded",
            "",
            "the disk took more than a second",
        )],
    },
    Family {
        metric: "dropped",
        unit: None,
        scale: 1,
        label: "cause",
        help: "Requests that got no answer, by cause.",
        counters: &[
            bad(
                "dropped_window",
                "window",
                "a client has more under way than buffer-count",
            ),
            bad(
                "dropped_full",
                "full",
                "512 requests were under way: the disk is too slow for its clients",
            ),
            bad(
                "dropped_to_all",
                "to_all",
                "somebody asks all targets all the time",
            ),
            bad("dropped_memory", "memory", "the kernel has no memory left"),
            bad("dropped_mask", "mask", "a client is not on the mask list"),
            bad(
                "dropped_access",
                "access",
                "an access list keeps a client out",
            ),
            bad(
                "dropped_copy",
                "copy",
                "old copies of writes came late: the network delays frames",
            ),
            bad(
                "dropped_conflict",
                "conflict",
                "another target has the address",
            ),
            bad("dropped_late", "late", "the disk took more than a minute"),
            bad(
                "dropped_mtu",
                "mtu",
                "the MTU became smaller than the clients' frames",
            ),
        ],
    },
];

/// All counters.
pub(crate) fn all() -> impl Iterator<Item = &'static Counter> {
    FAMILIES.iter().flat_map(|family| family.counters)
}

/// What it means to a person that a counter is not zero, if it is no good sign.
pub(crate) fn meaning(file: &str) -> Option<&'static str> {
    all().find(|counter| counter.file == file)?.means
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn they_are_those_of_the_module() {
        let source = include_str!("../../../sysfs/stats.rs");
        let (_, table) = source.split_once("\ncounters! {\n").unwrap();
        let (table, _) = table.split_once("\n}\n").unwrap();
        let names = table.lines().map(|line| line.split('"').nth(1).unwrap());
        let names: BTreeSet<&str> = names.collect();
        assert_eq!(all().map(|it| it.file).collect::<BTreeSet<_>>(), names);
    }
}
