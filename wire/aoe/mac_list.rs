// SPDX-License-Identifier: GPL-2.0

//! A bounded list of MAC addresses: those that a mask lets through, or those that hold a
//! reservation.

use core::fmt;

use super::address::Mac;

/// The most addresses in a list: so many that a list always fits a frame of the smallest MTU.
pub const CAPACITY: usize = 128;

/// A list with room for one address more was needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// Why a text is no list of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MacListError<'a> {
    /// This word is not the address of a single NIC.
    Word(&'a str),
    /// There are more than a list has room for.
    Full,
}

impl fmt::Display for MacListError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => write!(f, "{word}: not the address of a card"),
            Self::Full => write!(f, "there is room for {CAPACITY} addresses"),
        }
    }
}

/// A list of addresses in the order in which they were added, none twice.
///
/// # Invariants
///
/// `length` is at most [`CAPACITY`].
#[derive(Clone, Debug)]
pub struct MacList {
    length: u8,
    macs: [Mac; CAPACITY],
}

impl MacList {
    /// Makes an empty list.
    pub const fn new() -> Self {
        // INVARIANT: 0 is at most the capacity.
        Self {
            length: 0,
            macs: [Mac([0; 6]); CAPACITY],
        }
    }

    /// The list of addresses in a text, between commas or white space.
    ///
    /// # Errors
    ///
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, MacListError<'_>> {
        let mut macs = Self::new();
        let separator = |character: char| character == ',' || character.is_ascii_whitespace();
        for word in text.split(separator).filter(|word| !word.is_empty()) {
            let mac = Mac::parse(word).filter(|mac| !mac.is_group());
            let mac = mac.ok_or(MacListError::Word(word))?;
            macs.add(mac).map_err(|Full| MacListError::Full)?;
        }
        Ok(macs)
    }

    /// The addresses.
    pub fn as_slice(&self) -> &[Mac] {
        self.macs.get(..self.length.into()).unwrap_or_default()
    }

    /// How many addresses there are.
    pub const fn length(&self) -> u8 {
        self.length
    }

    /// Whether there is no address, which means that the list excludes nobody.
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Whether `mac` is on the list.
    pub fn contains(&self, mac: Mac) -> bool {
        self.as_slice().contains(&mac)
    }

    /// Whether the list is in force and `mac` is not on it.
    pub fn excludes(&self, mac: Mac) -> bool {
        !self.is_empty() && !self.contains(mac)
    }

    /// Adds an address, unless it is there already.
    ///
    /// # Errors
    ///
    /// [`Full`] if there is no room for it.
    pub fn add(&mut self, mac: Mac) -> Result<(), Full> {
        if self.contains(mac) {
            return Ok(());
        }
        let place = self.macs.get_mut(usize::from(self.length)).ok_or(Full)?;
        *place = mac;
        // INVARIANT: There was a place at `length`, so that the capacity is one more at least.
        self.length = self.length.saturating_add(1);
        Ok(())
    }

    /// Removes an address, if it is there.
    pub fn remove(&mut self, mac: Mac) {
        let Some(position) = self.as_slice().iter().position(|entry| *entry == mac) else {
            return;
        };
        let length = usize::from(self.length);
        // Moves all behind it one to the front, beginning with the last.
        let mut moving = Mac::default();
        let places = self.macs.get_mut(position..length).unwrap_or_default();
        for place in places.iter_mut().rev() {
            core::mem::swap(place, &mut moving);
        }
        self.length = self.length.saturating_sub(1);
    }

    /// Removes all addresses.
    pub fn clear(&mut self) {
        self.length = 0;
    }
}

impl Default for MacList {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for MacList {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for MacList {}
