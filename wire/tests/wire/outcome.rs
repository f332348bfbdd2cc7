// SPDX-License-Identifier: GPL-2.0

//! The registers of answers.

use kvblade_wire::aoe::AtaArgument;
use kvblade_wire::ata::Failure;
use kvblade_wire::ata::Lba;
use kvblade_wire::ata::Operation;
use kvblade_wire::ata::Outcome;
use kvblade_wire::ata::Width;

/// A request: every register has something.
fn request(opcode: u8) -> AtaArgument {
    AtaArgument {
        flags: 0x43,
        feature: 0x77,
        count: 2,
        command: opcode,
        lba: [1, 2, 3, 0xe4, 5, 6],
    }
}

fn answer(outcome: Outcome) -> [u8; 12] {
    outcome.answer(&request(0x24)).to_bytes()
}

fn failed(failure: Failure) -> [u8; 12] {
    answer(Outcome::Failed(failure))
}

#[test]
fn success() {
    assert_eq!(
        answer(Outcome::Success),
        [0x43, 0, 0, 0x40, 1, 2, 3, 0xe4, 5, 6, 0, 0]
    );
}

#[test]
fn power_mode() {
    assert_eq!(
        answer(Outcome::PowerActive),
        [0x43, 0, 0xff, 0x40, 1, 2, 3, 0xe4, 5, 6, 0, 0]
    );
}

#[test]
fn diagnostic() {
    assert_eq!(
        answer(Outcome::DiagnosticPassed),
        [0x43, 1, 0, 0x40, 1, 2, 3, 0xe4, 5, 6, 0, 0]
    );
}

#[test]
fn aborted() {
    assert_eq!(
        failed(Failure::Aborted),
        [0x43, 0x04, 2, 0x41, 1, 2, 3, 0xe4, 5, 6, 0, 0]
    );
}

#[test]
fn write_fault() {
    assert_eq!(
        failed(Failure::WriteFault),
        [0x43, 0x04, 2, 0x61, 1, 2, 3, 0xe4, 5, 6, 0, 0]
    );
}

#[test]
fn first_bad_sector_of_48_bits() {
    let (first_bad, width) = (Lba(0x1615_1413_1211), Width::Lba48);
    assert_eq!(
        failed(Failure::NotFound { first_bad, width }),
        [0x43, 0x10, 2, 0x41, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0, 0]
    );
    assert_eq!(
        failed(Failure::Uncorrectable { first_bad, width }),
        [0x43, 0x40, 2, 0x41, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0, 0]
    );
}

#[test]
fn first_bad_sector_of_28_bits_keeps_the_device_bits() {
    let (first_bad, width) = (Lba(0x0a13_1211), Width::Lba28);
    assert_eq!(
        failed(Failure::NotFound { first_bad, width }),
        [0x43, 0x10, 2, 0x41, 0x11, 0x12, 0x13, 0xea, 5, 6, 0, 0]
    );
    assert_eq!(
        failed(Failure::Uncorrectable { first_bad, width }),
        [0x43, 0x40, 2, 0x41, 0x11, 0x12, 0x13, 0xea, 5, 6, 0, 0]
    );
}

#[test]
fn a_sector_that_the_registers_cannot_tell() {
    let not_found = |first_bad, width| {
        failed(Failure::NotFound {
            first_bad: Lba(first_bad),
            width,
        })
    };
    assert_eq!(
        not_found(1 << 28, Width::Lba28)[4..10],
        [0xff, 0xff, 0xff, 0xef, 5, 6]
    );
    assert_eq!(not_found(1 << 48, Width::Lba48)[4..10], [0xff; 6]);
}

#[test]
fn medium_error_of_an_unknown_sector_names_the_first() {
    let Operation::Read(transfer) = Operation::decode(&request(0x20)) else {
        panic!("not a read");
    };
    assert_eq!(
        failed(transfer.uncorrectable(None)),
        [0x43, 0x40, 2, 0x41, 1, 2, 3, 0xe4, 5, 6, 0, 0]
    );
    assert_eq!(
        failed(transfer.uncorrectable(Some(Lba(0x0403_0202)))),
        [0x43, 0x40, 2, 0x41, 2, 2, 3, 0xe4, 5, 6, 0, 0]
    );
}
