// SPDX-License-Identifier: GPL-2.0

//! What holds for all frames, also those that nobody should send.

use kvblade_wire::aoe::AoeError;
use kvblade_wire::aoe::AtaArgument;
use kvblade_wire::aoe::Command;
use kvblade_wire::aoe::ConfigCommand;
use kvblade_wire::aoe::ConfigReply;
use kvblade_wire::aoe::ConfigRequest;
use kvblade_wire::aoe::ConfigString;
use kvblade_wire::aoe::Header;
use kvblade_wire::aoe::Mac;
use kvblade_wire::aoe::MacList;
use kvblade_wire::aoe::MaskOutcome;
use kvblade_wire::aoe::MaskRequest;
use kvblade_wire::aoe::ReplyHeader;
use kvblade_wire::aoe::ReserveRequest;
use kvblade_wire::aoe::ShelfSlot;
use kvblade_wire::aoe::Tag;
use kvblade_wire::ata::admission;
use kvblade_wire::ata::Capacity;
use kvblade_wire::ata::TrimList;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::frames::mac;
use crate::frames::request;

/// Any bytes, mostly with the EtherType, version and a known command in their places.
fn frames() -> impl Strategy<Value = Vec<u8>> {
    let bytes = vec(any::<u8>(), 0..1600);
    (bytes, 0..5_u8, any::<bool>()).prop_map(|(mut frame, command, likely)| {
        if likely && frame.len() > 19 {
            frame[12..15].copy_from_slice(&[0x88, 0xa2, 0x10]);
            frame[19] = command;
        }
        frame
    })
}

proptest! {
    #[test]
    fn any_bytes_parse_without_panic(frame in frames()) {
        let mut list = MacList::new();
        let mut config = ConfigString::new();
        if let Some(header) = Header::parse(&frame) {
            let head = &frame[..frame.len().min(36)];
            let admitted = admission::admit(&header, head, header.dst.is_group());
            prop_assert!(admitted.is_none() || !header.is_response);
        }
        if let Some(request) = ConfigRequest::parse(&frame) {
            let _ = config.apply(&request);
            prop_assert!(config.as_bytes().len() <= 1024);
        }
        if let Some(request) = MaskRequest::parse(&frame) {
            let outcome = request.apply(&mut list);
            let _ = request.reply(outcome, &list);
            prop_assert!(list.as_slice().len() <= 128);
        }
        if let Some(request) = ReserveRequest::parse(&frame) {
            let _ = request.apply(&mut list, mac(1));
            prop_assert!(list.as_slice().len() <= 128);
        }
        if let Ok(list) = TrimList::check(&frame, Capacity(1 << 40)) {
            prop_assert!(list.extents().count() <= frame.len() / 8);
        }
        let argument = AtaArgument::parse(&frame);
        prop_assert_eq!(argument.is_some(), frame.len() >= 36);
    }

    #[test]
    fn a_reply_header_parses_back(
        target: [u8; 6],
        source: [u8; 6],
        shelf in 0..4095_u32,
        slot in 0..255_u32,
        command: u8,
        tag: [u8; 4],
        refused: bool,
    ) {
        let reply = ReplyHeader {
            dst: Mac(target),
            source: Mac(source),
            error: refused.then_some(AoeError::BadArgument),
            address: ShelfSlot::new(shelf, slot).expect("valid"),
            command: Command::from_code(command),
            tag: Tag(tag),
        };
        let header = Header::parse(&reply.to_bytes()).expect("a header");
        prop_assert!(header.is_response);
        prop_assert_eq!(header.version, 1);
        prop_assert_eq!(header.dst, reply.dst);
        prop_assert_eq!(header.source, reply.source);
        prop_assert_eq!(header.addr.exact(), Some(reply.address));
        prop_assert_eq!(header.command, reply.command);
        prop_assert_eq!(header.tag, reply.tag);
        prop_assert_eq!(header.claimed(), (command == 1).then_some(reply.address));
    }

    #[test]
    fn a_config_reply_parses_back(code in 0..16_u8, string in vec(any::<u8>(), 0..=1024)) {
        let reply = ConfigReply {
            buffer_count: 64,
            firmware: 1,
            sector_count: 2,
            command: command_of(code),
            string_length: string.len() as u16,
        };
        let frame = request(1, &[&reply.to_bytes()[..], &string].concat());
        let parsed = ConfigRequest::parse(&frame).expect("a request");
        prop_assert_eq!(parsed.command, reply.command);
        prop_assert_eq!(parsed.argument, Some(&string[..]));
    }

    #[test]
    fn the_config_string_is_what_was_set(
        requests in vec((0..6_u8, vec(0..2_u8, 0..4)), 0..30),
    ) {
        let mut config = ConfigString::new();
        let mut model: Vec<u8> = Vec::new();
        for (command, string) in requests {
            let length = string.len() as u8;
            let frame = request(1, &[&[0, 0, 0, 0, 0, command, 0, length][..], &string].concat());
            let answer = config.apply(&ConfigRequest::parse(&frame).expect("a request"));
            let expected = match command {
                0 => Some(Ok(())),
                1 => (model == string).then_some(Ok(())),
                2 => model.starts_with(&string).then_some(Ok(())),
                3 if model.is_empty() || model == string => Some(Ok(())),
                3 => Some(Err(AoeError::ConfigStringPresent)),
                4 => Some(Ok(())),
                _ => Some(Err(AoeError::BadArgument)),
            };
            if command == 4 || (command == 3 && model.is_empty()) {
                model = string;
            }
            prop_assert_eq!(answer, expected);
            prop_assert_eq!(config.as_bytes(), &model[..]);
        }
    }

    #[test]
    fn a_mask_is_what_its_edits_make_it(edits in vec(vec((0..4_u8, 0..150_u8), 0..200), 0..4)) {
        let mut list = MacList::new();
        let mut model: Vec<Mac> = Vec::new();
        for edit in edits {
            let mut argument = vec![0, 1, 0, edit.len() as u8];
            let mut failed_at = None;
            for (index, (code, last)) in edit.iter().enumerate() {
                let mac = mac(*last);
                argument.extend([0, *code]);
                argument.extend(mac.0);
                let is_full = model.len() == 128 && !model.contains(&mac);
                if failed_at.is_some() {
                    continue;
                }
                match code {
                    0 => (),
                    1 if is_full => failed_at = Some(index),
                    1 if model.contains(&mac) => (),
                    1 => model.push(mac),
                    2 => model.retain(|entry| *entry != mac),
                    _ => failed_at = Some(index),
                }
            }
            let frame = request(2, &argument);
            let outcome = MaskRequest::parse(&frame).expect("a request").apply(&mut list);
            let index = match outcome {
                MaskOutcome::Failed { index, .. } => Some(usize::from(index)),
                _ => None,
            };
            prop_assert_eq!(index, failed_at);
            prop_assert_eq!(list.as_slice(), &model[..]);
        }
    }

    #[test]
    fn a_reservation_that_is_listed_can_be_set_again(lasts in vec(any::<u8>(), 0..=128)) {
        let mut list = MacList::new();
        for last in lasts {
            list.add(mac(last)).expect("room");
        }
        let macs: Vec<u8> = list.as_slice().iter().flat_map(|mac| mac.0).collect();
        let frame = request(3, &[&[2, list.length()][..], &macs].concat());
        let mut other = MacList::new();
        let request = ReserveRequest::parse(&frame).expect("a request");
        prop_assert_eq!(request.apply(&mut other, mac(1)), Ok(()));
        prop_assert_eq!(other, list);
    }
}

fn command_of(code: u8) -> ConfigCommand {
    match code {
        0 => ConfigCommand::Read,
        1 => ConfigCommand::Test,
        2 => ConfigCommand::TestPrefix,
        3 => ConfigCommand::Set,
        4 => ConfigCommand::ForceSet,
        code => ConfigCommand::Unknown(code),
    }
}
