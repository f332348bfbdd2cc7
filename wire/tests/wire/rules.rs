// SPDX-License-Identifier: GPL-2.0

//! What a blade remembers of its initiators' wishes.

use kvblade_wire::aoe::AoeError;
use kvblade_wire::aoe::AtaArgument;
use kvblade_wire::aoe::Header;
use kvblade_wire::ata::Operation;
use kvblade_wire::rules::Advertisement;
use kvblade_wire::rules::Answer;
use kvblade_wire::rules::Body;
use kvblade_wire::rules::Rules;
use proptest::prelude::*;

use crate::frames::hex;
use crate::frames::mac;
use crate::frames::request;
use crate::frames::INITIATOR;

const ADVERTISEMENT: Advertisement = Advertisement {
    buffer_count: 64,
    firmware: 1,
    sector_count: 2,
};

/// Sends a frame; returns the answer and its argument.
fn send(rules: &mut Rules, frame: &[u8]) -> (Answer, Vec<u8>) {
    let header = Header::parse(frame).expect("a header");
    let mut body = Body::new();
    let answer = rules.answer(&header, frame, ADVERTISEMENT, &mut body);
    (answer, body.as_bytes().to_vec())
}

fn operation(opcode: u8) -> Operation {
    Operation::decode(&AtaArgument {
        command: opcode,
        ..AtaArgument::default()
    })
}

#[test]
fn query_config_tells_what_is_advertised_and_the_string() {
    let mut rules = Rules::default();
    let frame = request(1, &hex("0000 0000 00 03 0003 616263"));
    let expected = (Answer::Body(None), hex("0040 0001 02 13 0003 616263"));
    assert_eq!(send(&mut rules, &frame), expected);
    let frame = request(1, &hex("0000 0000 00 01 0002 6162"));
    assert_eq!(send(&mut rules, &frame).0, Answer::Silence);
    let frame = request(1, &hex("0000 0000 00 03 0001 78"));
    let expected = (
        Answer::Body(Some(AoeError::ConfigStringPresent)),
        hex("0040 0001 02 13 0003 616263"),
    );
    assert_eq!(send(&mut rules, &frame), expected);
}

#[test]
fn mask_excludes_and_lists() {
    let mut rules = Rules::default();
    let frame = request(2, &hex("00 01 00 01 00 01 021122334405"));
    let expected = (Answer::Body(None), hex("00 01 00 01 00 00 021122334405"));
    assert_eq!(send(&mut rules, &frame), expected);
    assert!(!rules.are_open());
    let header = Header::parse(&frame).expect("a header");
    assert!(rules.ignores(&header));
    rules.mask.add(INITIATOR).expect("room");
    assert!(!rules.ignores(&header));
}

#[test]
fn reservation_refuses_all_but_identify() {
    let mut rules = Rules::default();
    let frame = request(3, &hex("01 01 021122334405"));
    let expected = (Answer::Body(None), hex("01 01 021122334405"));
    assert_eq!(send(&mut rules, &frame), expected);
    let header = Header::parse(&frame).expect("a header");
    let reserved = Some(AoeError::TargetReserved);
    for opcode in [0x24, 0x34, 0xe7, 0xe5, 0x00] {
        assert_eq!(rules.refusal(&header, &operation(opcode)), reserved);
    }
    assert_eq!(rules.refusal(&header, &operation(0xec)), None);
    let frame = request(3, &hex("01 00"));
    let expected = (Answer::Body(reserved), hex("01 01 021122334405"));
    assert_eq!(send(&mut rules, &frame), expected);
    rules.reservation.add(INITIATOR).expect("room");
    assert_eq!(rules.refusal(&header, &operation(0x34)), None);
}

#[test]
fn offline_refuses_even_identify() {
    let rules = Rules {
        offline: true,
        ..Rules::default()
    };
    let header = Header::parse(&request(0, &[])).expect("a header");
    let unavailable = Some(AoeError::DeviceUnavailable);
    assert_eq!(rules.refusal(&header, &operation(0xec)), unavailable);
    assert!(!rules.are_open());
}

#[test]
fn full_lists_fit_the_answer() {
    let mut rules = Rules::default();
    for last in 0..128 {
        rules.mask.add(mac(last)).expect("room");
        rules.reservation.add(mac(last)).expect("room");
    }
    assert_eq!(
        send(&mut rules, &request(2, &hex("00 00 00 00"))).1.len(),
        4 + 8 * 128
    );
    assert_eq!(
        send(&mut rules, &request(3, &hex("00 00"))).1.len(),
        2 + 6 * 128
    );
}

proptest! {
    #[test]
    fn any_frame_leaves_lists_within_bounds(frames in prop::collection::vec(
        (1_u8..4, prop::collection::vec(any::<u8>(), 0..1100)), 1..20,
    )) {
        let mut rules = Rules::default();
        for (command, argument) in frames {
            let (_, body) = send(&mut rules, &request(command, &argument));
            prop_assert!(body.len() <= 8 + 1024);
            prop_assert!(rules.mask.as_slice().len() <= 128);
            prop_assert!(rules.reservation.as_slice().len() <= 128);
            prop_assert!(rules.config.as_bytes().len() <= 1024);
        }
    }
}
