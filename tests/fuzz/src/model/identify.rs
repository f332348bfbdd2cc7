// SPDX-License-Identifier: GPL-2.0

//! The data of IDENTIFY DEVICE, word by word.

use crate::script::World;
use crate::NAMES;

/// The words that never change.
const FIXED: &[(usize, u16)] = &[
    (0, 0x0040),
    (2, 0xc837),
    (3, 16),
    (6, 63),
    (47, 0x8000),
    (48, 0x4000),
    (49, 0x0b00),
    (50, 0x4000),
    (53, 0x0007),
    (55, 16),
    (56, 63),
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
    (86, 0x3400),
    (87, 0x4000),
    (88, 0x203f),
    (93, 0x400b),
    // Physical sectors of 4096 bytes, LBA 0 in the second 512 bytes of one. It does not turn.
    (106, 0x6003),
    (209, 0x4001),
    (217, 1),
];

pub(super) fn block(world: &World) -> Vec<u8> {
    let mut words = [0_u16; 256];
    for (word, value) in FIXED {
        words[*word] = *value;
    }
    for (start, length, name) in [(10, 20, NAMES[0]), (23, 8, NAMES[1]), (27, 40, NAMES[2])] {
        let padded = format!("{name:length$}");
        for (word, pair) in words[start..].iter_mut().zip(padded.as_bytes().chunks(2)) {
            *word = u16::from(pair[0]) << 8 | u16::from(pair[1]);
        }
    }
    let capacity = world.capacity();
    let cylinders = (capacity / 1008).min(16383);
    (words[1], words[54]) = (cylinders as u16, cylinders as u16);
    put(&mut words[57..59], cylinders * 1008);
    put(&mut words[60..62], capacity.min(0x0fff_ffff));
    put(&mut words[100..104], capacity.min(0xffff_ffff_ffff));
    if world.trim {
        (words[69], words[105], words[169]) = (0x4020, 1, 1);
    }
    words[85] = if world.read_only { 0x4068 } else { 0x4048 };
    words[255] = 0xa5;
    let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let sum: u32 = bytes.iter().map(|byte| u32::from(*byte)).sum();
    bytes[511] = ((256 - sum % 256) % 256) as u8;
    bytes
}

/// Writes a number, the low word first.
fn put(words: &mut [u16], number: u64) {
    for (index, word) in words.iter_mut().enumerate() {
        *word = (number >> (16 * index)) as u16;
    }
}
