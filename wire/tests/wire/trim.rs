// SPDX-License-Identifier: GPL-2.0

//! The ranges of TRIM.

use kvblade_wire::ata::Capacity;
use kvblade_wire::ata::Extent;
use kvblade_wire::ata::Failure;
use kvblade_wire::ata::Lba;
use kvblade_wire::ata::TrimList;

use crate::frames::hex;

/// A block of ranges; what `text` does not fill are empty ranges.
fn block(text: &str) -> Vec<u8> {
    let mut block = hex(text);
    block.resize(512, 0);
    block
}

fn extents(data: &[u8], capacity: u64) -> Result<Vec<(u64, u32)>, Failure> {
    let list = TrimList::check(data, Capacity(capacity))?;
    Ok(list
        .extents()
        .map(|Extent { first, sectors }| (first.0, sectors))
        .collect())
}

#[test]
fn ranges_are_little_endian() {
    let data = block("010203040506 0700  ffffffffffff 0000  080000000000 0080");
    assert_eq!(
        extents(&data, u64::MAX),
        Ok(vec![(0x0605_0403_0201, 7), (8, 0x8000)])
    );
}

#[test]
fn a_range_of_8_sectors() {
    assert_eq!(
        extents(&block("640000000000 0800"), 1000),
        Ok(vec![(100, 8)])
    );
}

#[test]
fn empty_ranges_are_skipped_wherever_they_are() {
    let data = block("ffffffffffff 0000");
    assert_eq!(extents(&data, 1000), Ok(vec![]));
    assert_eq!(extents(&[], 1000), Ok(vec![]));
}

#[test]
fn one_range_past_the_end_refuses_all() {
    let inside = "e70300000000 0100";
    assert_eq!(extents(&block(inside), 1000), Ok(vec![(999, 1)]));
    for outside in [
        "e70300000000 0200",
        "e80300000000 0100",
        "ffffffffffff ffff",
    ] {
        let data = block(&format!("{inside} {outside}"));
        assert_eq!(extents(&data, 1000), Err(Failure::Aborted));
    }
}

#[test]
fn all_64_ranges_of_a_block_count() {
    let data = hex("050000000000 0100").repeat(64);
    assert_eq!(extents(&data, 1000), Ok(vec![(5, 1); 64]));
    assert_eq!(extents(&data.repeat(2), 1000), Ok(vec![(5, 1); 128]));
}

#[test]
fn a_list_is_read_as_often_as_needed() {
    let data = block("640000000000 0800");
    let list = TrimList::check(&data, Capacity(1000)).expect("in range");
    let expected = [Extent {
        first: Lba(100),
        sectors: 8,
    }];
    assert!(list.extents().eq(expected));
    assert!(list.extents().eq(expected));
}
