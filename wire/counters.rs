// SPDX-License-Identifier: GPL-2.0

//! What is counted of an export on an interface, each declared once.
//!
//! The module's files in the folder `stats` go by this table, and so do kvctl's lists, metrics and
//! dashboard. What docs/sysfs-abi.md says of them is written from it by `make fmt`. A counter counts where
//! the module says so.

use core::ffi::CStr;

use super::settings::c_name;

/// Counters that are one metric: they differ in one label.
#[derive(Debug)]
pub struct Family {
    /// The metric, without what all have in common.
    pub metric: &'static str,
    /// What it counts, if that is no plain number.
    pub unit: Option<&'static str>,
    /// How many of these one is.
    pub scale: u64,
    /// What the counters differ in, if there are several.
    pub label: &'static str,
    /// What is counted, for who reads the metric.
    pub help: &'static str,
    /// The counters.
    pub counters: &'static [Counter],
}

/// The row of a counter.
#[derive(Debug)]
pub struct Row {
    /// Its file in the folder `stats`; the same with a zero byte behind it.
    pub file: &'static str,
    /// See [`Row::file`].
    pub file_name: &'static CStr,
    /// Its file in the folder of the export.
    pub in_stats: &'static str,
    /// Its value of the label.
    pub value: &'static str,
    /// What it means to a person that there are any, if it is no good sign.
    pub means: Option<&'static str>,
    /// What is counted, for who reads the file.
    pub about: &'static str,
}

macro_rules! families {
    ($({
        metric: $metric:literal, unit: $unit:expr, scale: $scale:literal, label: $label:literal,
        help: $help:literal,
        $($(#[doc = $doc:literal])+ $name:ident {
            file: $file:literal, value: $value:literal, means: $means:expr,
        })*
    })*) => {
        /// What is counted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Counter { $($($(#[doc = $doc])+ $name,)*)* }

        /// All of them, by metrics.
        pub const FAMILIES: &[Family] = &[$(Family {
            metric: $metric,
            unit: $unit,
            scale: $scale,
            label: $label,
            help: $help,
            counters: &[$(Counter::$name),*],
        }),*];

        impl Counter {
            /// How many there are.
            pub const COUNT: usize = [$($(Counter::$name),*),*].len();

            /// All of them, by metrics.
            pub const ALL: [Self; Counter::COUNT] = [$($(Counter::$name),*),*];

            /// What the table says of it.
            pub const fn row(self) -> &'static Row {
                match self {
                    $($(Self::$name => &const { Row {
                        file: $file,
                        file_name: c_name(concat!($file, "\0")),
                        in_stats: concat!("stats/", $file),
                        value: $value,
                        means: $means,
                        about: concat!($($doc),+),
                    } },)*)*
                }
            }
        }
    };
}

families! {
    {
        metric: "requests", unit: None, scale: 1, label: "",
        help: "Requests let in, whatever became of them.",
        /// Requests let in, whatever became of them.
        Requests {
            file: "requests", value: "", means: None,
        }
    }
    {
        metric: "operations", unit: None, scale: 1, label: "operation",
        help: "ATA commands that succeeded.",
        /// READ and VERIFY commands that succeeded.
        Reads {
            file: "reads", value: "read", means: None,
        }
        /// WRITE commands that succeeded.
        Writes {
            file: "writes", value: "write", means: None,
        }
        /// FLUSH commands that succeeded, and power commands that flush.
        Flushes {
            file: "flushes", value: "flush", means: None,
        }
        /// TRIM commands that succeeded.
        Trims {
            file: "trims", value: "trim", means: None,
        }
    }
    {
        metric: "data_bytes", unit: Some("bytes"), scale: 512, label: "operation",
        help: "Data that was read and written.",
        /// Sectors of 512 bytes that they read.
        ReadSectors {
            file: "read_sectors", value: "read", means: None,
        }
        /// Sectors of 512 bytes that they wrote.
        WrittenSectors {
            file: "written_sectors", value: "write", means: None,
        }
    }
    {
        metric: "faults", unit: None, scale: 1, label: "operation",
        help: "Requests that the disk has failed; of writes, with flushes and TRIMs.",
        /// Reads that the device has failed.
        ReadFaults {
            file: "read_faults", value: "read",
            means: Some("the disk could not read: look at its SMART data"),
        }
        /// Writes, flushes and TRIMs that the device has failed.
        WriteFaults {
            file: "write_faults", value: "write",
            means: Some("the disk could not write: data of clients may be lost"),
        }
    }
    {
        metric: "recovered", unit: None, scale: 1, label: "",
        help: "Requests that the disk has failed, alone or with others, and done when tried once more.",
        /// Requests that the device has failed, alone or together with others, and done when they were tried
        /// once more, by themselves.
        Recovered {
            file: "recovered", value: "",
            means: Some("the disk failed, and succeeded when asked once more: look at its SMART data"),
        }
    }
    {
        metric: "error_answers", unit: None, scale: 1, label: "kind",
        help: "Requests that were answered with an error of ATA, or of the AoE header.",
        /// Answers with an ATA error.
        AtaErrors {
            file: "ata_errors", value: "ata",
            means: Some("a command failed at the disk, or was none that it can do"),
        }
        /// Answers with an error of the AoE header.
        AoeErrors {
            file: "aoe_errors", value: "aoe",
            means: Some("a request was refused: offline, reserved for others, or wrong"),
        }
    }
    {
        metric: "retransmits", unit: None, scale: 1, label: "",
        help: "Writes that had come before under the same tag.",
        /// Writes that had come before under the same tag.
        Retransmits {
            file: "retransmits", value: "",
            means: Some(
                "answers are lost on the way or late: look at the switch and the interface's errors"
            ),
        }
    }
    {
        metric: "repetitions_joined", unit: None, scale: 1, label: "",
        help: "Requests that repeated one that had not been answered yet.",
        /// Requests that repeated one which had not been answered yet, by the same initiator, for the same
        /// sectors and with the same data: they were not executed by themselves. It grows while a disk is
        /// slow or stands still.
        RepeatedJoined {
            file: "repeated_joined", value: "", means: Some("the disk is slow, or has stood still"),
        }
    }
    {
        metric: "answers_superseded", unit: None, scale: 1, label: "",
        help: "Answers not sent, since the initiator had asked for the same again meanwhile.",
        /// Not answered: more than a second old, and the initiator had asked for the same since, which was
        /// answered instead.
        AnswersSuperseded {
            file: "answers_superseded", value: "", means: Some("the disk took more than a second"),
        }
    }
    {
        metric: "dropped", unit: None, scale: 1, label: "cause",
        help: "Requests that got no answer, by cause.",
        /// Not answered: the initiator had more in flight than `bufcnt`.
        DroppedWindow {
            file: "dropped_window", value: "window",
            means: Some("a client has more in flight than buffer-count"),
        }
        /// Not answered: the export had 512 requests in flight; or, of requests that do not need the
        /// medium, as many more as it has places for.
        DroppedFull {
            file: "dropped_full", value: "full",
            means: Some("512 requests were in flight: the disk is too slow for its clients"),
        }
        /// Not answered: more than 100 requests a second to all targets from one initiator, or 200 from all
        /// of them, on this interface.
        DroppedToAll {
            file: "dropped_to_all", value: "to_all",
            means: Some("somebody asks all targets all the time"),
        }
        /// Not answered: memory was short.
        DroppedMemory {
            file: "dropped_memory", value: "memory", means: Some("the kernel has no memory left"),
        }
        /// Not answered, by the mask list.
        DroppedMask {
            file: "dropped_mask", value: "mask", means: Some("a client is not on the mask list"),
        }
        /// Not answered, by an access list.
        DroppedAccess {
            file: "dropped_access", value: "access",
            means: Some("an access list keeps a client out"),
        }
        /// Not answered: a copy of a write that a newer one has followed.
        DroppedCopy {
            file: "dropped_copy", value: "copy",
            means: Some("old copies of writes came late: the network delays frames"),
        }
        /// Not answered: another target has the address, and `on_conflict` is `silent`.
        DroppedConflict {
            file: "dropped_conflict", value: "conflict",
            means: Some("another target has the address"),
        }
        /// Not answered: a minute old.
        DroppedLate {
            file: "dropped_late", value: "late", means: Some("the disk took more than a minute"),
        }
        /// Not answered: the MTU had become too small for the answer.
        DroppedMtu {
            file: "dropped_mtu", value: "mtu",
            means: Some("the MTU became smaller than the clients' frames"),
        }
    }
}
