// SPDX-License-Identifier: GPL-2.0

//! What each opcode asks for, and what is done about it.

use kvblade_wire::aoe::AtaArgument;
use kvblade_wire::ata::Capacity;
use kvblade_wire::ata::Conditions;
use kvblade_wire::ata::Effect;
use kvblade_wire::ata::Extent;
use kvblade_wire::ata::Failure;
use kvblade_wire::ata::Lba;
use kvblade_wire::ata::Operation;
use kvblade_wire::ata::Outcome;
use kvblade_wire::ata::Task;

use crate::admission::{row, ANY, DIRECT, EXACT};
use crate::frames::request;

const ABORTED: Task = Task::Answer(Outcome::Failed(Failure::Aborted));
const DONE: Task = Task::Answer(Outcome::Success);

/// LBA 5 of a device of 1000 sectors with everything allowed.
fn task(opcode: u8, feature: u8, flags: u8, count: u8) -> Task {
    let argument = AtaArgument {
        flags,
        feature,
        count,
        command: opcode,
        lba: [5, 0, 0, 0xe0, 0, 0],
    };
    let argument = match opcode {
        0x24 | 0x25 | 0x34 | 0x35 | 0x3d | 0x42 => AtaArgument {
            lba: [5, 0, 0, 0, 0, 0],
            ..argument
        },
        _ => argument,
    };
    Operation::decode(&argument).prepare(&Conditions {
        capacity: Capacity(1000),
        reply_sectors: 2,
        payload: 1024,
        read_only: false,
        trim: true,
    })
}

const TWO_SECTORS: Extent = Extent {
    first: Lba(5),
    sectors: 2,
};

#[test]
fn argument_of_a_frame() {
    let mut frame = vec![0; 24];
    frame.extend([0x41, 0x01, 0x02, 0x34, 1, 2, 3, 4, 5, 6, 7, 8]);
    let argument = AtaArgument {
        flags: 0x41,
        feature: 1,
        count: 2,
        command: 0x34,
        lba: [1, 2, 3, 4, 5, 6],
    };
    assert_eq!(AtaArgument::parse(&frame), Some(argument));
    assert_eq!(AtaArgument::parse(&frame[..35]), None);
    assert!(argument.is_write());
    assert_eq!(
        argument.to_bytes(),
        [0x41, 0x01, 0x02, 0x34, 1, 2, 3, 4, 5, 6, 0, 0]
    );
}

#[test]
fn reads_and_writes() {
    for opcode in [0x20, 0xc8, 0x24, 0x25] {
        assert_eq!(task(opcode, 0, 0, 2), Task::Read(TWO_SECTORS));
    }
    for opcode in [0x30, 0xca, 0x34, 0x35, 0x3d] {
        assert_eq!(task(opcode, 0, 1, 2), Task::Write(TWO_SECTORS));
    }
    for opcode in [0x40, 0x42] {
        assert_eq!(task(opcode, 0, 0, 2), Task::Verify(TWO_SECTORS));
    }
}

#[test]
fn the_opcode_decides_whatever_the_flags_say() {
    for flags in [0x00, 0x02, 0x10, 0x40, 0x50, 0xfe] {
        assert_eq!(task(0x20, 0, flags, 2), Task::Read(TWO_SECTORS));
        assert_eq!(task(0x24, 0, flags, 2), Task::Read(TWO_SECTORS));
        assert_eq!(task(0x30, 0, flags | 1, 2), Task::Write(TWO_SECTORS));
        assert_eq!(task(0x34, 0, flags | 1, 2), Task::Write(TWO_SECTORS));
        assert_eq!(task(0xe7, 0, flags, 0), Task::Flush);
    }
}

#[test]
fn flushes() {
    for opcode in [0xe7, 0xea] {
        assert_eq!(task(opcode, 0, 0, 0), Task::Flush);
    }
}

#[test]
fn power_modes() {
    for opcode in [0xe0, 0xe2, 0xe6, 0x94, 0x96, 0x99] {
        assert_eq!(task(opcode, 0, 0, 7), Task::Flush, "{opcode:02x}");
    }
    for opcode in [0xe1, 0xe3, 0x95, 0x97] {
        assert_eq!(task(opcode, 0, 0, 7), DONE, "{opcode:02x}");
    }
    for opcode in [0xe5, 0x98] {
        assert_eq!(task(opcode, 0, 0, 0), Task::Answer(Outcome::PowerActive));
    }
}

#[test]
fn identify_takes_any_count() {
    for count in [0, 1, 2, 255] {
        assert_eq!(task(0xec, 0, 0, count), Task::Identify);
    }
}

#[test]
fn set_features_by_subcommand() {
    for feature in 0..=255 {
        let expected = match feature {
            0x02 | 0x82 | 0xaa | 0x55 | 0x03 | 0x66 | 0xcc => DONE,
            _ => ABORTED,
        };
        assert_eq!(task(0xef, feature, 0, 0), expected, "{feature:02x}");
    }
}

#[test]
fn diagnostic_passes() {
    assert_eq!(task(0x90, 0, 0, 0), Task::Answer(Outcome::DiagnosticPassed));
}

#[test]
fn trim_needs_its_bit() {
    assert_eq!(task(0x06, 1, 1, 1), Task::Trim { bytes: 512 });
    assert_eq!(task(0x06, 0, 1, 1), ABORTED);
    assert_eq!(task(0x06, 2, 1, 1), ABORTED);
}

#[test]
fn every_other_opcode_is_refused() {
    const KNOWN: [u8; 29] = [
        0x06, 0x20, 0x24, 0x25, 0x30, 0x34, 0x35, 0x3d, 0x40, 0x42, 0x90, 0x94, 0x95, 0x96, 0x97,
        0x98, 0x99, 0xc8, 0xca, 0xe0, 0xe1, 0xe2, 0xe3, 0xe5, 0xe6, 0xe7, 0xea, 0xec, 0xef,
    ];
    for opcode in (0..=255).filter(|opcode| !KNOWN.contains(opcode)) {
        for feature in [0, 1, 2, 0xd0, 0xda] {
            for flags in [0x00, 0x01, 0x40, 0x41] {
                assert_eq!(task(opcode, feature, flags, 1), ABORTED, "{opcode:02x}");
            }
        }
    }
}

/// What the target does around a command follows from what is said here of each opcode.
#[test]
fn what_a_command_does_to_data() {
    for opcode in 0..=255 {
        let argument = AtaArgument {
            command: opcode,
            feature: 1,
            count: 3,
            lba: [7, 0, 0, 0, 0, 0],
            ..AtaArgument::default()
        };
        let extent = Extent {
            first: Lba(7),
            sectors: 3,
        };
        let expected = match opcode {
            0x20 | 0x24 | 0x25 | 0xc8 | 0x40 | 0x42 => Effect::Reads(extent),
            0x30 | 0x34 | 0x35 | 0x3d | 0xca => Effect::Changes(extent),
            0x06 => Effect::ChangesListed(3),
            0xe7 | 0xea | 0xe0 | 0xe2 | 0xe6 | 0x94 | 0x96 | 0x99 => Effect::Follows,
            _ => Effect::Nothing,
        };
        assert_eq!(
            Operation::decode(&argument).effect(),
            expected,
            "{opcode:02x}"
        );
    }
}

#[test]
fn a_reservation_blocks_all_but_identify() {
    for opcode in 0..=255 {
        let argument = AtaArgument {
            command: opcode,
            ..AtaArgument::default()
        };
        let operation = Operation::decode(&argument);
        assert_eq!(operation.ignores_reservation(), opcode == 0xec);
    }
}

fn ata(opcode: u8, feature: u8) -> Vec<u8> {
    let mut argument = [0; 12];
    argument[1] = feature;
    argument[3] = opcode;
    request(0, &argument)
}

#[test]
fn how_a_command_may_come() {
    for opcode in 0..=255 {
        let expected = match opcode {
            0xec | 0xe5 | 0x98 => ANY,
            0x20 | 0xc8 | 0x24 | 0x25 | 0x40 | 0x42 => EXACT,
            _ => DIRECT,
        };
        assert_eq!(row(&ata(opcode, 0)), expected, "opcode {opcode:02x}");
    }
}

#[test]
fn how_smart_may_come() {
    for feature in 0..=255 {
        let expected = match feature {
            0xd0 | 0xd1 | 0xd5 | 0xda => EXACT,
            _ => DIRECT,
        };
        assert_eq!(row(&ata(0xb0, feature)), expected, "SMART {feature:02x}");
    }
}
