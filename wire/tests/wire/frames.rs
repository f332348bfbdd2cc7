// SPDX-License-Identifier: GPL-2.0

//! Frames for the tests, as an initiator sends them.

use kvblade_wire::aoe::Mac;
use kvblade_wire::aoe::ShelfSlot;

/// The NIC of the initiator.
pub(crate) const INITIATOR: Mac = Mac([0x02, 0, 0, 0, 0, 0x1a]);

/// The NIC of the target.
pub(crate) const OWN: Mac = Mac([0x02, 0, 0, 0, 0, 0x0f]);

/// The bytes that a text of hexadecimal digits and white space stands for.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    assert_eq!(digits.len() % 2, 0, "an odd number of digits");
    (0..digits.len())
        .step_by(2)
        .map(|start| u8::from_str_radix(&digits[start..start + 2], 16).expect("digits"))
        .collect()
}

/// Joins parts of a frame.
pub(crate) fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// A request to 258.3 with the tag 80000001h: header with `command`, then `argument`.
pub(crate) fn request(command: u8, argument: &[u8]) -> Vec<u8> {
    join(&[
        &OWN.0,
        &INITIATOR.0,
        &hex("88a2 10 00 0102 03"),
        &[command],
        &hex("80000001"),
        argument,
    ])
}

/// The address that [`request`] is for.
pub(crate) fn own_address() -> ShelfSlot {
    ShelfSlot::new(258, 3).expect("an address")
}

/// A MAC that ends with `last`.
pub(crate) fn mac(last: u8) -> Mac {
    Mac([0x02, 0x11, 0x22, 0x33, 0x44, last])
}
