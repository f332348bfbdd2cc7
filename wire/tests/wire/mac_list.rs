// SPDX-License-Identifier: GPL-2.0

//! The bounded list of addresses.

use kvblade_wire::aoe::mac_list::Full;
use kvblade_wire::aoe::MacList;

use crate::frames::mac;

/// A list of 0, 1, 2 ...
fn list(length: u8) -> MacList {
    let mut list = MacList::new();
    for last in 0..length {
        list.add(mac(last)).expect("room");
    }
    list
}

#[test]
fn keeps_the_order_and_nothing_twice() {
    let mut list = list(3);
    list.add(mac(1)).expect("present");
    assert_eq!(list.as_slice(), [mac(0), mac(1), mac(2)]);
    assert_eq!(list.length(), 3);
}

#[test]
fn removes_at_any_place() {
    for removed in 0..3 {
        let mut list = list(3);
        list.remove(mac(removed));
        let left: Vec<_> = (0..3).filter(|n| *n != removed).map(mac).collect();
        assert_eq!(list.as_slice(), left);
        list.remove(mac(removed));
        assert_eq!(list.as_slice(), left);
    }
    let mut one = list(1);
    one.remove(mac(0));
    assert!(one.is_empty());
    one.remove(mac(0));
    assert!(one.is_empty());
}

#[test]
fn holds_128_addresses() {
    let mut list = list(128);
    assert_eq!(list.length(), 128);
    assert_eq!(list.add(mac(128)), Err(Full));
    assert_eq!(list.length(), 128);
    assert_eq!(list.add(mac(127)), Ok(()), "it is there already");
    list.remove(mac(0));
    assert_eq!(list.add(mac(128)), Ok(()));
    assert_eq!(list.as_slice().last(), Some(&mac(128)));
}

#[test]
fn an_empty_list_excludes_nobody() {
    let mut list = MacList::default();
    assert!(!list.excludes(mac(1)));
    list.add(mac(2)).expect("room");
    assert!(list.excludes(mac(1)));
    assert!(!list.excludes(mac(2)));
    list.clear();
    assert!(!list.excludes(mac(1)));
    assert!(!list.contains(mac(2)));
}

#[test]
fn lists_are_equal_if_their_entries_are() {
    let mut once_longer = list(3);
    once_longer.remove(mac(2));
    assert_eq!(once_longer, list(2));
    assert_ne!(list(3), list(2));
}
