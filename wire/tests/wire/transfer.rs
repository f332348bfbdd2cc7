// SPDX-License-Identifier: GPL-2.0

//! The checks of READ, WRITE, READ VERIFY and TRIM, and their order.

use kvblade_wire::aoe::AtaArgument;
use kvblade_wire::ata::Capacity;
use kvblade_wire::ata::Conditions;
use kvblade_wire::ata::Extent;
use kvblade_wire::ata::Failure;
use kvblade_wire::ata::Lba;
use kvblade_wire::ata::Operation;
use kvblade_wire::ata::Outcome;
use kvblade_wire::ata::Task;
use kvblade_wire::ata::Width;

const READ: u8 = 0x24;
const WRITE: u8 = 0x34;
const VERIFY: u8 = 0x42;

const ABORTED: Task = Task::Answer(Outcome::Failed(Failure::Aborted));

/// A device of 1000 sectors behind an MTU of 1500, and a frame without data.
const CONDITIONS: Conditions = Conditions {
    capacity: Capacity(1000),
    reply_sectors: 2,
    payload: 0,
    read_only: false,
    trim: true,
};

fn registers48(opcode: u8, flags: u8, lba: u64, count: u8) -> AtaArgument {
    let [a, b, c, d, e, f, ..] = lba.to_le_bytes();
    AtaArgument {
        flags,
        feature: 0,
        count,
        command: opcode,
        lba: [a, b, c, d, e, f],
    }
}

fn prepare(argument: &AtaArgument, conditions: Conditions) -> Task {
    Operation::decode(argument).prepare(&conditions)
}

fn read(lba: u64, count: u8) -> Task {
    prepare(&registers48(READ, 0, lba, count), CONDITIONS)
}

fn write(lba: u64, count: u8, payload: usize) -> Task {
    let conditions = Conditions {
        payload,
        ..CONDITIONS
    };
    prepare(&registers48(WRITE, 1, lba, count), conditions)
}

fn extent(first: u64, sectors: u32) -> Extent {
    Extent {
        first: Lba(first),
        sectors,
    }
}

fn not_found(first_bad: u64, width: Width) -> Task {
    Task::Answer(Outcome::Failed(Failure::NotFound {
        first_bad: Lba(first_bad),
        width,
    }))
}

#[test]
fn read_within_the_device() {
    assert_eq!(read(0, 1), Task::Read(extent(0, 1)));
    assert_eq!(read(999, 1), Task::Read(extent(999, 1)));
    assert_eq!(read(998, 2), Task::Read(extent(998, 2)));
}

#[test]
fn read_past_the_end_names_the_first_bad_sector() {
    assert_eq!(read(1000, 1), not_found(1000, Width::Lba48));
    assert_eq!(read(999, 2), not_found(1000, Width::Lba48));
    assert_eq!(read(5000, 2), not_found(5000, Width::Lba48));
    let last = 0xffff_ffff_ffff;
    assert_eq!(read(last, 2), not_found(last, Width::Lba48));
}

#[test]
fn read_of_an_empty_device() {
    let conditions = Conditions {
        capacity: Capacity(0),
        ..CONDITIONS
    };
    let task = prepare(&registers48(READ, 0, 0, 1), conditions);
    assert_eq!(task, not_found(0, Width::Lba48));
}

#[test]
fn read_must_fit_the_answer() {
    assert_eq!(read(0, 2), Task::Read(extent(0, 2)));
    assert_eq!(read(0, 3), ABORTED);
    assert_eq!(read(0, 255), ABORTED);
}

#[test]
fn read_ignores_data_in_the_frame() {
    let conditions = Conditions {
        payload: 1024,
        ..CONDITIONS
    };
    let task = prepare(&registers48(READ, 0, 0, 2), conditions);
    assert_eq!(task, Task::Read(extent(0, 2)));
}

#[test]
fn write_needs_its_data() {
    assert_eq!(write(0, 2, 1024), Task::Write(extent(0, 2)));
    assert_eq!(write(0, 2, 1023), ABORTED);
    assert_eq!(write(0, 1, 1024), Task::Write(extent(0, 1)));
    assert_eq!(write(0, 1, 0), ABORTED);
    // Not bound by what an answer can carry.
    assert_eq!(write(0, 255, 130_560), Task::Write(extent(0, 255)));
    assert_eq!(write(0, 255, 130_559), ABORTED);
}

#[test]
fn write_past_the_end() {
    assert_eq!(write(999, 2, 1024), not_found(1000, Width::Lba48));
    assert_eq!(write(1000, 1, 512), not_found(1000, Width::Lba48));
}

#[test]
fn direction_and_flag_must_agree() {
    let with_data = Conditions {
        payload: 512,
        ..CONDITIONS
    };
    assert_eq!(prepare(&registers48(READ, 1, 0, 1), with_data), ABORTED);
    assert_eq!(prepare(&registers48(WRITE, 0, 0, 1), with_data), ABORTED);
}

#[test]
fn count_0_is_refused() {
    assert_eq!(read(0, 0), ABORTED);
    assert_eq!(write(0, 0, 1024), ABORTED);
    let short = AtaArgument {
        command: 0x20,
        ..AtaArgument::default()
    };
    assert_eq!(prepare(&short, CONDITIONS), ABORTED);
}

#[test]
fn read_only_refuses_writes_within_the_device() {
    let conditions = Conditions {
        read_only: true,
        payload: 512,
        ..CONDITIONS
    };
    let task = |argument| prepare(&argument, conditions);
    assert_eq!(task(registers48(WRITE, 1, 0, 1)), ABORTED);
    assert_eq!(task(registers48(READ, 0, 0, 1)), Task::Read(extent(0, 1)));
    // The range is checked before.
    assert_eq!(
        task(registers48(WRITE, 1, 1000, 1)),
        not_found(1000, Width::Lba48)
    );
}

#[test]
fn flag_count_and_size_are_checked_before_the_range() {
    assert_eq!(read(5000, 0), ABORTED);
    assert_eq!(read(5000, 3), ABORTED);
    assert_eq!(write(5000, 1, 511), ABORTED);
    let wrong_flag = registers48(READ, 1, 5000, 1);
    assert_eq!(prepare(&wrong_flag, CONDITIONS), ABORTED);
}

#[test]
fn lba_of_28_bits() {
    let argument = AtaArgument {
        command: 0x20,
        count: 1,
        lba: [0x44, 0x33, 0x22, 0xe1, 0x99, 0x99],
        ..AtaArgument::default()
    };
    let large = Conditions {
        capacity: Capacity(1 << 30),
        ..CONDITIONS
    };
    assert_eq!(
        prepare(&argument, large),
        Task::Read(extent(0x0122_3344, 1))
    );
    assert_eq!(
        prepare(&argument, CONDITIONS),
        not_found(0x0122_3344, Width::Lba28)
    );
    // CHS addressing and the device bit mean nothing.
    for device in [0x00, 0x40, 0xa0, 0xf0] {
        let mut argument = argument;
        argument.lba[3] = device | 1;
        assert_eq!(
            prepare(&argument, large),
            Task::Read(extent(0x0122_3344, 1))
        );
    }
}

#[test]
fn lba_of_48_bits() {
    let conditions = Conditions {
        capacity: Capacity(1 << 48),
        ..CONDITIONS
    };
    let argument = AtaArgument {
        command: READ,
        count: 2,
        lba: [0x01, 0x02, 0x03, 0x04, 0x05, 0x06],
        ..AtaArgument::default()
    };
    assert_eq!(
        prepare(&argument, conditions),
        Task::Read(extent(0x0605_0403_0201, 2))
    );
    let last = registers48(READ, 0, (1 << 48) - 1, 1);
    assert_eq!(
        prepare(&last, conditions),
        Task::Read(extent((1 << 48) - 1, 1))
    );
}

#[test]
fn verify_has_no_limit_but_the_device() {
    let large = Conditions {
        capacity: Capacity(70000),
        reply_sectors: 0,
        ..CONDITIONS
    };
    for (opcode, count, sectors) in [
        (0x40, 0, 256),
        (0x40, 255, 255),
        (VERIFY, 0, 65536),
        (VERIFY, 1, 1),
    ] {
        let task = prepare(&registers48(opcode, 0, 7, count), large);
        assert_eq!(task, Task::Verify(extent(7, sectors)));
    }
    let task = prepare(&registers48(VERIFY, 0, 0, 0), CONDITIONS);
    assert_eq!(task, not_found(1000, Width::Lba48));
    let task = prepare(&registers48(0x40, 0, 900, 0), CONDITIONS);
    assert_eq!(task, not_found(1000, Width::Lba28));
}

#[test]
fn trim_is_refused_before_anything_is_touched() {
    let trim = |flags, count, conditions| {
        let argument = AtaArgument {
            flags,
            feature: 1,
            count,
            command: 0x06,
            ..AtaArgument::default()
        };
        prepare(&argument, conditions)
    };
    let with_data = Conditions {
        payload: 1024,
        ..CONDITIONS
    };
    assert_eq!(trim(1, 2, with_data), Task::Trim { bytes: 1024 });
    assert_eq!(trim(1, 1, with_data), Task::Trim { bytes: 512 });
    assert_eq!(trim(1, 3, with_data), ABORTED, "short");
    assert_eq!(trim(1, 0, with_data), ABORTED, "no blocks");
    assert_eq!(trim(0, 1, with_data), ABORTED, "no write flag");
    for conditions in [
        Conditions {
            read_only: true,
            ..with_data
        },
        Conditions {
            trim: false,
            ..with_data
        },
    ] {
        assert_eq!(trim(1, 1, conditions), ABORTED);
    }
}

#[test]
fn bytes_of_an_extent() {
    assert_eq!(extent(9, 1).bytes(), 512);
    assert_eq!(extent(9, 65536).bytes(), 32 << 20);
}
