// SPDX-License-Identifier: GPL-2.0

//! What holds for all ATA commands, also those that nobody should send.

use kvblade_wire::aoe::AtaArgument;
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

use crate::frames::request;

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
    fn an_ata_argument_parses_back(argument in argument()) {
        let frame = request(0, &argument.to_bytes());
        prop_assert_eq!(AtaArgument::parse(&frame), Some(argument));
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
