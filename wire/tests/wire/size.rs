// SPDX-License-Identifier: GPL-2.0

//! MTU, sector counts and padding.

use kvblade_wire::aoe::padding;
use kvblade_wire::aoe::sectors_for_mtu;
use kvblade_wire::aoe::sectors_for_reply;

#[test]
fn advertised_sectors() {
    for (mtu, sectors) in [
        (0, None),
        (35, None),
        (1000, None),
        (1059, None),
        (1060, Some(2)),
        (1500, Some(2)),
        (1571, Some(2)),
        (1572, Some(3)),
        (4200, Some(8)),
        (9000, Some(17)),
        (9216, Some(17)),
        (65535, Some(127)),
        (36 + 512 * 255, Some(255)),
        (36 + 512 * 256, Some(255)),
        (u32::MAX, Some(255)),
    ] {
        assert_eq!(sectors_for_mtu(mtu, 1), sectors, "MTU {mtu}");
    }
}

#[test]
fn advertised_sectors_are_whole_blocks_where_one_fits() {
    for (mtu, block, sectors) in [
        (9000, 8, 16),
        (9000, 16, 16),
        (9000, 32, 17),
        (4200, 8, 8),
        (4131, 8, 7),
        (1500, 8, 2),
        (u32::MAX, 8, 248),
        (9000, 0, 17),
        (9000, u32::MAX, 17),
    ] {
        assert_eq!(
            sectors_for_mtu(mtu, block),
            Some(sectors),
            "MTU {mtu}, {block}"
        );
    }
}

#[test]
fn sectors_that_fit_an_answer() {
    for (mtu, sectors) in [
        (0, 0),
        (22, 0),
        (533, 0),
        (534, 1),
        (1045, 1),
        (1046, 2),
        (1500, 2),
        (1557, 2),
        (1558, 3),
        (9000, 17),
        (9238, 18),
    ] {
        assert_eq!(sectors_for_reply(mtu), sectors, "MTU {mtu}");
    }
}

#[test]
fn advertised_sectors_always_fit() {
    for mtu in 1060..70000 {
        let advertised = sectors_for_mtu(mtu, 8).expect("large enough");
        assert!(u32::from(advertised) <= sectors_for_reply(mtu));
        assert!(advertised >= 2);
    }
}

#[test]
fn short_frames_are_padded_to_60() {
    for (length, zeroes) in [(24, 36), (36, 24), (59, 1), (60, 0), (61, 0), (1514, 0)] {
        assert_eq!(padding(length), zeroes);
    }
}
