// SPDX-License-Identifier: GPL-2.0

//! Commands 2 and 3.

use super::*;

pub(super) fn all() -> Vec<Case> {
    let (wild, exact_wild) = (WILD, ANY_SLOT);
    let add_both = mask(0, 1, 2, &[(1, 0), (1, M)]);
    let full = (0..128_u8).fold(vec![0, 1, 0, 129], |mut all, number| {
        all.extend([0, 1, 2, 0, 0, 0, 1, number]);
        all
    });
    let full = [full, vec![0, 1, 2, 0, 0, 0, 2, 0]].concat();
    let take = reserve(0, 1, 1, &[0]);
    let read_by = |source| Frame(ata_shot(source, [0x40, 0, 1, 0x24], 0, 0));
    let write_by = |source| Frame(ata_shot(source, [0x41, 0, 1, 0x34], 0, 512));
    let identify_by = |source| Frame(ata_shot(source, [0, 0, 1, 0xec], 0, 0));
    let list = || reserve(X, 0, 0, &[]);
    vec![
        ("E01", vec![mask(0, 0, 0, &[]), mask(wild, 0, 9, &[])]),
        ("E02", vec![add_both.clone(), add_both.clone()]),
        (
            "E03",
            vec![
                add_both.clone(),
                query(X, 0, b""),
                identify_by(X),
                query(M, 0, b""),
            ],
        ),
        (
            "E04",
            vec![
                add_both,
                mask(0, 1, 2, &[(0, 0), (2, M)]),
                mask(0, 0, 0, &[]),
            ],
        ),
        (
            "E05",
            vec![mask(0, 1, 3, &[(1, 3), (7, 0), (1, 4)]), mask(3, 0, 0, &[])],
        ),
        ("E06", vec![Frame(shot(0, 2, &full, 0)), mask(0, 0, 0, &[])]),
        (
            "E07",
            vec![mask(0, 1, 4, &[(1, 0), (1, M)]), mask(X, 0, 0, &[])],
        ),
        (
            "E08",
            vec![
                mask(0, 2, 0, &[]),
                mask(exact_wild, 1, 1, &[(1, M)]),
                mask(0, 0, 0, &[]),
            ],
        ),
        ("F01", vec![reserve(0, 0, 0, &[]), reserve(wild, 0, 0, &[])]),
        ("F02", vec![take.clone(), list()]),
        (
            "F03",
            vec![
                take.clone(),
                read_by(X),
                write_by(X),
                read_by(0),
                write_by(0),
            ],
        ),
        (
            "F04",
            vec![take.clone(), identify_by(X), query(X, 0, b""), list()],
        ),
        ("F05", vec![take.clone(), reserve(X, 1, 1, &[X]), list()]),
        (
            "F06",
            vec![
                take.clone(),
                reserve(X, 2, 1, &[X]),
                write_by(0),
                write_by(X),
            ],
        ),
        ("F07", vec![take.clone(), reserve(0, 1, 0, &[]), read_by(X)]),
        (
            "F08",
            vec![
                take,
                reserve(0, 1, 5, &[X, M]),
                reserve(0, 3, 1, &[X]),
                reserve(wild, 2, 1, &[X]),
                reserve(0, 2, 3, &[X, X, M]),
                list(),
            ],
        ),
    ]
}
