// SPDX-License-Identifier: GPL-2.0

//! The common header.

use kvblade_wire::aoe::header::is_mere_response;
use kvblade_wire::aoe::AoeError;
use kvblade_wire::aoe::Command;
use kvblade_wire::aoe::Destination;
use kvblade_wire::aoe::Header;
use kvblade_wire::aoe::Mac;
use kvblade_wire::aoe::ReplyHeader;
use kvblade_wire::aoe::Tag;

use crate::frames::hex;
use crate::frames::own_address;
use crate::frames::request;
use crate::frames::INITIATOR;
use crate::frames::OWN;

/// As the Linux initiator sends it at load.
const DISCOVERY: &str = "ffffffffffff 525400123456 88a2 10 00 ffff ff 01 00000000
                         0000 0000 00 00 0000";

#[test]
fn request_of_the_linux_initiator() {
    let header = Header::parse(&hex(DISCOVERY)).expect("a header");
    assert_eq!(
        header,
        Header {
            dst: Mac::BROADCAST,
            source: Mac([0x52, 0x54, 0x00, 0x12, 0x34, 0x56]),
            version: 1,
            is_response: false,
            addr: Destination {
                shelf: 0xffff,
                slot: 0xff
            },
            command: Command::Config,
            tag: Tag([0; 4]),
        }
    );
}

#[test]
fn every_field_has_its_place() {
    let frame = hex("010203040506 0708090a0b0c 88a2 28 00 0d0e 0f f0 11121314");
    assert_eq!(
        Header::parse(&frame),
        Some(Header {
            dst: Mac([1, 2, 3, 4, 5, 6]),
            source: Mac([7, 8, 9, 10, 11, 12]),
            version: 2,
            is_response: true,
            addr: Destination {
                shelf: 0x0d0e,
                slot: 0x0f
            },
            command: Command::Unknown(0xf0),
            tag: Tag([0x11, 0x12, 0x13, 0x14]),
        })
    );
}

#[test]
fn error_and_reserved_bits_of_a_request_are_ignored() {
    let plain = request(1, &[]);
    let mut odd = plain.clone();
    odd[14] |= 0x07;
    odd[15] = 9;
    assert_eq!(Header::parse(&odd), Header::parse(&plain));
}

#[test]
fn needs_24_bytes_and_the_ether_type() {
    let frame = request(1, &[]);
    assert!(Header::parse(&frame).is_some());
    assert_eq!(Header::parse(&frame[..23]), None);
    assert_eq!(Header::parse(&[]), None);
    for (position, value) in [(12, 0x08), (13, 0x00)] {
        let mut other = frame.clone();
        other[position] = value;
        assert_eq!(Header::parse(&other), None);
    }
}

#[test]
fn commands_and_their_codes() {
    for (code, command) in [
        (0, Command::Ata),
        (1, Command::Config),
        (2, Command::Mask),
        (3, Command::Reserve),
        (4, Command::Unknown(4)),
        (239, Command::Unknown(239)),
        (240, Command::Unknown(240)),
        (255, Command::Unknown(255)),
    ] {
        assert_eq!(Command::from_code(code), command);
        assert_eq!(command.code(), code);
    }
}

#[test]
fn reply_goes_back_with_the_target_s_own_address() {
    let mut frame = request(1, &[]);
    frame[16..19].copy_from_slice(&[0xff; 3]);
    let header = Header::parse(&frame).expect("a header");
    let reply = header.reply(OWN, own_address());
    assert_eq!(
        reply.to_bytes()[..],
        hex("02000000001a 02000000000f 88a2 18 00 0102 03 01 80000001")
    );
}

#[test]
fn refusal_has_flag_and_code() {
    for (error, code) in [
        (AoeError::UnrecognisedCommand, 1),
        (AoeError::BadArgument, 2),
        (AoeError::DeviceUnavailable, 3),
        (AoeError::ConfigStringPresent, 4),
        (AoeError::UnsupportedVersion, 5),
        (AoeError::TargetReserved, 6),
    ] {
        let header = Header::parse(&request(0xf0, &[])).expect("a header");
        let reply = header.reply(OWN, own_address()).refusing(error).to_bytes();
        assert_eq!(reply[14..16], [0x1c, code]);
        assert_eq!(reply[19], 0xf0);
    }
}

#[test]
fn version_of_a_reply_is_ours() {
    let mut frame = request(1, &[]);
    frame[14] = 0x20;
    let header = Header::parse(&frame).expect("a header");
    assert_eq!(header.version, 2);
    let reply = header
        .reply(OWN, own_address())
        .refusing(AoeError::UnsupportedVersion);
    assert_eq!(reply.to_bytes()[14..16], [0x1c, 5]);
}

#[test]
fn tags_come_back_bit_for_bit() {
    for tag in [0, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff_u32] {
        let mut frame = request(1, &[]);
        frame[20..24].copy_from_slice(&tag.to_be_bytes());
        let header = Header::parse(&frame).expect("a header");
        let reply = header.reply(OWN, own_address()).to_bytes();
        assert_eq!(reply[20..24], tag.to_be_bytes());
    }
}

#[test]
fn announcement_is_a_response_that_nobody_asked_for() {
    let header = ReplyHeader::announcement(Mac::BROADCAST, OWN, own_address());
    assert_eq!(
        header.to_bytes()[..],
        hex("ffffffffffff 02000000000f 88a2 18 00 0102 03 01 00000000")
    );
}

#[test]
fn a_response_is_of_interest_if_a_target_tells_of_itself() {
    for (flags, command, is_mere) in [
        (0x18, 0, true),
        (0x1c, 0, true),
        (0x18, 2, true),
        (0x18, 77, true),
        (0x18, 1, false),
        (0x10, 0, false),
        (0x10, 1, false),
    ] {
        let first = [flags, 0, 0, 1, 2, command];
        assert_eq!(is_mere_response(first), is_mere, "{first:?}");
    }
    assert!(
        !is_mere_response([0; 6]),
        "what cannot be seen is looked at later"
    );
}

#[test]
fn a_config_response_with_our_address_claims_it() {
    let mut frame = request(1, &[]);
    let parse = |frame: &[u8]| Header::parse(frame).expect("a header");
    assert!(parse(&frame).claimed() != Some(own_address()), "a request");
    frame[14] = 0x18;
    assert!(parse(&frame).claimed() == Some(own_address()));
    assert_eq!(parse(&frame).source, INITIATOR);
    frame[18] = 4;
    assert!(
        parse(&frame).claimed() != Some(own_address()),
        "another slot"
    );
    frame[18] = 0xff;
    assert!(parse(&frame).claimed() != Some(own_address()), "a wildcard");
    frame[18] = 3;
    frame[19] = 0;
    assert!(
        parse(&frame).claimed() != Some(own_address()),
        "another command"
    );
}
