// SPDX-License-Identifier: GPL-2.0

//! The data of IDENTIFY DEVICE, word by word.

use std::collections::BTreeMap;
use std::fmt::Write;

use kvblade_wire::ata::Capacity;
use kvblade_wire::ata::Identity;
use kvblade_wire::ata::PhysicalSector;
use kvblade_wire::ata::Rotation;
use kvblade_wire::ata::Text;
use kvblade_wire::ata::TextError;
use kvblade_wire::ata::TrimSupport;
use kvblade_wire::ata::Wwn;

/// A device of 3 GiB with nothing special.
fn plain() -> Identity {
    Identity {
        serial: Text::new("0.1-89ABCDEF").expect("a text"),
        firmware: Text::new("0.1").expect("a text"),
        model: Text::new("kvblade_rs").expect("a text"),
        capacity: Capacity(6_291_456),
        physical: PhysicalSector::default(),
        wwn: None,
        rotation: Rotation::Unknown,
        trim: TrimSupport::None,
        volatile_cache: false,
    }
}

fn words(identity: &Identity) -> Vec<u16> {
    identity
        .to_bytes()
        .chunks(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
        .collect()
}

/// Checks that the words of `identity` differ from those of [`plain`] in these only.
fn assert_changes(identity: &Identity, changes: &[(usize, u16)]) {
    let (before, after) = (words(&plain()), words(identity));
    let differing: Vec<_> = (0..255)
        .filter(|word| before[*word] != after[*word])
        .map(|word| (word, after[word]))
        .collect();
    assert_eq!(differing, changes);
}

#[test]
fn every_word_of_a_plain_device() {
    let expected = BTreeMap::from([
        (0, 0x0040),
        (1, 6241),
        (2, 0xc837),
        (3, 16),
        (6, 63),
        // "0.1-89ABCDEF", padded to 20 characters.
        (10, 0x302e),
        (11, 0x312d),
        (12, 0x3839),
        (13, 0x4142),
        (14, 0x4344),
        (15, 0x4546),
        (16, 0x2020),
        (17, 0x2020),
        (18, 0x2020),
        (19, 0x2020),
        // "0.1", padded to 8.
        (23, 0x302e),
        (24, 0x3120),
        (25, 0x2020),
        (26, 0x2020),
        // "kvblade_rs"; the padding to 40 is added below.
        (27, 0x6b76),
        (28, 0x626c),
        (29, 0x6164),
        (30, 0x655f),
        (31, 0x7273),
        (47, 0x8000),
        (48, 0x4000),
        (49, 0x0b00),
        (50, 0x4000),
        (53, 0x0007),
        (54, 6241),
        (55, 16),
        (56, 63),
        // 6241 * 16 * 63 = 6290928 = 5ffdf0h.
        (57, 0xfdf0),
        (58, 0x005f),
        // 6291456 = 600000h.
        (60, 0x0000),
        (61, 0x0060),
        (63, 0x0007),
        (64, 0x0003),
        (65, 0x0078),
        (66, 0x0078),
        (67, 0x0078),
        (68, 0x0078),
        (80, 0x03f0),
        (82, 0x4068),
        (83, 0x7400),
        (84, 0x4000),
        (85, 0x4048),
        (86, 0x3400),
        (87, 0x4000),
        (88, 0x203f),
        (93, 0x400b),
        (100, 0x0000),
        (101, 0x0060),
        (106, 0x4000),
    ]);
    for (word, value) in words(&plain()).into_iter().enumerate().take(255) {
        let padding = if (32..47).contains(&word) { 0x2020 } else { 0 };
        let expected = expected.get(&word).copied().unwrap_or(padding);
        assert_eq!(value, expected, "word {word}");
    }
}

#[test]
fn pairs_of_characters_are_swapped_on_the_wire() {
    let mut identity = plain();
    identity.model = Text::new("AB").expect("a text");
    assert_eq!(identity.to_bytes()[54..58], *b"BA  ");
}

#[test]
fn integrity_word() {
    let bytes = plain().to_bytes();
    assert_eq!(bytes[510], 0xa5);
    let sum: u32 = bytes.iter().map(|byte| u32::from(*byte)).sum();
    assert_eq!(sum % 256, 0);
}

#[test]
fn capacities() {
    for (capacity, cylinders, lba28) in [
        (0, 0, 0),
        (1, 0, 1),
        (1007, 0, 1007),
        (1008, 1, 1008),
        (16383 * 1008, 16383, 16383 * 1008),
        (16384 * 1008, 16383, 16384 * 1008),
        (0x0fff_fffe, 16383, 0x0fff_fffe),
        (0x0fff_ffff, 16383, 0x0fff_ffff),
        (0x1000_0000, 16383, 0x0fff_ffff),
        (0x1_0000_0001, 16383, 0x0fff_ffff),
        (0x7fff_ffff_ffff, 16383, 0x0fff_ffff),
    ] {
        let identity = Identity {
            capacity: Capacity(capacity),
            ..plain()
        };
        let words = words(&identity);
        let number = |range: std::ops::Range<usize>| {
            let digits = words[range].iter().rev();
            digits.fold(0, |number, word| number << 16 | u64::from(*word))
        };
        assert_eq!(number(100..104), capacity);
        assert_eq!(number(60..62), lba28);
        assert_eq!(words[1], cylinders);
        assert_eq!(words[54], cylinders);
        assert_eq!(number(57..59), u64::from(cylinders) * 1008);
    }
}

#[test]
fn physical_sectors() {
    for (size, first_whole, word_106, word_209) in [
        (4096, 0, 0x6003, 0x4000),
        (8192, 0, 0x6004, 0x4000),
        (1024, 0, 0x6001, 0x4000),
        // The first whole physical sector begins at LBA 1 or 7 of 8.
        (4096, 512, 0x6003, 0x4007),
        (4096, 3584, 0x6003, 0x4001),
        // Not possible.
        (4096, 4096, 0x6003, 0x4000),
        (4096, 100, 0x6003, 0x4000),
        (4096, u32::MAX, 0x6003, 0x4000),
        (512 << 14, 512, 0x600e, 0x7fff),
    ] {
        let identity = Identity {
            physical: PhysicalSector::new(size, first_whole),
            ..plain()
        };
        assert_changes(&identity, &[(106, word_106), (209, word_209)]);
    }
    for size in [0, 256, 512, 520, 3072, 512 << 15, u32::MAX] {
        let identity = Identity {
            physical: PhysicalSector::new(size, 0),
            ..plain()
        };
        assert_changes(&identity, &[]);
    }
}

#[test]
fn world_wide_name() {
    let identity = Identity {
        wwn: Wwn::new(0x5123_4567_89ab_cdef),
        ..plain()
    };
    assert_changes(
        &identity,
        &[
            (84, 0x4100),
            (87, 0x4100),
            (108, 0x5123),
            (109, 0x4567),
            (110, 0x89ab),
            (111, 0xcdef),
        ],
    );
    assert_eq!(Wwn::new(0x6123_4567_89ab_cdef), None);
    assert_eq!(Wwn::new(0), None);
}

#[test]
fn rotation() {
    for (rotation, word) in [
        (Rotation::None, 1),
        (Rotation::Rpm(7200), 7200),
        (Rotation::Rpm(0x0401), 0x0401),
        (Rotation::Rpm(0xfffe), 0xfffe),
    ] {
        let identity = Identity {
            rotation,
            ..plain()
        };
        assert_changes(&identity, &[(217, word)]);
    }
    for rpm in [0, 1, 0x0400, 0xffff] {
        let identity = Identity {
            rotation: Rotation::Rpm(rpm),
            ..plain()
        };
        assert_changes(&identity, &[]);
    }
}

#[test]
fn trim() {
    let identity = |trim| Identity { trim, ..plain() };
    assert_changes(&identity(TrimSupport::Indeterminate), &[(105, 1), (169, 1)]);
    assert_changes(
        &identity(TrimSupport::Deterministic),
        &[(69, 0x4000), (105, 1), (169, 1)],
    );
    assert_changes(
        &identity(TrimSupport::Zeroes),
        &[(69, 0x4020), (105, 1), (169, 1)],
    );
}

#[test]
fn a_volatile_cache_is_told() {
    let identity = Identity {
        volatile_cache: true,
        ..plain()
    };
    assert_changes(&identity, &[(85, 0x4068)]);
}

#[test]
fn text_takes_printable_ascii_that_fits() {
    let text = Text::<8>::new("kv 1~").expect("a text");
    assert_eq!(text.as_str(), "kv 1~");
    assert_eq!(text.as_bytes(), b"kv 1~   ");
    assert_eq!(text.to_string(), "kv 1~");
    assert_eq!(
        Text::<8>::new("12345678").expect("a text").as_str(),
        "12345678"
    );
    let error = Text::<8>::new("123456789").expect_err("too long");
    assert_eq!(error, TextError::TooLong { limit: 8 });
    assert_eq!(error.to_string(), "more than 8 characters");
    for text in ["a\n", "\0", "\u{7f}", "\u{e9}"] {
        let error = Text::<8>::new(text).expect_err("not printable");
        assert_eq!(error, TextError::NotPrintable);
        assert_eq!(error.to_string(), "not printable ASCII");
    }
    assert_eq!(Text::<8>::default().as_bytes(), b"        ");
}

#[test]
fn text_that_is_written_keeps_what_fits() {
    let mut text = Text::<8>::default();
    write!(text, "abc-{}\ndefgh", 12).expect("never fails");
    assert_eq!(text.as_str(), "abc-12de");
    assert_eq!(format!("{text:?}"), "\"abc-12de\"");
}

#[test]
fn world_wide_name_as_it_is_written() {
    let name = Wwn::parse("50014ee2b4D1f09a").expect("a name");
    assert_eq!(name.to_string(), "50014ee2b4d1f09a");
    assert_eq!(Some(name), Wwn::new(0x5001_4ee2_b4d1_f09a));
    for bad in [
        "",
        "5",
        "50014ee2b4d1f09",
        "50014ee2b4d1f09a0",
        "60014ee2b4d1f09a",
        "0x50014ee2b4d1f0",
        "50014ee2b4d1f09g",
        "+0014ee2b4d1f09a",
        "5001 4ee2b4d1f09",
    ] {
        assert_eq!(Wwn::parse(bad), None, "{bad}");
    }
}
