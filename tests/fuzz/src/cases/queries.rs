// SPDX-License-Identifier: GPL-2.0

//! The header, and command 1.

use super::*;

pub(super) fn header() -> Vec<Case> {
    let read = [0; 8];
    let plain = || shot(0, 1, &read, 0);
    let version = |route, version| {
        Frame(Shot {
            version,
            ..shot(route, 1, &read, 0)
        })
    };
    let padded = |fill| Frame(shot(WILD, 1, &read, fill));
    let tag = |tag| Frame(Shot { tag, ..plain() });
    vec![
        ("A01", vec![padded(0)]),
        ("A02", vec![padded(28), padded(1482)]),
        (
            "A03",
            vec![
                query(TO_ALL | ANY_SLOT, 0, b""),
                query(TO_ALL | ANY_SHELF, 0, b""),
            ],
        ),
        (
            "A04",
            vec![
                patched(shot(ANY_SLOT, 1, &read, 0), 17, 1),
                patched(plain(), 18, 1),
                patched(plain(), 12, 1),
            ],
        ),
        ("A07", vec![version(WILD, 0x18), version(0, 0x18)]),
        ("A08", vec![version(0, 0x20)]),
        ("A09", vec![version(WILD, 0x20)]),
        ("A10", vec![version(0, 0x13)]),
        (
            "A11",
            vec![patched(
                Shot {
                    version: 0x14,
                    ..plain()
                },
                15,
                9,
            )],
        ),
        (
            "A12",
            vec![Frame(shot(0, 4, &[], 0)), Frame(shot(0, 0xf0, &[], 36))],
        ),
        ("A14", vec![Frame(shot(WILD, 4, &[], 0))]),
        ("A16", vec![patched(plain(), 5, 1)]),
        (
            "A17",
            vec![5, 6, 7]
                .into_iter()
                .map(|source| query(source, 0, b""))
                .collect(),
        ),
        ("A18", vec![tag(0), tag(0x7f), tag(0x80), tag(0xff)]),
        (
            "G10",
            vec![
                world(|w| w.mtu = 1000),
                query(0, 0, b""),
                world(|_| ()),
                query(0, 0, b""),
            ],
        ),
    ]
}

pub(super) fn config() -> Vec<Case> {
    let junk = [0xed; 1024];
    let mtu = |mtu| world(|w| w.mtu = mtu);
    vec![
        ("B01", vec![query(0, 0, &junk)]),
        ("B02", vec![cut_query(0, 0, 0xffff, b"")]),
        ("B03", vec![query(0, 3, b"abc")]),
        ("B04", vec![query(0, 3, b"abc"), query(0, 3, b"abc")]),
        (
            "B05",
            vec![query(0, 3, b"abc"), query(0, 3, b"abd"), query(0, 0, b"")],
        ),
        (
            "B07",
            vec![
                query(0, 3, b"abc"),
                query(0, 1, b"abc"),
                query(0, 1, b"ab"),
                query(0, 1, b"abcd"),
                query(0, 1, b"abd"),
            ],
        ),
        (
            "B09",
            vec![
                query(0, 3, b"abc"),
                query(0, 2, b"ab"),
                query(0, 2, b""),
                query(0, 2, b"abcd"),
                query(0, 2, b"b"),
            ],
        ),
        (
            "B10",
            vec![query(0, 3, b"abc"), query(0, 4, b"xyz"), query(0, 0, b"")],
        ),
        (
            "B11",
            vec![query(0, 4, b"abc"), query(0, 4, b""), query(0, 1, b"")],
        ),
        (
            "B12",
            vec![query(0, 4, &junk), query(0, 0, b""), query(0, 1, &junk)],
        ),
        (
            "B13",
            vec![
                cut_query(0, 4, 1025, &[b'x'; 1025]),
                cut_query(0, 4, 10, b"abcd"),
                cut_query(0, 3, 10, b"abcd"),
                query(0, 0, b""),
            ],
        ),
        (
            "B15",
            vec![cut_query(0, 1, 10, b"abcd"), cut_query(0, 2, 10, b"abcd")],
        ),
        ("B16", vec![query(0, 5, b""), query(0, 15, b"")]),
        (
            "B17",
            vec![
                query(0, 0x00, b""),
                query(0, 0x10, b""),
                query(0, 0x70, b""),
            ],
        ),
        ("B18", vec![Frame(shot(0, 1, &[0; 7], 0))]),
        (
            "B19",
            [9000, 4200, 1500, 1060, 65535]
                .into_iter()
                .flat_map(|size| [mtu(size), query(0, 0, b"")])
                .collect(),
        ),
        (
            "B20",
            vec![
                query(TO_ALL, 3, b"abc"),
                query(WILD, 4, b"x"),
                query(0, 0, b""),
            ],
        ),
    ]
}
