// SPDX-License-Identifier: GPL-2.0

//! Access lists.

use kvblade_wire::access::{Access, AccessList, AccessListError, Right, Verdict};
use kvblade_wire::aoe::{Header, Mac, MacList, MacListError};
use kvblade_wire::ata::Asked;

const KNOWN: Mac = Mac([2, 0, 0, 0, 0, 1]);
const OTHER: Mac = Mac([2, 0, 0, 0, 0, 2]);

fn known() -> MacList {
    let mut macs = MacList::new();
    macs.add(KNOWN).unwrap();
    macs
}

/// A request of a command, with these bytes behind the header.
fn needed(command: u8, argument: &[u8]) -> Right {
    let mut frame = vec![0; 12];
    frame.extend([0x88, 0xa2, 0x10, 0, 0, 1, 2, command, 0, 0, 0, 9]);
    frame.extend(argument);
    frame.resize(36, 0);
    Right::needed(&Asked::parse(&Header::parse(&frame).unwrap(), &frame).unwrap())
}

#[test]
fn each_request_needs_one_right() {
    let config = |code: u8| needed(1, &[0, 0, 0, 0, 0, 0x10 | code, 0, 200]);
    assert_eq!([0, 1, 2].map(config), [Right::Discover; 3]);
    assert_eq!([3, 4].map(config), [Right::Configure; 2]);
    assert_eq!(
        [0, 1].map(|code| needed(2, &[0, code, 0, 0])),
        [Right::Discover, Right::Configure]
    );
    assert_eq!(
        [0, 1, 2].map(|code| needed(3, &[code, 0])),
        [Right::Discover, Right::Configure, Right::Configure]
    );
    for opcode in [0x20, 0x24, 0xec, 0xe7, 0x40, 0xb0, 0xff] {
        assert_eq!(needed(0, &[0, 0, 1, opcode]), Right::Read);
    }
    for (features, opcode) in [
        (0, 0x30),
        (0, 0x34),
        (0, 0xca),
        (0, 0x35),
        (0, 0x3d),
        (1, 6),
    ] {
        assert_eq!(needed(0, &[0, features, 1, opcode]), Right::Write);
    }
    assert_eq!(needed(77, &[]), Right::Discover);
}

#[test]
fn a_list_is_for_those_on_it_or_against_them() {
    let lists = [
        (AccessList::open(), "all", [true, true]),
        (AccessList::only(MacList::new()), "none", [false, false]),
        (
            AccessList::only(known()),
            "only 02:00:00:00:00:01",
            [true, false],
        ),
        (
            AccessList::all_but(known()),
            "all but 02:00:00:00:00:01",
            [false, true],
        ),
    ];
    for (list, text, permitted) in lists {
        assert_eq!(list.to_string(), text);
        assert_eq!(AccessList::parse(text), Ok(list.clone()));
        assert_eq!([KNOWN, OTHER].map(|mac| list.permits(mac)), permitted);
        assert_eq!(list.is_open(), text == "all");
    }
}

#[test]
fn what_is_no_list_is_refused() {
    use AccessListError::{Empty, Form, Macs};
    for (text, error) in [
        ("", Form),
        ("everyone", Form),
        ("only", Form),
        ("allbut 02:00:00:00:00:01", Form),
        ("only ,", Empty),
        ("all but  ,", Empty),
        (
            "only ff:ff:ff:ff:ff:ff",
            Macs(MacListError::Word("ff:ff:ff:ff:ff:ff")),
        ),
        ("only 02:00:00:00:00:01 x", Macs(MacListError::Word("x"))),
    ] {
        assert_eq!(AccessList::parse(text), Err(error), "{text}");
    }
    let many: Vec<String> = (0..129)
        .map(|last| Mac([2, 0, 0, 0, 0, last]).to_string())
        .collect();
    let text = format!("only {}", many.join(","));
    assert_eq!(AccessList::parse(&text), Err(Macs(MacListError::Full)));
    assert_eq!(
        AccessList::parse(" only 02:00:00:00:00:01, \n"),
        Ok(AccessList::only(known()))
    );
}

#[test]
fn the_files_of_lists_are_called_by_their_keys() {
    for right in Right::ALL {
        assert_eq!(right.file(), format!("access/{}", right.key()));
        assert_eq!(right.file_name().to_str(), Ok(right.key()));
    }
}

#[test]
fn who_may_read_but_not_write_is_told_so() {
    let mut access = Access::open();
    assert!(access.is_open());
    access.set(Right::Write, AccessList::only(known()));
    assert!(!access.is_open());
    assert_eq!(access.judge(Right::Write, KNOWN), Verdict::Serve);
    assert_eq!(access.judge(Right::Write, OTHER), Verdict::ReadOnly);
    assert_eq!(access.judge(Right::Read, OTHER), Verdict::Serve);
    access.set(Right::Read, AccessList::only(known()));
    for right in [Right::Read, Right::Write] {
        assert_eq!(access.judge(right, OTHER), Verdict::Ignore);
    }
    assert_eq!(access.judge(Right::Discover, OTHER), Verdict::Serve);
    access.set(Right::Discover, AccessList::all_but(known()));
    assert_eq!(access.judge(Right::Discover, KNOWN), Verdict::Ignore);
}
