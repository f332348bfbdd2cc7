// SPDX-License-Identifier: GPL-2.0

//! The fuzzer `frame`: eight bytes that describe the blade, then a frame, and what holds for any.

mod ata;
mod text;

use kvblade_wire::aoe::{
    self, config, AoeError, Command, ConfigRequest, Destination, Header, Mac, MaskRequest,
    ReplyHeader, ReserveRequest, ShelfSlot,
};
use kvblade_wire::ata::admission;
use kvblade_wire::rules::{Advertisement, Answer, Body, Rules};

use crate::core::{address, reply};
use crate::script::{Lists, Trouble, World};
use crate::OWN;

/// The MTU of the smallest interface that is used.
const MIN_MTU: usize = 1060;

/// The blade that a frame comes to.
struct Scene {
    world: World,
    rules: Rules,
}

/// Checks a frame.
pub fn check(input: &[u8]) {
    let Some((scene, frame)) = input.split_first_chunk() else {
        return;
    };
    parsers_need_their_fixed_part(frame);
    text::check(frame);
    own_frames_are_no_requests(frame);
    let Some(header) = header(frame) else {
        return;
    };
    let scene = Scene::decode(*scene, &header);
    let is_admitted = admission(&header, frame);
    replies_answer_the_request(&header);
    rules(scene.rules, &header, frame);
    if header.command == Command::Ata {
        ata::check(&scene.world, frame, is_admitted);
    }
}

impl Scene {
    /// The lists hold the sender if their length is odd.
    fn decode(
        [flags, m0, m1, exponent, offset, mask, holders, string]: [u8; 8],
        h: &Header,
    ) -> Self {
        let list = |length: u8| {
            let mut list = aoe::MacList::new();
            if length & 1 != 0 {
                list.add(h.source).expect("an empty list");
            }
            for number in 0..length / 2 {
                list.add(Mac([2, 0, 0, 0, 1, number])).expect("half a list");
            }
            list
        };
        let mut config = aoe::ConfigString::new();
        assert!(config.set(&vec![b'a'; 4 * usize::from(string)]));
        Self {
            world: World {
                mtu: u16::from_le_bytes([m0, m1]),
                exponent,
                offset: offset as i8,
                read_only: flags & 1 != 0,
                trim: flags & 2 != 0,
                offline: flags & 4 != 0,
                lists: Lists::Open,
                trouble: Trouble::None,
            },
            rules: Rules {
                config,
                mask: list(mask),
                reservation: list(holders),
                offline: flags & 4 != 0,
            },
        }
    }
}

fn parsers_need_their_fixed_part(frame: &[u8]) {
    let length = frame.len();
    assert_eq!(aoe::AtaArgument::parse(frame).is_some(), length >= 36);
    assert_eq!(ConfigRequest::parse(frame).is_some(), length >= 32);
    assert_eq!(MaskRequest::parse(frame).is_some(), length >= 28);
    assert_eq!(ReserveRequest::parse(frame).is_some(), length >= 26);
    let argument = ConfigRequest::parse(frame).and_then(|request| request.argument);
    if let Some(argument) = argument {
        assert_eq!(argument, &frame[32..][..argument.len()]);
        assert_eq!(
            argument.len(),
            usize::from(frame[30]) << 8 | usize::from(frame[31])
        );
        assert!(argument.len() <= 1024);
    }
}

/// What this host sends unasked, whatever its addresses are.
fn own_frames_are_no_requests(bytes: &[u8]) {
    let [shelf_high, shelf_low, slot, mac @ ..] = bytes else {
        return;
    };
    let (shelf, slot) = (
        u32::from(*shelf_high) << 8 | u32::from(*shelf_low),
        u32::from(*slot),
    );
    let Ok(address) = ShelfSlot::new(shelf, slot) else {
        assert!(shelf == 0xffff || shelf == 0xfff || slot == 0xff);
        return;
    };
    let own = Mac(*mac.first_chunk().unwrap_or(&OWN));
    let announcement = ReplyHeader::announcement(Mac::BROADCAST, own, address).to_bytes();
    let heard = Header::parse(&announcement).expect("a header");
    assert!(heard.claimed() == Some(address) && heard.tag.0 == [0; 4]);
    assert!(admission::admit(&heard, &announcement, true).is_none());
    let probe = config::probe(own, address.into());
    let heard = Header::parse(&probe).expect("a header");
    assert!(heard.claimed().is_none() && heard.addr.matches(address));
    assert!(admission::admit(&heard, &probe, true).is_some());
}

fn header(frame: &[u8]) -> Option<Header> {
    let header = Header::parse(frame);
    let is_aoe = frame.len() >= 24 && frame[12..14] == [0x88, 0xa2];
    assert_eq!(header.is_some(), is_aoe);
    let header = header?;
    assert_eq!(header.is_response, frame[14] & 8 != 0);
    assert_eq!(header.command.code(), frame[19]);
    let Destination { shelf, slot } = header.addr;
    assert_eq!(header.addr.is_exact(), shelf != 0xffff && slot != 0xff);
    if let Some(exact) = header.addr.exact() {
        assert!(header.addr.matches(exact));
        assert_eq!((exact.shelf.get(), exact.slot.get()), (shelf, slot));
    }
    Some(header)
}

/// Who may ask what by a broadcast or a wildcard, told from the bytes.
fn admission(header: &Header, frame: &[u8]) -> bool {
    let head = &frame[..frame.len().min(36)];
    let asked = |broadcast| admission::admit(header, head, broadcast);
    let admits = |broadcast| asked(broadcast).is_some();
    assert_eq!(asked(true), admission::admit(header, frame, true));
    assert!(
        admits(false) || !admits(true),
        "a broadcast is never worth more"
    );
    let is_known = frame[14] >> 4 == 1 && frame[19] < 4;
    let fixed = [36, 32, 28, 26].get(usize::from(frame[19])).copied();
    let is_whole = frame.len() >= fixed.unwrap_or(24);
    if !admits(false) {
        return false;
    }
    assert!(!header.is_response, "a response is never answered");
    assert!(is_whole || !is_known, "shorter than its fixed part");
    if !header.addr.is_exact() {
        assert!(is_known, "an error to a wildcard");
        let tells = match frame[19] {
            0 => matches!(frame[27], 0xec | 0xe5 | 0x98),
            2 => frame[25] == 0,
            3 => frame[24] == 0,
            _ => true,
        };
        assert!(tells, "a wildcard admits a change or a read");
    }
    if admits(true) && is_known && frame[19] == 0 {
        let reads = matches!(frame[27], 0x20 | 0x24 | 0x25 | 0xc8 | 0x40 | 0x42 | 0xb0);
        let tells = matches!(frame[27], 0xec | 0xe5 | 0x98);
        assert!(reads || tells, "a broadcast admits {:02x}", frame[27]);
    }
    true
}

fn replies_answer_the_request(header: &Header) {
    for error in [
        None,
        Some(AoeError::BadArgument),
        Some(AoeError::TargetReserved),
    ] {
        let frame = reply(header, error, &[]);
        assert_eq!(frame.len(), 60);
        let back = Header::parse(&frame).expect("a header");
        assert!(back.is_response && back.version == 1);
        assert_eq!((back.dst, back.source), (header.source, Mac(OWN)));
        assert_eq!((back.command, back.tag), (header.command, header.tag));
        assert_eq!(back.addr.exact(), Some(address()));
        assert_eq!(frame[14] & 4 != 0, error.is_some());
        assert_eq!(frame[15], error.map_or(0, AoeError::code));
        assert!(frame[24..].iter().all(|byte| *byte == 0), "padding");
        assert!(
            admission::admit(&back, &frame, false).is_none(),
            "a response is answered"
        );
    }
}

/// Query Config, MAC Mask List, Reserve/Release.
fn rules(before: Rules, header: &Header, frame: &[u8]) {
    let advertisement = Advertisement {
        buffer_count: 64,
        firmware: 1,
        sector_count: 2,
    };
    let mut after = before.clone();
    let mut body = Body::new();
    let answer = after.answer(header, frame, advertisement, &mut body);
    let body = body.as_bytes();
    let mask_failed = header.command == Command::Mask && body.get(2).is_some_and(|e| *e != 0);
    match answer {
        Answer::Silence => assert!(body.is_empty()),
        Answer::Body(_) => assert!(matches!(frame[19], 1..=3)),
    }
    if !matches!(answer, Answer::Body(None)) {
        assert_eq!(state(&before), state(&after), "refused, and changed");
    }
    let frame = reply(header, None, body);
    assert!(
        (60..=MIN_MTU + 14).contains(&frame.len()),
        "{} bytes",
        frame.len()
    );
    assert!(frame[24..].starts_with(body));
    assert!(
        frame[24 + body.len()..].iter().all(|byte| *byte == 0),
        "padding"
    );
    let listed = match (header.command, body) {
        (Command::Config, [.., _]) => 8 + after.config.as_bytes().len(),
        (Command::Mask, [_, _, 0, count, ..]) => 4 + 8 * usize::from(*count),
        (Command::Mask, [_, _, _, _, ..]) => 4,
        (Command::Reserve, [_, count, ..]) => 2 + 6 * usize::from(*count),
        _ => 0,
    };
    assert_eq!(body.len(), listed, "the body does not hold what it counts");
    for list in [&after.mask, &after.reservation] {
        let macs = list.as_slice();
        assert!(macs.len() <= 128);
        assert!(
            (1..macs.len()).all(|n| !macs[..n].contains(&macs[n])),
            "twice"
        );
    }
    assert!(!mask_failed || answer == Answer::Body(None));
}

fn state(rules: &Rules) -> (&[u8], &[Mac], &[Mac]) {
    let lists = (rules.mask.as_slice(), rules.reservation.as_slice());
    (rules.config.as_bytes(), lists.0, lists.1)
}
