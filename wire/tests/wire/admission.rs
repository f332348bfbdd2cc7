// SPDX-License-Identifier: GPL-2.0

//! Which frames are ignored, and what broadcast and wildcard requests may ask for.

use kvblade_wire::aoe::AoeError;
use kvblade_wire::aoe::Header;
use kvblade_wire::ata::admission::admit;
use kvblade_wire::ata::Asked;

use crate::frames::hex;
use crate::frames::request;

/// Direct, broadcast, wildcard.
pub(crate) type Row = [bool; 3];

pub(crate) const ANY: Row = [true, true, true];
pub(crate) const EXACT: Row = [true, true, false];
pub(crate) const DIRECT: Row = [true, false, false];

fn is_admitted(frame: &[u8], broadcast: bool) -> bool {
    let header = Header::parse(frame).expect("a header");
    admit(&header, &frame[..frame.len().min(36)], broadcast).is_some()
}

/// The row of the matrix of protocol section 1.3 that a request to an exact address is in.
pub(crate) fn row(frame: &[u8]) -> Row {
    let mut answers = [is_admitted(frame, false), is_admitted(frame, true), false];
    let addresses = ["ffff ff", "ffff 03", "0102 ff"].map(|address| {
        let mut frame = frame.to_vec();
        frame[16..19].copy_from_slice(&hex(address));
        [is_admitted(&frame, false), is_admitted(&frame, true)]
    });
    let [first, _] = addresses[0];
    assert!(addresses.iter().flatten().all(|answer| *answer == first));
    answers[2] = first;
    answers
}

#[test]
fn query_config_is_answered_however_it_comes() {
    for command in 0..=15 {
        let frame = request(1, &[0, 0, 0, 0, 0, command, 0, 0]);
        assert_eq!(row(&frame), ANY, "CCmd {command}");
    }
}

#[test]
fn lists_are_read_by_wildcard_but_not_edited() {
    assert_eq!(row(&request(2, &[0, 0, 0, 0])), ANY);
    assert_eq!(row(&request(2, &[0, 1, 0, 0])), EXACT);
    assert_eq!(row(&request(2, &[0, 2, 0, 0])), EXACT);
    assert_eq!(row(&request(3, &[0, 0])), ANY);
    assert_eq!(row(&request(3, &[1, 0])), EXACT);
    assert_eq!(row(&request(3, &[2, 0])), EXACT);
    assert_eq!(row(&request(3, &[3, 0])), EXACT);
}

#[test]
fn responses_are_never_answered() {
    for command in [0, 1, 2, 3, 4, 255] {
        let mut frame = request(command, &[0; 12]);
        frame[14] |= 0x08;
        assert_eq!(row(&frame), [false; 3]);
        frame[14] = 0x28;
        assert_eq!(row(&frame), [false; 3]);
    }
}

#[test]
fn short_requests_are_ignored() {
    for (command, end) in [(0, 36), (1, 32), (2, 28), (3, 26)] {
        let frame = request(command, &[0; 12]);
        for length in 24..=36 {
            assert_eq!(is_admitted(&frame[..length], false), length >= end);
        }
    }
}

#[test]
fn what_is_not_understood_is_refused_at_an_exact_address_only() {
    for (version, command, error) in [
        (0x20, 1, AoeError::UnsupportedVersion),
        (0x00, 0, AoeError::UnsupportedVersion),
        (0x20, 4, AoeError::UnsupportedVersion),
        (0x10, 4, AoeError::UnrecognisedCommand),
        (0x10, 0xf0, AoeError::UnrecognisedCommand),
    ] {
        let mut frame = request(command, &[]);
        frame[14] = version;
        assert_eq!(row(&frame), EXACT);
        let header = Header::parse(&frame).expect("a header");
        assert_eq!(Asked::parse(&header, &frame), Some(Asked::Unknown(error)));
    }
}

#[test]
fn what_is_understood_is_not_refused() {
    for command in 0..=3 {
        for argument in [&[][..], &[0; 12]] {
            let frame = request(command, argument);
            let header = Header::parse(&frame).expect("a header");
            let asked = Asked::parse(&header, &frame);
            assert!(!matches!(asked, Some(Asked::Unknown(_))));
        }
    }
}
