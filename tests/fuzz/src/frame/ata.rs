// SPDX-License-Identifier: GPL-2.0

//! What holds for any ATA command.

use kvblade_wire::aoe;
use kvblade_wire::aoe::AtaArgument;
use kvblade_wire::ata::trim;
use kvblade_wire::ata::{
    Capacity, Conditions, Extent, Failure, Lba, Operation, Outcome, Task, TrimList, Width,
};

use crate::model::ata::{FLUSHES, READS, VERIFIES, WRITES};
use crate::script::World;

pub(super) fn check(world: &World, frame: &[u8], is_admitted: bool) {
    let Some(argument) = AtaArgument::parse(frame) else {
        assert!(!is_admitted || frame[14] >> 4 != 1);
        return;
    };
    let payload = &frame[36..];
    assert_eq!(argument.to_bytes()[..10], frame[24..34]);
    let operation = Operation::decode(&argument);
    let other = AtaArgument {
        flags: argument.flags ^ 0xfe,
        ..argument
    };
    assert_eq!(operation, Operation::decode(&other), "a flag has a meaning");
    let capacity = world.capacity();
    let conditions = Conditions {
        capacity: Capacity(capacity),
        reply_sectors: aoe::sectors_for_reply(world.mtu.into()),
        payload: payload.len(),
        read_only: world.read_only,
        trim: world.trim,
    };
    let task = operation.prepare(&conditions);
    let (writes, opcode) = (frame[24] & 1 != 0, frame[27]);
    let count = usize::from(frame[26]);
    let is_inside = |extent| is_inside(extent, capacity);
    match task {
        Task::Read(extent) => {
            assert!(READS.contains(&opcode) && !writes);
            assert!(is_inside(extent) && extent.sectors as usize == count);
            assert!(36 + 512 * count <= 14 + usize::from(world.mtu));
        }
        Task::Write(extent) => {
            assert!(WRITES.contains(&opcode) && writes);
            assert!(is_inside(extent) && extent.sectors as usize == count);
            assert!(512 * count <= payload.len() && !world.read_only);
            assert_eq!(extent.bytes(), 512 * count as u64);
        }
        Task::Verify(extent) => {
            assert!(VERIFIES.contains(&opcode) && is_inside(extent));
            assert!((1..=65536).contains(&extent.sectors));
        }
        Task::Trim { bytes } => {
            assert!(opcode == 6 && frame[25] & 1 != 0 && writes);
            assert!(bytes == 512 * count && bytes <= payload.len() && bytes > 0);
            assert!(world.trim && !world.read_only);
        }
        Task::Flush => assert!(FLUSHES.contains(&opcode)),
        Task::Identify => assert_eq!(opcode, 0xec),
        Task::Answer(outcome) => answer(&argument, outcome, capacity),
    }
    ranges(payload, capacity);
    if let Operation::Read(transfer) | Operation::Verify(transfer) = operation {
        let bad = payload
            .first_chunk()
            .map(|bytes| Lba(u64::from_le_bytes(*bytes)));
        let failure = transfer.uncorrectable(bad);
        registers(&argument, Outcome::Failed(failure));
    }
    registers(&argument, Outcome::Success);
    registers(&argument, Outcome::Failed(Failure::WriteFault));
}

fn is_inside(extent: Extent, capacity: u64) -> bool {
    let end = u128::from(extent.first.0) + u128::from(extent.sectors);
    extent.sectors > 0 && end <= u128::from(capacity)
}

fn answer(argument: &AtaArgument, outcome: Outcome, capacity: u64) {
    if let Outcome::Failed(Failure::NotFound { first_bad, .. }) = outcome {
        assert!(first_bad.0 >= capacity, "the sector is there");
    }
    registers(argument, outcome);
}

/// What holds for the registers of any answer.
fn registers(argument: &AtaArgument, outcome: Outcome) {
    let bytes = outcome.answer(argument).to_bytes();
    let failed = matches!(outcome, Outcome::Failed(_));
    assert_eq!(bytes[0], argument.flags);
    assert_eq!(bytes[3] & 1 != 0, failed);
    assert!(matches!(bytes[3], 0x40 | 0x41 | 0x61));
    if !has_wide_lba(outcome) {
        assert_eq!(bytes[7] >> 4, argument.lba[3] >> 4, "device bits");
    }
    assert_eq!(bytes[10..], [0, 0]);
    if failed {
        assert_eq!(bytes[2], argument.count);
        assert!(matches!(bytes[1], 0x04 | 0x10 | 0x40));
    } else {
        assert_eq!(bytes[4..10], argument.lba);
    }
}

/// Whether an answer tells an LBA of 48 bits of its own.
fn has_wide_lba(outcome: Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Failed(
            Failure::NotFound {
                width: Width::Lba48,
                ..
            } | Failure::Uncorrectable {
                width: Width::Lba48,
                ..
            }
        )
    )
}

/// The payload as the ranges of a TRIM.
fn ranges(payload: &[u8], capacity: u64) {
    let data = &payload[..payload.len() / 512 * 512];
    let mut all_inside = true;
    let mut sectors = 0;
    for range in data.chunks(trim::ENTRY) {
        let range = u64::from_le_bytes(range.try_into().expect("eight bytes"));
        let extent = Extent {
            first: Lba(range & 0xffff_ffff_ffff),
            sectors: (range >> 48) as u32,
        };
        all_inside &= extent.sectors == 0 || is_inside(extent, capacity);
        sectors += u64::from(extent.sectors);
    }
    match TrimList::check(data, Capacity(capacity)) {
        Err(failure) => assert!(failure == Failure::Aborted && !all_inside),
        Ok(list) => {
            assert!(all_inside, "a range past the end");
            let total = list.extents().map(|extent| u64::from(extent.sectors));
            assert_eq!(total.sum::<u64>(), sectors);
        }
    }
}
