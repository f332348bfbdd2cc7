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
use kvblade_wire::ata::Conditions;
use kvblade_wire::ata::Extent;
use kvblade_wire::ata::Identity;
use kvblade_wire::ata::Lba;
use kvblade_wire::ata::Operation;
use kvblade_wire::ata::Outcome;
use kvblade_wire::ata::PhysicalSector;
use kvblade_wire::ata::Rotation;
use kvblade_wire::ata::Task;
use kvblade_wire::ata::Text;
use kvblade_wire::ata::TrimList;
use kvblade_wire::ata::TrimSupport;
use kvblade_wire::ata::Wwn;
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

fn argument() -> impl Strategy<Value = AtaArgument> {
    any::<([u8; 4], [u8; 6])>().prop_map(|([flags, feature, count, command], lba)| AtaArgument {
        flags,
        feature,
        count,
        command,
        lba,
    })
}

fn conditions() -> impl Strategy<Value = Conditions> {
    let capacity = prop_oneof![0..2000_u64, any::<u64>().prop_map(|n| n >> 15)];
    (capacity, 0..300_u32, 0..140_000_usize, any::<[bool; 2]>()).prop_map(
        |(capacity, reply_sectors, payload, [read_only, trim])| Conditions {
            capacity: Capacity(capacity),
            reply_sectors,
            payload,
            read_only,
            trim,
        },
    )
}

/// The first sector of a range that is not on the device, reckoned with room to spare.
fn first_outside(capacity: u64, extent: Extent) -> Option<u64> {
    let first = u128::from(extent.first.0);
    let end = first + u128::from(extent.sectors);
    (end > u128::from(capacity)).then(|| extent.first.0.max(capacity))
}

proptest! {
    #[test]
    fn any_bytes_parse_without_panic(frame in frames()) {
        let mut list = MacList::new();
        let mut config = ConfigString::new();
        if let Some(header) = Header::parse(&frame) {
            let head = &frame[..frame.len().min(36)];
            let admitted = admission::admits(&header, head, header.target.is_group());
            prop_assert!(!(admitted && header.is_response));
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
            target: Mac(target),
            source: Mac(source),
            error: refused.then_some(AoeError::BadArgument),
            address: ShelfSlot::new(shelf, slot).expect("valid"),
            command: Command::from_code(command),
            tag: Tag(tag),
        };
        let header = Header::parse(&reply.to_bytes()).expect("a header");
        prop_assert!(header.is_response);
        prop_assert_eq!(header.version, 1);
        prop_assert_eq!(header.target, reply.target);
        prop_assert_eq!(header.source, reply.source);
        prop_assert_eq!(header.destination.exact(), Some(reply.address));
        prop_assert_eq!(header.command, reply.command);
        prop_assert_eq!(header.tag, reply.tag);
        prop_assert_eq!(header.claims(reply.address), command == 1);
    }

    #[test]
    fn an_ata_argument_parses_back(argument in argument()) {
        let frame = request(0, &argument.to_bytes());
        prop_assert_eq!(AtaArgument::parse(&frame), Some(argument));
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

    #[test]
    fn ranges_are_checked_as_if_numbers_had_no_end(
        capacity in prop_oneof![any::<u64>(), 0..100_u64, u64::MAX - 100..=u64::MAX],
        first in prop_oneof![any::<u64>(), 0..100_u64, u64::MAX - 100..=u64::MAX],
        sectors in prop_oneof![1..100_u32, 1..=65536_u32],
    ) {
        let extent = Extent { first: Lba(first), sectors };
        let result = Capacity(capacity).check(extent);
        let expected = first_outside(capacity, extent).map_or(Ok(()), |bad| Err(Lba(bad)));
        prop_assert_eq!(result, expected);
    }

    #[test]
    fn no_task_goes_beyond_device_or_frame(argument in argument(), conditions in conditions()) {
        match Operation::decode(&argument).prepare(&conditions) {
            Task::Read(extent) => {
                prop_assert!(!argument.is_write());
                prop_assert!((1..=conditions.reply_sectors).contains(&extent.sectors));
                prop_assert_eq!(first_outside(conditions.capacity.0, extent), None);
            }
            Task::Write(extent) => {
                prop_assert!(argument.is_write() && !conditions.read_only);
                prop_assert!(extent.sectors > 0);
                prop_assert!(extent.bytes() <= conditions.payload as u64);
                prop_assert_eq!(first_outside(conditions.capacity.0, extent), None);
            }
            Task::Verify(extent) => {
                prop_assert!(extent.sectors > 0);
                prop_assert_eq!(first_outside(conditions.capacity.0, extent), None);
            }
            Task::Trim { bytes } => {
                prop_assert!(conditions.trim && !conditions.read_only && argument.is_write());
                prop_assert!(bytes > 0 && bytes <= conditions.payload);
            }
            Task::Answer(outcome) => {
                let answer = outcome.answer(&argument);
                let has_failed = matches!(outcome, Outcome::Failed(_));
                prop_assert_eq!(answer.flags, argument.flags);
                prop_assert_eq!(answer.command & 0x01 != 0, has_failed);
                prop_assert_eq!(answer.command & 0x8a, 0, "busy, data request or other bits");
                if has_failed {
                    prop_assert_eq!(answer.count, argument.count);
                }
            }
            Task::Flush | Task::Identify => (),
        }
    }

    #[test]
    fn trim_ranges_are_within_the_device(
        data in vec(any::<[u8; 8]>(), 0..64),
        capacity in any::<u64>().prop_map(|n| n >> 8),
    ) {
        let bytes = data.concat();
        let expected: Vec<(u64, u32)> = data
            .iter()
            .map(|entry| u64::from_le_bytes(*entry))
            .map(|entry| (entry & 0xffff_ffff_ffff, (entry >> 48) as u32))
            .filter(|(_, sectors)| *sectors > 0)
            .collect();
        let fits = |(first, sectors): &(u64, u32)| first + u64::from(*sectors) <= capacity;
        match TrimList::check(&bytes, Capacity(capacity)) {
            Ok(list) => {
                let extents: Vec<_> =
                    list.extents().map(|extent| (extent.first.0, extent.sectors)).collect();
                prop_assert!(extents.iter().all(fits));
                prop_assert_eq!(extents, expected);
            }
            Err(_) => prop_assert!(!expected.iter().all(fits)),
        }
    }

    #[test]
    fn identify_data_sums_to_0(
        serial in "[ -~]{0,20}",
        model in "[ -~]{0,40}",
        capacity: u64,
        name: u64,
        (size, first_whole, rpm) in any::<(u32, u32, u16)>(),
        volatile_cache: bool,
    ) {
        let identity = Identity {
            serial: Text::new(&serial).expect("a text"),
            firmware: Text::default(),
            model: Text::new(&model).expect("a text"),
            capacity: Capacity(capacity),
            physical: PhysicalSector::new(size, first_whole),
            wwn: Wwn::new(name),
            rotation: Rotation::Rpm(rpm),
            trim: TrimSupport::Zeroes,
            volatile_cache,
        };
        let bytes = identity.to_bytes();
        prop_assert_eq!(bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)), 0);
        prop_assert_eq!(bytes[510], 0xa5);
        let swapped = |range: std::ops::Range<usize>| -> Vec<u8> {
            bytes[range].chunks(2).flat_map(|pair| [pair[1], pair[0]]).collect()
        };
        prop_assert_eq!(swapped(20..40), format!("{serial:<20}").into_bytes());
        prop_assert_eq!(swapped(54..94), format!("{model:<40}").into_bytes());
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
