// SPDX-License-Identifier: GPL-2.0

//! What exports are good for, in words that programs match.

use kvblade_wire::aoe::Mac;
use kvblade_wire::interface::InterfaceName;
use kvblade_wire::state::Cause;
use kvblade_wire::state::Degraded;
use kvblade_wire::state::Down;
use kvblade_wire::state::State;
use kvblade_wire::state::Taker;
use kvblade_wire::state::Word;
use proptest::prelude::*;

fn name(text: &str) -> InterfaceName {
    InterfaceName::new(text).unwrap()
}

#[test]
fn the_words_are_those_that_programs_match() {
    let down = |cause| State::Down(Down::By(cause));
    let taken = |taker| State::Down(Down::Taken(taker));
    let degraded = State::Degraded;
    let failing = |writes, reads| degraded(Degraded::Failing { writes, reads });
    let now = 4096;
    for (state, text) in [
        (State::Up, "up"),
        (State::Offline(None), "offline"),
        (
            State::Offline(Some(Down::By(Cause::DeviceGone))),
            "offline: device is gone",
        ),
        (State::Closing, "closing: waiting for requests to end"),
        (down(Cause::DeviceGone), "down: device is gone"),
        (down(Cause::NoInterface), "down: no such interface"),
        (down(Cause::NotEthernet), "down: not Ethernet"),
        (down(Cause::SwitchedOff), "down: interface is down"),
        (down(Cause::NoCarrier), "down: no carrier"),
        (down(Cause::SmallMtu), "down: MTU below 1060"),
        (taken(Taker::Interface(name("br0"))), "down: port of br0"),
        (taken(Taker::OpenVSwitch), "down: port of an Open vSwitch"),
        (taken(Taker::Tap), "down: frames go to a tap"),
        (taken(Taker::Ip), "down: carries IP only"),
        (
            State::Conflict(Mac([2, 0, 0, 0, 1, 0xab])),
            "conflict: 02:00:00:00:01:ab",
        ),
        (
            degraded(Degraded::Late(1)),
            "degraded: 1 request older than 5 s",
        ),
        (
            degraded(Degraded::Late(12)),
            "degraded: 12 requests older than 5 s",
        ),
        (
            degraded(Degraded::ReadOnly),
            "degraded: device is read-only",
        ),
        (
            degraded(Degraded::Blocks { now, then: 512 }),
            "degraded: device has blocks of 4096 bytes now, was exported with 512",
        ),
        (failing(3, 0), "degraded: 3 write faults in the last minute"),
        (failing(0, 1), "degraded: 1 read error in the last minute"),
        (
            failing(1, 2),
            "degraded: 1 write fault, 2 read errors in the last minute",
        ),
    ] {
        assert_eq!(state.to_string(), text);
        assert_eq!(State::parse(text), Some(state), "{text}");
        assert_eq!(Word::of_state(text), Some(state.word()), "{text}");
    }
}

#[test]
fn a_reason_that_is_not_known_leaves_the_word() {
    for (text, word) in [
        ("down: eaten by a grue", Some(Word::Down)),
        (
            "degraded: 3 write faults since Monday",
            Some(Word::Degraded),
        ),
        (
            "degraded: many requests older than 5 s",
            Some(Word::Degraded),
        ),
        ("up: and about", Some(Word::Up)),
        ("conflict: br0", Some(Word::Conflict)),
        ("downhill", None),
        ("", None),
    ] {
        assert_eq!(State::parse(text), None, "{text}");
        assert_eq!(Word::of_state(text), word, "{text}");
    }
}

#[test]
fn reasons_of_one_length_are_not_one() {
    let down = |cause| State::Down(Down::By(cause));
    assert!(!down(Cause::DeviceGone).is_like(&down(Cause::SmallMtu)));
    let late = |count| State::Degraded(Degraded::Late(count));
    assert!(late(1) != late(2) && late(1).is_like(&late(2)));
}

#[test]
fn an_interface_has_a_name_that_sysfs_can_show() {
    for text in ["eth0", "br-lan", "wg.5", "fifteen-letters", "0"] {
        assert_eq!(name(text).to_string(), text);
        assert_eq!(name(text).as_c_bytes()[text.len()], 0);
    }
    for text in [
        "",
        ".",
        "..",
        "a@b",
        "a:b",
        "a/b",
        "a b",
        "a\tb",
        "gr\u{fc}n",
        "sixteen-letters!",
    ] {
        assert_eq!(InterfaceName::new(text), None, "{text}");
    }
    let kernels = *b"eth0\0 and more..";
    assert_eq!(InterfaceName::from_kernel(kernels), name("eth0"));
}

proptest! {
    #[test]
    fn no_text_is_too_much(text in ".{0,60}") {
        if let Some(state) = State::parse(&text) {
            prop_assert_eq!(state.to_string(), text);
        }
    }

    #[test]
    fn numbers_come_back(count in 1..usize::MAX, writes in 1..u32::MAX, reads in 1..u32::MAX) {
        let (now, then) = (writes, reads);
        for degraded in [
            Degraded::Late(count),
            Degraded::Blocks { now, then },
            Degraded::Failing { writes, reads: 0 },
            Degraded::Failing { writes: 0, reads },
            Degraded::Failing { writes, reads },
        ] {
            let state = State::Degraded(degraded);
            prop_assert_eq!(State::parse(&state.to_string()), Some(state));
        }
    }
}
