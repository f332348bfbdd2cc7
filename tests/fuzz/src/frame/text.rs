// SPDX-License-Identifier: GPL-2.0

//! What is read from text and shown as text.

use kvblade_wire::aoe::{ConfigString, Mac};
use kvblade_wire::ata::{
    Capacity, Identity, PhysicalSector, Rotation, Text, TextError, TrimSupport, Wwn,
};

pub(super) fn check(bytes: &[u8]) {
    config_strings_survive_being_shown(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        if let Some(mac) = Mac::parse(text) {
            assert_eq!(mac.to_string(), text.to_ascii_lowercase());
        }
        names(text);
    }
    identity(bytes);
}

fn config_strings_survive_being_shown(bytes: &[u8]) {
    let mut string = ConfigString::new();
    assert_eq!(string.set(bytes), bytes.len() <= 1024);
    let shown = string.to_string();
    let again = ConfigString::from_escaped(shown.as_bytes()).expect("its own escapes");
    assert_eq!(again.as_bytes(), string.as_bytes());
    if let Some(string) = ConfigString::from_escaped(bytes) {
        let again = ConfigString::from_escaped(string.to_string().as_bytes());
        assert_eq!(
            again.expect("its own escapes").as_bytes(),
            string.as_bytes()
        );
    }
}

fn names(text: &str) {
    let is_printable = text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    match Text::<20>::new(text) {
        Ok(name) => assert_eq!(name.as_str(), text),
        Err(TextError::NotPrintable) => assert!(!is_printable),
        Err(TextError::TooLong { limit }) => assert!(is_printable && text.len() > limit),
    }
}

/// The sum is zero, the texts are where they belong, and the sizes are never more than the disk.
fn identity(bytes: &[u8]) {
    let number = |place: usize| {
        let bytes = bytes.get(place..).and_then(<[u8]>::first_chunk);
        u64::from_le_bytes(bytes.copied().unwrap_or_default())
    };
    let mut serial = Text::<20>::empty();
    let _ = std::fmt::Write::write_str(&mut serial, &String::from_utf8_lossy(bytes));
    let (capacity, kind) = (number(0), number(16));
    let block = Identity {
        serial,
        firmware: Text::empty(),
        model: Text::empty(),
        capacity: Capacity(capacity),
        physical: PhysicalSector::new(number(24) as u32, number(28) as u32),
        wwn: Wwn::new(number(8)),
        rotation: [
            Rotation::Unknown,
            Rotation::None,
            Rotation::Rpm(kind as u16),
        ][(kind >> 16) as usize % 3],
        trim: [TrimSupport::None, TrimSupport::Zeroes][(kind >> 24) as usize % 2],
        volatile_cache: kind >> 32 & 1 != 0,
    }
    .to_bytes();
    let sum = block.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    assert_eq!((sum, block[510]), (0, 0xa5));
    let shown = block[20..40].chunks(2).flat_map(|pair| [pair[1], pair[0]]);
    assert!(shown.eq(serial.as_bytes().iter().copied()));
    let word = |n: usize| u64::from(u16::from_le_bytes([block[2 * n], block[2 * n + 1]]));
    assert!(word(60) | word(61) << 16 <= capacity);
    assert!(word(100) | word(101) << 16 | word(102) << 32 | word(103) << 48 <= capacity);
    assert!(word(1) * word(3) * word(6) <= capacity);
    assert_eq!(
        word(106) >> 12 & 0b1101,
        0b0100,
        "no larger logical sectors"
    );
    let per_physical = 1_u64 << (word(106) & 0xf);
    assert!(
        word(209) & 0x3fff < per_physical,
        "LBA 0 is in the first physical sector"
    );
}
