// SPDX-License-Identifier: GPL-2.0

//! What an export is good for on an interface: a word that programs match, and behind a colon the
//! reason, for people.

use core::fmt;

use kernel::prelude::*;

use crate::aoe::Mac;
use crate::net::Taker;

/// The state of a port. Its words are those of the file `state`, and never change.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// It serves, as far as the target can know.
    Up,
    /// The administrator has taken the blade out of use; the port would be down as well for this
    /// reason.
    Offline(Option<Down>),
    /// The export has been removed, and requests are still under way.
    Closing,
    /// Initiators cannot reach the blade by this port.
    Down(Down),
    /// The target at this card answers for the same address.
    Conflict(Mac),
    /// It serves, but not as it should.
    Degraded(Degraded),
}

/// Why initiators cannot reach a blade by a port.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Down {
    /// The disk has been taken away.
    DeviceGone,
    /// There is no interface with the name.
    NoInterface,
    /// What has the name sends no Ethernet frames.
    NotEthernet,
    /// Others take all frames of the interface: a bridge, a bond.
    Taken(Taker),
    /// The administrator has not switched the interface on.
    SwitchedOff,
    /// No cable, or no one at its other end.
    NoCarrier,
    /// Less than AoE needs.
    SmallMtu,
}

/// What is wrong with a blade that serves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Degraded {
    /// So many requests are under way for longer than they should be.
    Late(usize),
    /// The device has become read-only since it was exported.
    ReadOnly,
    /// The device's blocks have become larger since it was exported: so many bytes, and how many they
    /// were.
    Blocks(u32, u32),
    /// So many requests have failed at the disk in the last minute.
    Failing {
        /// Writes, flushes and TRIMs.
        writes: u32,
        /// Reads.
        reads: u32,
    },
}

impl State {
    /// Whether both would be one line in the log: what differs is a number or a card.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Conflict(_), Self::Conflict(_)) | (Self::Degraded(_), Self::Degraded(_)) => true,
            _ => self == other,
        }
    }

    /// Whether it is something that the administrator has not asked for.
    pub(super) fn is_trouble(&self) -> bool {
        match self {
            Self::Up | Self::Closing => false,
            Self::Offline(down) => down.is_some(),
            Self::Down(_) | Self::Conflict(_) | Self::Degraded(_) => true,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Up => f.write_str("up"),
            Self::Offline(None) => f.write_str("offline"),
            Self::Offline(Some(down)) => write!(f, "offline: {down}"),
            Self::Closing => f.write_str("closing: waiting for requests to end"),
            Self::Down(down) => write!(f, "down: {down}"),
            Self::Conflict(card) => write!(f, "conflict: {card}"),
            Self::Degraded(degraded) => write!(f, "degraded: {degraded}"),
        }
    }
}

impl fmt::Display for Down {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DeviceGone => f.write_str("device is gone"),
            Self::NoInterface => f.write_str("no such interface"),
            Self::NotEthernet => f.write_str("not Ethernet"),
            Self::Taken(Taker::Interface(taker)) => write!(f, "port of {taker}"),
            Self::Taken(Taker::OpenVSwitch) => f.write_str("port of an Open vSwitch"),
            Self::Taken(Taker::Tap) => f.write_str("frames go to a tap"),
            Self::Taken(Taker::Ip) => f.write_str("carries IP only"),
            Self::SwitchedOff => f.write_str("interface is down"),
            Self::NoCarrier => f.write_str("no carrier"),
            Self::SmallMtu => f.write_str("MTU below 1060"),
        }
    }
}

impl fmt::Display for Degraded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |count: u32| if count == 1 { "" } else { "s" };
        match *self {
            Self::Late(1) => f.write_str("1 request older than 5 s"),
            Self::Late(count) => write!(f, "{count} requests older than 5 s"),
            Self::ReadOnly => f.write_str("device is read-only"),
            Self::Blocks(now, then) => write!(
                f,
                "device has blocks of {now} bytes now, was exported with {then}"
            ),
            Self::Failing { writes, reads } => {
                if writes != 0 {
                    write!(f, "{writes} write fault{}", plural(writes))?;
                }
                if writes != 0 && reads != 0 {
                    f.write_str(", ")?;
                }
                if reads != 0 {
                    write!(f, "{reads} read error{}", plural(reads))?;
                }
                f.write_str(" in the last minute")
            }
        }
    }
}

#[kunit_tests(kvblade_rs_state)]
mod tests {
    use kernel::str::CString;

    use super::*;
    use crate::net::InterfaceName;

    fn shows(state: State, text: &CStr) -> bool {
        CString::try_from_fmt(format_args!("{state}")).is_ok_and(|shown| &*shown == text)
    }

    #[test]
    fn the_words_are_those_that_programs_match() -> Result {
        let bridge = InterfaceName::new("br0").ok_or(EINVAL)?;
        let failing = |writes, reads| State::Degraded(Degraded::Failing { writes, reads });
        assert!(shows(State::Up, c"up"));
        assert!(shows(State::Offline(None), c"offline"));
        assert!(shows(
            State::Offline(Some(Down::DeviceGone)),
            c"offline: device is gone"
        ));
        assert!(shows(
            State::Closing,
            c"closing: waiting for requests to end"
        ));
        assert!(shows(State::Down(Down::NoCarrier), c"down: no carrier"));
        assert!(shows(
            State::Down(Down::Taken(Taker::Interface(bridge))),
            c"down: port of br0"
        ));
        assert!(shows(
            State::Conflict(Mac([2, 0, 0, 0, 1, 0xab])),
            c"conflict: 02:00:00:00:01:ab"
        ));
        assert!(shows(
            State::Degraded(Degraded::Late(12)),
            c"degraded: 12 requests older than 5 s"
        ));
        assert!(shows(
            State::Degraded(Degraded::Blocks(4096, 512)),
            c"degraded: device has blocks of 4096 bytes now, was exported with 512"
        ));
        assert!(shows(
            failing(3, 0),
            c"degraded: 3 write faults in the last minute"
        ));
        assert!(shows(
            failing(1, 2),
            c"degraded: 1 write fault, 2 read errors in the last minute"
        ));
        Ok(())
    }

    #[test]
    fn reasons_of_one_length_are_not_one() {
        assert!(State::Down(Down::DeviceGone) != State::Down(Down::SmallMtu));
        assert!(!State::Down(Down::DeviceGone).is_like(&State::Down(Down::SmallMtu)));
        let late = |count| State::Degraded(Degraded::Late(count));
        assert!(late(1) != late(2) && late(1).is_like(&late(2)));
    }
}
