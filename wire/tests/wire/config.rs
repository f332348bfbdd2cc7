// SPDX-License-Identifier: GPL-2.0

//! Query Config.

use kvblade_wire::aoe::config::probe;
use kvblade_wire::aoe::AoeError;
use kvblade_wire::aoe::ConfigCommand;
use kvblade_wire::aoe::ConfigDecision;
use kvblade_wire::aoe::ConfigReply;
use kvblade_wire::aoe::ConfigRequest;
use kvblade_wire::aoe::ConfigString;
use kvblade_wire::aoe::Destination;
use proptest::prelude::*;

use crate::frames::hex;
use crate::frames::join;
use crate::frames::own_address;
use crate::frames::request;
use crate::frames::OWN;

/// Answered, with the string in force; silence; refused.
type Answer = Option<Result<(), AoeError>>;

const YES: Answer = Some(Ok(()));
const SILENCE: Answer = None;
const BAD: Answer = Some(Err(AoeError::BadArgument));
const PRESENT: Answer = Some(Err(AoeError::ConfigStringPresent));

fn frame(command: u8, length: u16, string: &[u8]) -> Vec<u8> {
    let length = length.to_be_bytes();
    request(1, &join(&[&[0, 0, 0, 0, 0, command], &length, string]))
}

/// Sends a request with a whole string.
fn send(config: &mut ConfigString, command: u8, string: &[u8]) -> Answer {
    let length = u16::try_from(string.len()).expect("a length");
    let frame = frame(command, length, string);
    config.apply(&ConfigRequest::parse(&frame).expect("a request"))
}

fn with(string: &[u8]) -> ConfigString {
    let mut config = ConfigString::new();
    assert!(config.set(string));
    config
}

#[test]
fn read_ignores_its_argument() {
    let mut config = with(b"abc");
    for frame in [
        frame(0, 0, b""),
        frame(0, 1024, &[0xed; 1024]),
        frame(0, 0xffff, b""),
        frame(0, 10, b"abcd"),
    ] {
        let request = ConfigRequest::parse(&frame).expect("a request");
        assert_eq!(request.command, ConfigCommand::Read);
        assert_eq!(config.apply(&request), YES);
    }
    assert_eq!(config.as_bytes(), b"abc");
}

#[test]
fn test_needs_the_same_string() {
    let mut config = with(b"abc");
    assert_eq!(send(&mut config, 1, b"abc"), YES);
    for other in [&b"ab"[..], b"abcd", b"abd", b""] {
        assert_eq!(send(&mut config, 1, other), SILENCE);
    }
    assert_eq!(send(&mut ConfigString::new(), 1, b""), YES);
}

#[test]
fn test_prefix_needs_a_prefix() {
    let mut config = with(b"abc");
    for prefix in [&b"abc"[..], b"ab", b""] {
        assert_eq!(send(&mut config, 2, prefix), YES);
    }
    for other in [&b"abcd"[..], b"b", b"bc"] {
        assert_eq!(send(&mut config, 2, other), SILENCE);
    }
    assert_eq!(send(&mut ConfigString::new(), 2, b""), YES);
}

#[test]
fn set_needs_an_empty_or_the_same_string() {
    let mut config = ConfigString::new();
    assert_eq!(send(&mut config, 3, b"abc"), YES);
    assert_eq!(config.as_bytes(), b"abc");
    assert_eq!(send(&mut config, 3, b"abc"), YES);
    for other in [&b"abd"[..], b"ab", b"abcd", b""] {
        assert_eq!(send(&mut config, 3, other), PRESENT);
        assert_eq!(config.as_bytes(), b"abc");
    }
}

#[test]
fn force_set_always_sets() {
    let mut config = with(b"abc");
    assert_eq!(send(&mut config, 4, b"x"), YES);
    assert_eq!(config.as_bytes(), b"x");
    assert_eq!(send(&mut config, 4, &[7; 1024]), YES);
    assert_eq!(config.as_bytes(), [7; 1024]);
    assert_eq!(config.length(), 1024);
    assert_eq!(send(&mut config, 4, b""), YES);
    assert_eq!(config.as_bytes(), b"");
    assert_eq!(send(&mut config, 1, b""), YES);
}

#[test]
fn unknown_commands_are_refused() {
    let mut config = with(b"abc");
    for command in 5..=15 {
        assert_eq!(send(&mut config, command, b"abc"), BAD);
        assert_eq!(config.as_bytes(), b"abc");
    }
}

#[test]
fn bad_lengths() {
    for (command, answer) in [(1, SILENCE), (2, SILENCE), (3, BAD), (4, BAD)] {
        for frame in [
            frame(command, 1025, &[1; 1025]),
            frame(command, 10, b"abcd"),
            frame(command, 0xffff, b""),
            frame(command, 1, b""),
        ] {
            let request = ConfigRequest::parse(&frame).expect("a request");
            assert_eq!(request.argument, None);
            let mut config = ConfigString::new();
            assert_eq!(config.apply(&request), answer);
            assert_eq!(config.as_bytes(), b"");
        }
    }
}

#[test]
fn bytes_after_the_string_are_ignored() {
    let frame = frame(4, 3, b"abcd and more");
    let request = ConfigRequest::parse(&frame).expect("a request");
    assert_eq!(request.decide(b"old"), ConfigDecision::Store(b"abc"));
}

#[test]
fn the_version_beside_the_command_is_ignored() {
    for nibble in [0, 1, 7, 15] {
        let frame = frame(nibble << 4 | 3, 1, b"a");
        let request = ConfigRequest::parse(&frame).expect("a request");
        assert_eq!(request.command, ConfigCommand::Set);
    }
}

#[test]
fn needs_32_bytes() {
    let frame = frame(0, 0, b"");
    assert!(ConfigRequest::parse(&frame).is_some());
    assert!(ConfigRequest::parse(&frame[..31]).is_none());
}

#[test]
fn reply_has_every_field() {
    let reply = |command| {
        ConfigReply {
            buffer_count: 0x0123,
            firmware: 0x4567,
            sector_count: 0x89,
            command,
            string_length: 0x0203,
        }
        .to_bytes()
    };
    for (command, byte) in [
        (ConfigCommand::Read, 0x10),
        (ConfigCommand::Test, 0x11),
        (ConfigCommand::TestPrefix, 0x12),
        (ConfigCommand::Set, 0x13),
        (ConfigCommand::ForceSet, 0x14),
        (ConfigCommand::Unknown(5), 0x15),
        (ConfigCommand::Unknown(15), 0x1f),
    ] {
        let expected = [0x01, 0x23, 0x45, 0x67, 0x89, byte, 0x02, 0x03];
        assert_eq!(reply(command), expected);
    }
}

#[test]
fn probe_asks_for_the_address() {
    assert_eq!(
        probe(OWN, own_address().into())[..],
        hex("ffffffffffff 02000000000f 88a2 10 00 0102 03 01 00000000 0000 0000 00 00 0000")
    );
    let shelf = Destination::all_of(own_address().shelf);
    assert_eq!(
        probe(OWN, shelf)[..],
        hex("ffffffffffff 02000000000f 88a2 10 00 0102 ff 01 00000000 0000 0000 00 00 0000")
    );
}

#[test]
fn string_takes_what_fits() {
    let mut config = with(b"abc");
    assert!(!config.set(&[1; 1025]));
    assert!(!config.set(&[1; 65536 + 3]));
    assert_eq!(config.as_bytes(), b"abc");
    assert!(config.set(b"ab"));
    assert_eq!(config.as_bytes(), b"ab");
    assert_eq!(format!("{config:?}"), "\"ab\"");
    assert_eq!(ConfigString::default().as_bytes(), b"");
}

#[test]
fn escapes_that_are_none() {
    for bad in ["\\", "\\q", "\\x", "\\x4", "\\x4g"] {
        assert_eq!(
            ConfigString::from_escaped(bad.as_bytes()).map(|_| ()),
            None,
            "{bad}"
        );
    }
    assert!(ConfigString::from_escaped(&[b'a'; 1025]).is_none());
    assert!(ConfigString::from_escaped(&[b'a'; 1024]).is_some());
}

proptest! {
    #[test]
    fn a_string_is_what_it_is_shown_as(bytes in prop::collection::vec(any::<u8>(), 0..=1024)) {
        let mut string = ConfigString::new();
        prop_assert!(string.set(&bytes));
        let shown = string.to_string();
        prop_assert!(shown.is_ascii() && !shown.contains('\n'));
        let read = ConfigString::from_escaped(shown.as_bytes()).expect("a string");
        prop_assert_eq!(read.as_bytes(), &bytes[..]);
    }
}
