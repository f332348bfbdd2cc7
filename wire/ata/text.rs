// SPDX-License-Identifier: GPL-2.0

//! The text fields of IDENTIFY DEVICE: printable ASCII, padded with spaces. ACS, "ATA string".

use core::fmt;

/// Why some bytes cannot be the text of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextError {
    /// There are more than the field has room for.
    TooLong {
        /// The most characters.
        limit: usize,
    },
    /// One is not printable ASCII.
    NotPrintable,
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { limit } => write!(f, "more than {limit} characters"),
            Self::NotPrintable => f.write_str("not printable ASCII"),
        }
    }
}

/// Whether a text can be that of a field with so many characters.
///
/// # Errors
///
/// [`TextError`] if it cannot.
pub fn check(text: &str, limit: usize) -> Result<(), TextError> {
    if !text.bytes().all(is_printable) {
        return Err(TextError::NotPrintable);
    }
    if text.len() > limit {
        return Err(TextError::TooLong { limit });
    }
    Ok(())
}

/// A field of `N` characters.
///
/// As a [`fmt::Write`] it takes what fits, and drops what does not fit or is not printable.
///
/// # Invariants
///
/// All characters are printable ASCII; from `length` on, which is at most `N`, they are spaces.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Text<const N: usize> {
    characters: [u8; N],
    length: usize,
}

impl<const N: usize> Text<N> {
    /// Makes an empty field.
    pub const fn empty() -> Self {
        // INVARIANT: All spaces.
        Self {
            characters: [b' '; N],
            length: 0,
        }
    }

    /// Makes a field of `text`.
    ///
    /// # Errors
    ///
    /// [`TextError`] if it cannot be one.
    pub fn new(text: &str) -> Result<Self, TextError> {
        check(text, N)?;
        let mut field = Self::empty();
        field.append(text);
        Ok(field)
    }

    /// The text without the padding.
    pub fn as_str(&self) -> &str {
        let text = self.characters.get(..self.length).unwrap_or_default();
        core::str::from_utf8(text).unwrap_or_default()
    }

    /// The field with its padding.
    pub const fn as_bytes(&self) -> &[u8; N] {
        &self.characters
    }

    fn append(&mut self, text: &str) {
        for character in text.bytes().filter(|byte| is_printable(*byte)) {
            // INVARIANT: There was a place at `length`, so that `N` is one more at least.
            if let Some(place) = self.characters.get_mut(self.length) {
                *place = character;
                self.length = self.length.saturating_add(1);
            }
        }
    }
}

fn is_printable(byte: u8) -> bool {
    matches!(byte, b' '..=b'~')
}

impl<const N: usize> Default for Text<N> {
    fn default() -> Self {
        Self::empty()
    }
}

impl<const N: usize> fmt::Write for Text<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.append(text);
        Ok(())
    }
}

impl<const N: usize> fmt::Display for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<const N: usize> fmt::Debug for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}
