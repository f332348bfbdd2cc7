// SPDX-License-Identifier: GPL-2.0

//! Command 0.

use super::*;

pub(super) fn reading() -> Vec<Case> {
    let wild = |route, registers| Frame(ata_shot(route, registers, 0, 0));
    let past_28 = |w: &mut World| (w.exponent, w.offset) = (28, 10);
    let mut cases = vec![
        ("C01", vec![ata([0, 0, 1, 0xec], 0xa000_0000, 0)]),
        ("C02", vec![ata([0, 0, 1, 0xec], 0, 1024)]),
        (
            "C03",
            vec![world(|w| w.mtu = 9000), ata([0, 0, 1, 0xec], 0, 8704)],
        ),
        (
            "C04",
            vec![wild(WILD, [0, 0, 1, 0xec]), wild(0, [0, 0, 0, 0xec])],
        ),
        ("C08", vec![Frame(shot(0, 0, &[0; 11], 0))]),
        (
            "C10",
            vec![ata([0x40, 0, 1, 0x24], 0, 0), ata([0x40, 0, 2, 0x24], 1, 0)],
        ),
        (
            "C11",
            vec![
                ata([0x40, 0, 3, 0x24], 0, 0),
                world(|w| w.mtu = 1557),
                ata([0x40, 0, 3, 0x24], 0, 0),
                world(|w| w.mtu = 1558),
                ata([0x40, 0, 3, 0x24], 0, 0),
            ],
        ),
        ("C12", vec![ata([0x40, 0, 2, 0x24], 0, 1024)]),
        (
            "C13",
            vec![world(past_28), ata([0, 0, 1, 0x20], 0xe100_0001, 0)],
        ),
        (
            "C14",
            vec![
                ata([0x40, 0, 1, 0x24], 63, 0),
                ata([0x40, 0, 1, 0x24], 64, 0),
            ],
        ),
        (
            "C16",
            vec![
                ata([0x40, 0, 2, 0x24], 63, 0),
                ata([0, 0, 2, 0x20], 0xe000_003f, 0),
            ],
        ),
        ("C17", vec![ata([0x40, 0, 2, 0x24], 0xffff_ffff_ffff, 0)]),
        (
            "C18",
            vec![ata([0x40, 0, 0, 0x24], 0, 0), ata([0x41, 0, 1, 0x24], 0, 0)],
        ),
        (
            "C20",
            vec![
                ata([0, 0, 1, 0x24], 1 << 28, 0),
                ata([0x40, 0, 1, 0x20], 1 << 32, 0),
            ],
        ),
        (
            "C21",
            vec![ata([0, 0, 1, 0xc8], 0, 0), ata([0x40, 0, 1, 0x25], 0, 0)],
        ),
        (
            "C22",
            vec![
                wild(TO_ALL, [0x40, 0, 1, 0x24]),
                wild(WILD, [0x40, 0, 1, 0x24]),
            ],
        ),
        (
            "D10",
            vec![
                failing(2, [0x40, 0, 1, 0x24], 5, 0),
                failing(4, [0, 0, 2, 0x20], 0xe000_0005, 0),
                failing(1, [0x40, 0, 1, 0x24], 5, 0),
            ],
        ),
        (
            "D13",
            vec![
                ata([0, 0, 0, 0x40], 0, 0),
                ata([0x40, 0, 64, 0x42], 0, 0),
                ata([0x40, 0, 65, 0x42], 0, 0),
                failing(2, [0x40, 0, 8, 0x42], 8, 0),
                world(past_28),
                ata([0x40, 0, 0, 0x42], 0, 0),
                ata([0, 0, 0, 0x40], 0xefff_ffff, 0),
            ],
        ),
    ];
    // The ends of 28, 48 and 64 bits.
    for (id, exponent, lba) in [
        ("C17-28", 28, 0x0fff_ffff),
        ("C17-48", 48, 0xffff_ffff_ffff),
        ("C17-64", 64, 0xffff_ffff_fffe),
    ] {
        let disk = |w: &mut World| (w.exponent, w.offset) = (exponent, -1);
        let read = |opcode, count| ata([0x40, 0, count, opcode], lba, 0);
        let identify = ata([0, 0, 1, 0xec], 0, 0);
        cases.push((
            id,
            vec![world(disk), read(0x24, 1), read(0x20, 2), identify],
        ));
    }
    cases
}

pub(super) fn writing() -> Vec<Case> {
    let write = |lba| ata([0x41, 0, 2, 0x34], lba, 1024);
    let read = |lba| ata([0x40, 0, 2, 0x24], lba, 0);
    let by = |route| Frame(ata_shot(route, [0x41, 0, 1, 0x34], 0, 512));
    let all_opcodes = [0x30, 0x35, 0xca, 0x3d].into_iter().zip(10..);
    let read_only = world(|w| w.read_only = true);
    let no_trim = world(|w| w.trim = false);
    vec![
        ("D01", vec![write(4), read(4), read(5)]),
        (
            "D02",
            all_opcodes
                .flat_map(|(opcode, lba)| [ata([1, 0, 1, opcode], lba, 512), read(lba)])
                .collect(),
        ),
        ("D03", vec![ata([0x41, 0, 2, 0x34], 0, 1023), read(0)]),
        ("D04", vec![ata([0x41, 0, 1, 0x34], 0, 1024), read(0)]),
        ("D05", vec![ata([0x40, 0, 2, 0x34], 0, 1024), read(0)]),
        ("D06", vec![write(63), write(62), read(62)]),
        ("D08", vec![by(WILD), by(TO_ALL), read(0)]),
        (
            "D09",
            vec![
                read_only,
                write(0),
                write(64),
                trim(1, 1, &[(0, 8)]),
                read(0),
            ],
        ),
        (
            "D11",
            vec![
                failing(1, [0x41, 0, 1, 0x34], 0, 512),
                failing(2, [0, 0, 0, 0xe7], 0, 0),
            ],
        ),
        (
            "D18",
            vec![write(0), write(8), trim(1, 1, &[(1, 8)]), read(0), read(8)],
        ),
        (
            "D18-full",
            vec![write(62), trim(1, 1, &[(63, 1); 64]), read(62)],
        ),
        (
            "D19",
            vec![
                write(0),
                trim(0, 1, &[(0, 8)]),
                trim(1, 0, &[(0, 8)]),
                trim(1, 2, &[(0, 8)]),
                trim(1, 1, &[(0, 8), (9, 0), (60, 5)]),
                no_trim,
                trim(1, 1, &[(0, 8)]),
                read(0),
            ],
        ),
        ("G01", vec![write(0), write(0), read(0)]),
    ]
}

pub(super) fn others() -> Vec<Case> {
    let plain = |opcode| ata([0, 0, 7, opcode], 0x0012_3456, 0);
    let feature = |feature| ata([0, feature, 0, 0xef], 0, 0);
    let each = |opcodes: &[u8]| opcodes.iter().map(|opcode| plain(*opcode)).collect();
    let features = [2, 0x82, 0xaa, 0x55, 3, 0x66, 0xcc, 5];
    let offline = world(|w| w.offline = true);
    vec![
        ("D12", vec![ata([0x40, 0, 0, 0xe7], 0, 0), plain(0xea)]),
        ("D14", each(&[0xe5, 0x98, 0x90])),
        ("D15", features.into_iter().map(feature).collect()),
        (
            "D17",
            each(&[0xe0, 0xe1, 0xe2, 0xe3, 0xe6, 0x94, 0x95, 0x96, 0x97, 0x99]),
        ),
        (
            "D20",
            each(&[0, 0x45, 0xa1, 0xb1, 0xc4, 0xf1, 0x60, 0x92, 0xff]),
        ),
        (
            "D21",
            vec![
                ata([0, 0xd0, 1, 0xb0], 0, 0),
                ata([0, 0xda, 0, 0xb0], 0x00c2_4f00, 0),
                Frame(ata_shot(TO_ALL, [0, 0xda, 0, 0xb0], 0x00c2_4f00, 0)),
            ],
        ),
        (
            "OFFLINE",
            vec![
                offline,
                plain(0xec),
                ata([0x40, 0, 1, 0x24], 0, 0),
                query(0, 0, b""),
            ],
        ),
    ]
}
