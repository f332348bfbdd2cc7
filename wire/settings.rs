// SPDX-License-Identifier: GPL-2.0

//! The settings of an export, each declared once.
//!
//! The module's parser and files go by this table, and so does all of kvctl: check, plan, export, import,
//! and what `kvctl set` takes. `make fmt` writes from it the options of `kvadd --help` and kvadd(8), and the
//! files of docs/sysfs-abi.md that may change; the tests of kvctl tell which setting another document
//! leaves out. What a setting does is said where it is done: a new one does not compile until
//! `blade/policy.rs` or `sysfs/arguments.rs` says what follows.

#[macro_use]
mod form;

use core::ffi::CStr;

pub use form::Form;
pub use form::Number;
pub use form::Refused;
pub use form::Row;
pub use form::Shown;
pub use form::Word;

use crate::aoe::MIN_MTU;
pub(crate) use form::c_name;

words! {
    /// When a write is answered.
    Cache {
        /// When it is on the medium.
        Through = "through",
        /// When the device has it; FLUSH CACHE brings it to the medium.
        Back = "back",
    }
}

words! {
    /// Who is told that an export is there, or has changed.
    Audience {
        /// All on the segment; with a mask list, those on it.
        All = "all",
        /// Those whom the access list for discovery names.
        Accepted = "accepted",
        /// Nobody: initiators must ask.
        Nobody = "none",
    }
}

words! {
    /// What the kernel's log is told of an export.
    LogLevel {
        /// That it came, went and changed.
        Normal = "normal",
        /// Nothing but trouble.
        Quiet = "quiet",
        /// Also what the access lists refuse, once a second at most.
        Access = "access",
    }
}

words! {
    /// What a blade does while another target has its address.
    OnConflict {
        /// Tells it, and serves.
        Report = "report",
        /// Refuses ATA commands, so that initiators stop.
        Offline = "offline",
        /// Leaves ATA commands without an answer, so that initiators wait.
        Silent = "silent",
    }
}

settings! {
    /// What can only be said when the device is opened.
    Mode {
        /// Refuse writes.
        ReadOnly {
            add: "ro", file: "ro", key: "read-only", example: "true",
            form: Form::Flag, default: 0, usage: "ro=1",
        }
        /// Do not claim the device: others may use it too. Otherwise one that is mounted, or in use in
        /// another way, is refused. What this machine has cached of the device is written and dropped when
        /// it is exported and when it is removed; in between, reads here that do not bypass the cache may
        /// be old.
        Shared {
            add: "shared", file: "shared", key: "shared", example: "true",
            form: Form::Flag, default: 0, usage: "shared=1",
        }
        /// Serve a part of the device: from this sector of 512 bytes on, where a block of the device begins.
        Offset {
            add: "offset", file: "offset", key: "offset", example: "\"1 MiB\"",
            form: Form::Sectors, default: 0, usage: "offset=N",
        }
        /// Serve so many sectors of 512 bytes, of whole blocks of the device; 0 for all that there are.
        Length {
            add: "length", file: "length", key: "length", example: "\"10 GiB\"",
            form: Form::Sectors, default: 0, usage: "length=N",
        }
    }
}

settings! {
    /// What may change while the export runs, and the data path looks at: a number, a flag or a word.
    Tunable {
        /// Requests that each client may have in flight, and is told that it may. Those that do not need the
        /// medium are counted by themselves: 64, of which 16 may change a list.
        BufferCount {
            add: "bufcnt", file: "bufcnt", key: "buffer-count", example: "64",
            form: Form::Number(Number::of(2, 512)), default: 64, usage: "bufcnt=N",
        }
        /// The longest frame, without the Ethernet header, if it is to be less than the interface can.
        MtuMax {
            add: "mtu", file: "mtu_max", key: "mtu", example: "9000",
            form: Form::Number(Number {
                unit: "bytes", least: MIN_MTU, most: u32::MAX, zero: "what the interface has",
            }),
            default: 0, usage: "mtu=N",
        }
        /// Answer a write before it is on the medium, as a disk with a write cache does it, and flush when
        /// told to. Linux clients never tell that, so a power cut can cost what they were told was written.
        Cache {
            add: "cache", file: "cache", key: "write-cache", example: "true",
            form: Form::Switch(["through", "back"]), default: Cache::Through as u32, usage: "cache=back",
        }
        /// Tell only those of the export whom the access list for discovery names, or nobody. Whoever is
        /// not told must ask.
        Announce {
            add: "announce", file: "announce", key: "announce", example: "\"accepted\"",
            form: Form::Word(Audience::WORDS), default: Audience::All as u32,
            usage: "announce=accepted, announce=none",
        }
        /// Tell clients again after so many seconds that the export is there. Linux asks once a minute only,
        /// so that a client whose link comes up late finds its disk sooner with this.
        AnnounceEvery {
            add: "announce_every", file: "announce_every", key: "announce-every", example: "10",
            form: Form::Number(Number::seconds(3600)), default: 0, usage: "announce_every=N",
        }
        /// Refuse the writes of a client while another has written that was heard in the last two and a
        /// half minutes. After a change whoever writes next is the one. See kvblade.conf(5).
        SingleWriter {
            add: "single_writer", file: "single_writer", key: "single-writer", example: "true",
            form: Form::Flag, default: 0, usage: "single_writer=1",
        }
        /// Tell the kernel's log nothing but trouble, or also what access lists refuse. Trouble is that its
        /// state is not as it should be, and that it is again; what is refused is told once a second at most.
        Log {
            add: "log", file: "log", key: "log", example: "\"quiet\"",
            form: Form::Word(LogLevel::WORDS), default: LogLevel::Normal as u32,
            usage: "log=quiet, log=access",
        }
        /// While another target has the address, refuse ATA commands, so that clients stop, or leave them
        /// without an answer, so that clients wait. A refusal is AoE error 3. Unless it is said, the export
        /// goes on to serve, and tells it; see kvblade_rs(7).
        OnConflict {
            add: "on_conflict", file: "on_conflict", key: "on-conflict", example: "\"offline\"",
            form: Form::Word(OnConflict::WORDS), default: OnConflict::Report as u32,
            usage: "on_conflict=offline, on_conflict=silent",
        }
        /// Ask after so many seconds, again and again, whether another target on the segment has the
        /// address.
        ConflictCheck {
            add: "conflict_check", file: "conflict_check", key: "conflict-check", example: "10",
            form: Form::Number(Number::seconds(3600)), default: 10, usage: "conflict_check=N",
        }
    }
}

settings! {
    /// What an export begins with. Clients, or the administrator by other means, may change it.
    Start {
        /// Do not ask first whether another target on the segment has the address, which takes a second.
        /// Two disks with one address would be taken for one disk with two paths.
        Force {
            add: "force", file: "", key: "force", example: "true",
            form: Form::Flag, default: 0, usage: "force=1",
        }
        /// Refuse all I/O, until "online" is written to the file "state" of the export.
        Offline {
            add: "offline", file: "", key: "online", example: "false",
            form: Form::Opposite, default: 0, usage: "offline=1",
        }
        /// The model that clients are told, 40 characters at most.
        Model {
            add: "model", file: "model", key: "model", example: "\"disk\"",
            form: Form::Text(40), default: 0, usage: "model=TEXT",
        }
        /// The serial number that clients are told, 20 characters at most. Unless it is said, it follows from
        /// the address, as kvblade-0.1.
        Serial {
            add: "sn", file: "sn", key: "serial", example: "\"1234\"",
            form: Form::Text(20), default: 0, usage: "sn=TEXT",
        }
        /// The world wide name that clients are told; none unless it is said.
        Wwn {
            add: "wwn", file: "wwn", key: "wwn", example: "\"5000000000000001\"",
            form: Form::Wwn, default: 0, usage: "wwn=5XXXXXXXXXXXXXXX",
        }
        /// The config string to begin with, 1024 bytes at most; a blank is \x20. Clients may change it.
        /// What is more than the module takes in one line is given to the export while it is offline, as
        /// mask and reserve are; if that fails there is no export.
        Config {
            add: "config", file: "config", key: "config-string", example: "\"text\"",
            form: Form::Config, default: 0, usage: "config=STRING",
        }
        /// The clients that are answered, to begin with; 128 addresses at most. Clients may change them.
        Mask {
            add: "mask", file: "mask", key: "mask", example: "[\"02:00:00:00:00:01\"]",
            form: Form::Macs, default: 0, usage: "mask=MAC,...",
        }
        /// The clients that may use the disk, to begin with; 128 addresses at most. Clients may change
        /// them.
        Reserve {
            add: "reserve", file: "reserve", key: "reserve", example: "[\"02:00:00:00:00:01\"]",
            form: Form::Macs, default: 0, usage: "reserve=MAC,...",
        }
    }
}

/// A setting of an export, of whichever kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Setting {
    /// What can only be said when the device is opened.
    Mode(Mode),
    /// What may change while the export runs.
    Tunable(Tunable),
    /// What an export begins with.
    Start(Start),
}

impl Setting {
    /// All of them, in the order in which they are listed.
    pub fn all() -> impl Iterator<Item = Self> {
        let modes = Mode::ALL.into_iter().map(Self::Mode);
        let tunables = Tunable::ALL.into_iter().map(Self::Tunable);
        modes
            .chain(tunables)
            .chain(Start::ALL.into_iter().map(Self::Start))
    }

    /// What the table says of it.
    pub const fn row(self) -> &'static Row {
        match self {
            Self::Mode(mode) => mode.row(),
            Self::Tunable(tunable) => tunable.row(),
            Self::Start(start) => start.row(),
        }
    }

    /// The one with this key in `add`.
    pub fn of_add(key: &str) -> Option<Self> {
        Self::all().find(|setting| setting.row().add == key)
    }
}

/// The keys of `add`, for people: with commas, and the last with "and".
#[derive(Clone, Copy, Debug)]
pub struct Keys;

impl core::fmt::Display for Keys {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut settings = Setting::all();
        let mut next = settings.next();
        let mut between = "";
        while let Some(setting) = next {
            next = settings.next();
            f.write_str(match next {
                None => " and ",
                Some(_) => between,
            })?;
            f.write_str(setting.row().add)?;
            between = ", ";
        }
        Ok(())
    }
}
