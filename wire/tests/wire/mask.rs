// SPDX-License-Identifier: GPL-2.0

//! MAC Mask List.

use kvblade_wire::aoe::mask::listed;
use kvblade_wire::aoe::mask::MaskError;
use kvblade_wire::aoe::AoeError;
use kvblade_wire::aoe::Mac;
use kvblade_wire::aoe::MacList;
use kvblade_wire::aoe::MaskOutcome;
use kvblade_wire::aoe::MaskRequest;

use crate::frames::join;
use crate::frames::mac;
use crate::frames::request;

/// Sends a request; returns how it ended and the fixed part of the response.
fn send(
    list: &mut MacList,
    command: u8,
    count: u8,
    directives: &[(u8, Mac)],
) -> (MaskOutcome, [u8; 4]) {
    let mut argument = vec![0, command, 0, count];
    for (code, mac) in directives {
        argument.extend([0, *code]);
        argument.extend(mac.0);
    }
    let frame = request(2, &argument);
    let request = MaskRequest::parse(&frame).expect("a request");
    let outcome = request.apply(list);
    (outcome, request.reply(outcome, list))
}

fn edit(list: &mut MacList, directives: &[(u8, Mac)]) -> (MaskOutcome, [u8; 4]) {
    let count = u8::try_from(directives.len()).expect("a count");
    send(list, 1, count, directives)
}

const REFUSED: MaskOutcome = MaskOutcome::Refused(AoeError::BadArgument);

#[test]
fn read_of_an_empty_mask() {
    let mut list = MacList::new();
    let answer = send(&mut list, 0, 0, &[]);
    assert_eq!(answer, (MaskOutcome::Listed, [0, 0, 0, 0]));
}

#[test]
fn read_ignores_directives() {
    let mut list = MacList::new();
    let answer = send(&mut list, 0, 1, &[(1, mac(1))]);
    assert_eq!(answer, (MaskOutcome::Listed, [0, 0, 0, 0]));
    assert!(list.is_empty());
    let answer = send(&mut list, 0, 200, &[]);
    assert_eq!(answer, (MaskOutcome::Listed, [0, 0, 0, 0]));
}

#[test]
fn edit_adds_and_deletes_in_order() {
    let mut list = MacList::new();
    let answer = edit(&mut list, &[(1, mac(1)), (1, mac(2))]);
    assert_eq!(answer, (MaskOutcome::Listed, [0, 1, 0, 2]));
    assert_eq!(list.as_slice(), [mac(1), mac(2)]);
    let answer = edit(&mut list, &[(0, mac(9)), (2, mac(2))]);
    assert_eq!(answer, (MaskOutcome::Listed, [0, 1, 0, 1]));
    assert_eq!(list.as_slice(), [mac(1)]);
    let answer = edit(&mut list, &[(1, mac(3)), (2, mac(3)), (2, mac(1))]);
    assert_eq!(answer, (MaskOutcome::Listed, [0, 1, 0, 0]));
}

#[test]
fn adding_what_is_there_and_deleting_what_is_not_succeeds() {
    let mut list = MacList::new();
    let answer = edit(&mut list, &[(1, mac(1)), (1, mac(1)), (2, mac(7))]);
    assert_eq!(answer, (MaskOutcome::Listed, [0, 1, 0, 1]));
}

#[test]
fn a_bad_directive_stops_the_edit() {
    let mut list = MacList::new();
    let answer = edit(&mut list, &[(1, mac(1)), (7, mac(2)), (1, mac(3))]);
    let outcome = MaskOutcome::Failed {
        error: MaskError::BadDirective,
        index: 1,
    };
    assert_eq!(answer, (outcome, [0, 1, 2, 1]));
    assert_eq!(list.as_slice(), [mac(1)]);
    for code in 3..=255 {
        let (outcome, _) = edit(&mut list, &[(code, mac(1))]);
        assert!(matches!(outcome, MaskOutcome::Failed { index: 0, .. }));
    }
}

#[test]
fn a_full_list_stops_the_edit() {
    let mut list = MacList::new();
    let directives: Vec<_> = (0..130).map(|last| (1, mac(last))).collect();
    let answer = edit(&mut list, &directives);
    let outcome = MaskOutcome::Failed {
        error: MaskError::Full,
        index: 128,
    };
    assert_eq!(answer, (outcome, [0, 1, 3, 128]));
    assert_eq!(list.length(), 128);
    let answer = edit(&mut list, &[(1, mac(5))]);
    assert_eq!(answer, (MaskOutcome::Listed, [0, 1, 0, 128]));
}

#[test]
fn the_last_directive_that_a_frame_can_have_counts() {
    let mut directives = vec![(0, mac(0)); 254];
    directives.push((9, mac(0)));
    let (outcome, reply) = edit(&mut MacList::new(), &directives);
    let expected = MaskOutcome::Failed {
        error: MaskError::BadDirective,
        index: 254,
    };
    assert_eq!((outcome, reply), (expected, [0, 1, 2, 254]));
}

#[test]
fn too_many_directives_for_the_frame() {
    let mut list = MacList::new();
    let answer = send(&mut list, 1, 4, &[(1, mac(1)), (1, mac(2))]);
    assert_eq!(answer, (REFUSED, [0, 1, 0, 0]));
    assert!(list.is_empty());
    let frame = request(2, &join(&[&[0, 1, 0, 1], &[0, 1, 2, 0, 0, 0, 0]]));
    let request = MaskRequest::parse(&frame).expect("a request");
    assert_eq!(request.apply(&mut list), REFUSED);
}

#[test]
fn unknown_commands_are_refused() {
    let mut list = MacList::new();
    for command in 2..=255 {
        let answer = send(&mut list, command, 1, &[(1, mac(1))]);
        assert_eq!(answer, (REFUSED, [0, command, 0, 0]));
        assert!(list.is_empty());
    }
}

#[test]
fn needs_28_bytes() {
    let frame = request(2, &[0; 4]);
    assert!(MaskRequest::parse(&frame).is_some_and(|request| request.is_read()));
    assert!(MaskRequest::parse(&frame[..27]).is_none());
}

#[test]
fn an_entry_is_listed_without_a_directive() {
    let bytes = listed(Mac([1, 2, 3, 4, 5, 6]));
    assert_eq!(bytes, [0, 0, 1, 2, 3, 4, 5, 6]);
}
