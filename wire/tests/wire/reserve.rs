// SPDX-License-Identifier: GPL-2.0

//! Reserve/Release.

use kvblade_wire::aoe::AoeError;
use kvblade_wire::aoe::Mac;
use kvblade_wire::aoe::MacList;
use kvblade_wire::aoe::ReserveRequest;

use crate::frames::mac;
use crate::frames::request;

const SET: u8 = 1;
const FORCE_SET: u8 = 2;

/// Sends a request; returns how it ended and the fixed part of the response.
fn send(
    list: &mut MacList,
    source: Mac,
    command: u8,
    count: u8,
    macs: &[Mac],
) -> (Result<(), AoeError>, [u8; 2]) {
    let mut argument = vec![command, count];
    argument.extend(macs.iter().flat_map(|mac| mac.0));
    let frame = request(3, &argument);
    let request = ReserveRequest::parse(&frame).expect("a request");
    let result = request.apply(list, source);
    (result, request.reply(list))
}

fn held_by(macs: &[Mac]) -> MacList {
    let mut list = MacList::new();
    for mac in macs {
        list.add(*mac).expect("room");
    }
    list
}

#[test]
fn read_changes_nothing() {
    let mut list = MacList::new();
    assert_eq!(send(&mut list, mac(1), 0, 0, &[]), (Ok(()), [0, 0]));
    let mut list = held_by(&[mac(2)]);
    let answer = send(&mut list, mac(1), 0, 3, &[mac(1)]);
    assert_eq!(answer, (Ok(()), [0, 1]));
    assert_eq!(list.as_slice(), [mac(2)]);
}

#[test]
fn set_of_a_free_target() {
    let mut list = MacList::new();
    let answer = send(&mut list, mac(9), SET, 2, &[mac(1), mac(2)]);
    assert_eq!(answer, (Ok(()), [1, 2]));
    assert_eq!(list.as_slice(), [mac(1), mac(2)]);
}

#[test]
fn set_by_a_holder_replaces_the_list() {
    let mut list = held_by(&[mac(1), mac(2)]);
    let answer = send(&mut list, mac(2), SET, 1, &[mac(3)]);
    assert_eq!(answer, (Ok(()), [1, 1]));
    assert_eq!(list.as_slice(), [mac(3)]);
}

#[test]
fn set_by_another_is_refused() {
    let mut list = held_by(&[mac(1)]);
    for macs in [&[mac(3)][..], &[]] {
        let count = u8::try_from(macs.len()).expect("a count");
        let answer = send(&mut list, mac(3), SET, count, macs);
        assert_eq!(answer, (Err(AoeError::TargetReserved), [1, 1]));
        assert_eq!(list.as_slice(), [mac(1)]);
    }
}

#[test]
fn force_set_by_another_replaces_the_list() {
    let mut list = held_by(&[mac(1)]);
    let answer = send(&mut list, mac(3), FORCE_SET, 1, &[mac(3)]);
    assert_eq!(answer, (Ok(()), [2, 1]));
    assert_eq!(list.as_slice(), [mac(3)]);
}

#[test]
fn no_addresses_release() {
    let mut list = held_by(&[mac(1)]);
    assert_eq!(send(&mut list, mac(1), SET, 0, &[]), (Ok(()), [1, 0]));
    assert!(list.is_empty());
    let mut list = held_by(&[mac(1)]);
    let answer = send(&mut list, mac(3), FORCE_SET, 0, &[]);
    assert_eq!(answer, (Ok(()), [2, 0]));
    assert!(list.is_empty());
}

#[test]
fn bad_counts_change_nothing() {
    let macs: Vec<_> = (0..129).map(mac).collect();
    for command in [SET, FORCE_SET] {
        for (count, macs) in [(5, &macs[..2]), (1, &[]), (129, &macs[..]), (255, &[])] {
            let mut list = held_by(&[mac(1)]);
            let answer = send(&mut list, mac(1), command, count, macs);
            assert_eq!(answer, (Err(AoeError::BadArgument), [command, 1]));
            assert_eq!(list.as_slice(), [mac(1)]);
        }
    }
}

#[test]
fn the_largest_list() {
    let macs: Vec<_> = (0..128).map(mac).collect();
    let mut list = MacList::new();
    let answer = send(&mut list, mac(1), SET, 128, &macs);
    assert_eq!(answer, (Ok(()), [1, 128]));
    assert_eq!(list.as_slice(), macs);
}

#[test]
fn unknown_commands_are_refused() {
    for command in 3..=255 {
        let mut list = held_by(&[mac(1)]);
        let answer = send(&mut list, mac(1), command, 0, &[]);
        assert_eq!(answer, (Err(AoeError::BadArgument), [command, 1]));
        assert_eq!(list.as_slice(), [mac(1)]);
    }
}

#[test]
fn needs_26_bytes() {
    let frame = request(3, &[0; 2]);
    assert!(ReserveRequest::parse(&frame).is_some_and(|request| request.is_read()));
    assert!(ReserveRequest::parse(&frame[..25]).is_none());
}
