// SPDX-License-Identifier: GPL-2.0

//! Addresses: of a NIC (MAC), of a target (shelf and slot), and of a request (shelf and slot,
//! of which either may be a wildcard). AoEr11 section 2.

use core::fmt;

/// The shelf in a request that stands for every shelf.
const ANY_SHELF: u16 = 0xffff;

/// The slot in a request that stands for every slot.
const ANY_SLOT: u8 = 0xff;

/// The shelf that Linux initiators refuse ("shelf address is all ones").
const LINUX_REFUSES: u32 = 0x0fff;

/// The address of an NIC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// The address that every NIC listens to.
    pub const BROADCAST: Self = Self([0xff; 6]);

    /// Whether this is the broadcast address or a multicast address: never that of one NIC.
    pub const fn is_group(self) -> bool {
        self.0[0] & 0x01 != 0
    }

    /// Parses an address as it is written: six pairs of hexadecimal digits between colons.
    pub fn parse(text: &str) -> Option<Self> {
        let mut octets = [0; 6];
        if text.len() != 17 {
            return None;
        }
        for (octet, digits) in octets.iter_mut().zip(text.as_bytes().chunks(3)) {
            let ([high, low, b':'] | [high, low]) = *digits else {
                return None;
            };
            let high = char::from(high).to_digit(16)?;
            let low = char::from(low).to_digit(16)?;
            *octet = u8::try_from(high << 4 | low).ok()?;
        }
        Some(Self(octets))
    }

    /// The address as a number, whose low 48 bits it takes.
    pub const fn to_number(self) -> u64 {
        let [a, b, c, d, e, g] = self.0;
        u64::from_be_bytes([0, 0, a, b, c, d, e, g])
    }

    /// The address that was made this number.
    pub const fn from_number(number: u64) -> Self {
        let [_, _, a, b, c, d, e, g] = number.to_be_bytes();
        Self([a, b, c, d, e, g])
    }

    /// Reads an address from the start of `bytes`.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        bytes.first_chunk().map(|octets| Self(*octets))
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// Why a shelf or a slot cannot be the address of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressError {
    /// The shelf is above 65534.
    ShelfRange(u32),
    /// The shelf is 4095, which Linux initiators refuse.
    ShelfReserved,
    /// The slot is above 254.
    SlotRange(u32),
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ShelfRange(shelf) => write!(f, "shelf {shelf}: must be 0 to 65534"),
            Self::ShelfReserved => f.write_str("shelf 4095: Linux initiators refuse this shelf"),
            Self::SlotRange(slot) => write!(f, "slot {slot}: must be 0 to 254"),
        }
    }
}

/// The shelf (major address) of a target: 0 to 65534 without 4095.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shelf(u16);

impl Shelf {
    /// Makes a shelf of a number.
    ///
    /// # Errors
    ///
    /// [`AddressError`] if a target cannot have it.
    pub fn new(shelf: u32) -> Result<Self, AddressError> {
        match u16::try_from(shelf) {
            Ok(_) if shelf == LINUX_REFUSES => Err(AddressError::ShelfReserved),
            Ok(number) if number != ANY_SHELF => Ok(Self(number)),
            _ => Err(AddressError::ShelfRange(shelf)),
        }
    }

    /// The number.
    pub const fn get(self) -> u16 {
        self.0
    }
}

/// The slot (minor address) of a target: 0 to 254.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(u8);

impl Slot {
    /// Makes a slot of a number.
    ///
    /// # Errors
    ///
    /// [`AddressError`] if a target cannot have it.
    pub fn new(slot: u32) -> Result<Self, AddressError> {
        match u8::try_from(slot) {
            Ok(number) if number != ANY_SLOT => Ok(Self(number)),
            _ => Err(AddressError::SlotRange(slot)),
        }
    }

    /// The number.
    pub const fn get(self) -> u8 {
        self.0
    }
}

/// The address of a target, shown as `SHELF.SLOT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShelfSlot {
    /// The shelf.
    pub shelf: Shelf,
    /// The slot.
    pub slot: Slot,
}

impl ShelfSlot {
    /// Makes an address of two numbers.
    ///
    /// # Errors
    ///
    /// [`AddressError`], which names the operand that a target cannot have.
    pub fn new(shelf: u32, slot: u32) -> Result<Self, AddressError> {
        Ok(Self {
            shelf: Shelf::new(shelf)?,
            slot: Slot::new(slot)?,
        })
    }

    /// The three bytes of the address in a frame.
    pub(super) const fn to_bytes(self) -> [u8; 3] {
        let [high, low] = self.shelf.0.to_be_bytes();
        [high, low, self.slot.0]
    }
}

impl fmt::Display for ShelfSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.shelf.0, self.slot.0)
    }
}

impl From<ShelfSlot> for Destination {
    fn from(address: ShelfSlot) -> Self {
        Self {
            shelf: address.shelf.0,
            slot: address.slot.0,
        }
    }
}

/// The target or targets that a frame is for, as the frame says it.
///
/// In a response it is the address of the target that answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Destination {
    /// The shelf, or 65535 for every shelf.
    pub shelf: u16,
    /// The slot, or 255 for every slot.
    pub slot: u8,
}

impl Destination {
    /// Every slot of a shelf.
    pub const fn all_of(shelf: Shelf) -> Self {
        Self {
            shelf: shelf.0,
            slot: ANY_SLOT,
        }
    }

    /// The three bytes of the address in a frame.
    pub(super) const fn to_bytes(self) -> [u8; 3] {
        let [high, low] = self.shelf.to_be_bytes();
        [high, low, self.slot]
    }

    /// Whether neither the shelf nor the slot is a wildcard.
    pub const fn is_exact(self) -> bool {
        self.shelf != ANY_SHELF && self.slot != ANY_SLOT
    }

    /// The one target that can match, if there is no wildcard. There is none either for an exact
    /// address that no target can have.
    pub fn exact(self) -> Option<ShelfSlot> {
        ShelfSlot::new(self.shelf.into(), self.slot.into()).ok()
    }

    /// Whether the frame is for the target with this address. The two wildcards are independent.
    pub const fn matches(self, address: ShelfSlot) -> bool {
        (self.shelf == ANY_SHELF || self.shelf == address.shelf.0)
            && (self.slot == ANY_SLOT || self.slot == address.slot.0)
    }
}
