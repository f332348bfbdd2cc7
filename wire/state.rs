// SPDX-License-Identifier: GPL-2.0

//! What an export is good for on an interface: a word that programs match, and behind a colon the
//! reason, for people.
//!
//! The file `state` in sysfs shows it, and kvctl reads it from there, by the same words. A new word or
//! reason does not compile until kvctl says what there is to do (`kvctl/src/status/findings.rs`).

// The module shows states and reads none.
#[cfg(not(CONFIG_RUST))]
mod parse;

use core::fmt;

use super::interface::InterfaceName;
use crate::aoe::Mac;

/// Declares what has one text each.
macro_rules! texts {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its text, which never changes.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// The one with this text.
            pub fn of(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|it| it.text() == text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.text())
            }
        }
    };
}

texts! {
    /// The word that a state begins with.
    Word {
        /// It serves.
        Up = "up",
        /// The administrator has taken it out of use.
        Offline = "offline",
        /// It has been removed, and requests have not ended.
        Closing = "closing",
        /// Initiators cannot reach it by this interface.
        Down = "down",
        /// It serves, but not as it should.
        Degraded = "degraded",
        /// Another target has its address.
        Conflict = "conflict",
    }
}

texts! {
    /// Why initiators cannot reach a blade by a port.
    Cause {
        /// The disk has been taken away.
        DeviceGone = "device is gone",
        /// There is no interface with the name.
        NoInterface = "no such interface",
        /// What has the name sends no Ethernet frames.
        NotEthernet = "not Ethernet",
        /// The administrator has not switched the interface on.
        SwitchedOff = "interface is down",
        /// No cable, or no one at its other end.
        NoCarrier = "no carrier",
        /// Less than AoE needs.
        SmallMtu = "MTU below 1060",
    }
}

/// Why initiators cannot reach a blade by a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Down {
    /// A cause of which there is no more to tell.
    By(Cause),
    /// Others take all frames of the interface.
    Taken(Taker),
}

/// What takes all frames of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taker {
    /// The interface that it is a part of: a bridge, a bond.
    Interface(InterfaceName),
    /// A switch of which this is a port, and which has interfaces of its own.
    OpenVSwitch,
    /// A program, as that of a guest.
    Tap,
    /// The kernel's IP, for which alone an ipvlan or a VRF is.
    Ip,
}

/// What is wrong with a blade that serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Degraded {
    /// So many requests are older than they should be.
    Late(usize),
    /// The device has become read-only since it was exported.
    ReadOnly,
    /// The device's blocks have become larger since it was exported.
    Blocks {
        /// Their size in bytes.
        now: u32,
        /// What it was.
        then: u32,
    },
    /// So many requests have failed at the disk in the last minute.
    Failing {
        /// Writes, flushes and TRIMs.
        writes: u32,
        /// Reads.
        reads: u32,
    },
}

/// The state of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It serves, as far as the target can know.
    Up,
    /// The administrator has taken the blade out of use; the port would be down as well for this
    /// reason.
    Offline(Option<Down>),
    /// The export has been removed, and requests have not ended.
    Closing,
    /// Initiators cannot reach the blade by this port.
    Down(Down),
    /// It serves, but not as it should.
    Degraded(Degraded),
    /// The target at this MAC answers for the same address.
    Conflict(Mac),
}

const CLOSING: &str = "waiting for requests to end";
const PORT_OF: &str = "port of ";
const OPEN_VSWITCH: &str = "port of an Open vSwitch";
const TAP: &str = "frames go to a tap";
const IP: &str = "carries IP only";
const LATE: &str = " older than 5 s";
const READ_ONLY: &str = "device is read-only";
const BLOCKS: &str = "device has blocks of ";
const BLOCKS_THEN: &str = " bytes now, was exported with ";
const WRITE_FAULT: &str = "write fault";
const READ_ERROR: &str = "read error";
const FAILING: &str = " in the last minute";

impl State {
    /// The word that it begins with.
    pub const fn word(&self) -> Word {
        match self {
            Self::Up => Word::Up,
            Self::Offline(_) => Word::Offline,
            Self::Closing => Word::Closing,
            Self::Down(_) => Word::Down,
            Self::Degraded(_) => Word::Degraded,
            Self::Conflict(_) => Word::Conflict,
        }
    }

    /// Whether both would be one line in the log: what differs is a number or a MAC.
    pub fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Conflict(_), Self::Conflict(_)) | (Self::Degraded(_), Self::Degraded(_)) => true,
            _ => self == other,
        }
    }

    /// Whether it is something that the administrator has not asked for.
    pub const fn is_trouble(&self) -> bool {
        match self {
            Self::Up | Self::Closing => false,
            Self::Offline(down) => down.is_some(),
            Self::Down(_) | Self::Conflict(_) | Self::Degraded(_) => true,
        }
    }

    /// Whether the disk has been taken away.
    pub const fn has_lost_device(&self) -> bool {
        matches!(
            self,
            Self::Down(Down::By(Cause::DeviceGone))
                | Self::Offline(Some(Down::By(Cause::DeviceGone)))
        )
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = self.word();
        match self {
            Self::Up | Self::Offline(None) => write!(f, "{word}"),
            Self::Closing => write!(f, "{word}: {CLOSING}"),
            Self::Offline(Some(down)) | Self::Down(down) => write!(f, "{word}: {down}"),
            Self::Degraded(degraded) => write!(f, "{word}: {degraded}"),
            Self::Conflict(mac) => write!(f, "{word}: {mac}"),
        }
    }
}

impl fmt::Display for Down {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::By(cause) => write!(f, "{cause}"),
            Self::Taken(Taker::Interface(taker)) => write!(f, "{PORT_OF}{taker}"),
            Self::Taken(Taker::OpenVSwitch) => f.write_str(OPEN_VSWITCH),
            Self::Taken(Taker::Tap) => f.write_str(TAP),
            Self::Taken(Taker::Ip) => f.write_str(IP),
        }
    }
}

/// So many of something.
struct Counted(usize, &'static str);

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(count, what) = self;
        let plural = if *count == 1 { "" } else { "s" };
        write!(f, "{count} {what}{plural}")
    }
}

impl fmt::Display for Degraded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Late(count) => write!(f, "{}{LATE}", Counted(count, "request")),
            Self::ReadOnly => f.write_str(READ_ONLY),
            Self::Blocks { now, then } => write!(f, "{BLOCKS}{now}{BLOCKS_THEN}{then}"),
            Self::Failing { writes, reads } => {
                let writes_told = Counted(writes as usize, WRITE_FAULT);
                let reads_told = Counted(reads as usize, READ_ERROR);
                match (writes, reads) {
                    (_, 0) => write!(f, "{writes_told}{FAILING}"),
                    (0, _) => write!(f, "{reads_told}{FAILING}"),
                    _ => write!(f, "{writes_told}, {reads_told}{FAILING}"),
                }
            }
        }
    }
}
