// SPDX-License-Identifier: GPL-2.0

//! The data of IDENTIFY DEVICE: 256 words by which a device describes itself. ACS, "IDENTIFY
//! DEVICE data". Words that are not set are 0: not supported, or not reported.

use core::fmt;

use super::lba::Capacity;
pub use super::text::Text;
use crate::aoe::size::SECTOR;

/// The bytes of the data.
pub const SIZE: usize = 512;

/// The words of the data.
const WORDS: usize = 256;

/// Words 3 and 6: the heads and sectors per track that a geometry is invented with.
const HEADS: u16 = 16;
const SECTORS_PER_TRACK: u16 = 63;
const SECTORS_PER_CYLINDER: u64 = 1008;

/// The most cylinders of a geometry.
const MAX_CYLINDERS: u16 = 16383;

/// The largest capacity that words 60-61 can tell.
const MAX_LBA28: u32 = 0x0fff_ffff;

/// The largest capacity that words 100-103 can tell.
const MAX_LBA48: u64 = 0xffff_ffff_ffff;

/// The largest physical sector that words 106 and 209 can tell, as an exponent of 2: word 209 has
/// 14 bits.
const MAX_EXPONENT: u32 = 14;

/// Word 255, low byte: the high byte is a checksum.
const SIGNATURE: u8 = 0xa5;

/// What the medium is, as far as turning goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rotation {
    /// Nothing is known.
    #[default]
    Unknown,
    /// It does not turn.
    None,
    /// It turns so often in a minute.
    Rpm(u16),
}

impl Rotation {
    /// Word 217.
    const fn word(self) -> u16 {
        match self {
            Self::None => 1,
            Self::Rpm(rpm @ 0x0401..=0xfffe) => rpm,
            Self::Unknown | Self::Rpm(_) => 0,
        }
    }
}

/// Physical sectors, where they are larger than 512 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PhysicalSector {
    /// The sectors of 512 bytes in one, as an exponent of 2.
    exponent: u16,
    /// The sectors of 512 bytes from the start of one to LBA 0.
    offset: u16,
}

impl PhysicalSector {
    /// Physical sectors of `size` bytes, of which the first that is whole begins `first_whole`
    /// bytes after LBA 0: what Linux calls the alignment offset of a block device.
    ///
    /// Returns 512-byte sectors if this is no size that can be told, and takes no `first_whole`
    /// that is not possible with the size.
    pub const fn new(size: u32, first_whole: u32) -> Self {
        if !size.is_power_of_two() || size <= SECTOR || size > SECTOR << MAX_EXPONENT {
            return Self {
                exponent: 0,
                offset: 0,
            };
        }
        // ATA counts the other way: from the start of the physical sector to LBA 0.
        let offset = match size.checked_sub(first_whole) {
            Some(bytes) if bytes < size && bytes % SECTOR == 0 => bytes / SECTOR,
            _ => 0,
        };
        Self {
            exponent: (size / SECTOR).trailing_zeros() as u16,
            offset: offset as u16,
        }
    }

    /// Words 106 and 209.
    const fn words(self) -> (u16, u16) {
        match self.exponent {
            0 => (0x4000, 0),
            exponent => (0x6000 | exponent, 0x4000 | self.offset),
        }
    }
}

/// What the device makes of TRIM.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TrimSupport {
    /// It has no TRIM.
    #[default]
    None,
    /// Reads after TRIM may return anything.
    Indeterminate,
    /// Reads after TRIM always return the same.
    Deterministic,
    /// Reads after TRIM return zeroes.
    Zeroes,
}

impl TrimSupport {
    /// Words 69, 105 and 169.
    const fn words(self) -> (u16, u16, u16) {
        match self {
            Self::None => (0, 0, 0),
            Self::Indeterminate => (0, 1, 1),
            Self::Deterministic => (1 << 14, 1, 1),
            Self::Zeroes => (1 << 14 | 1 << 5, 1, 1),
        }
    }
}

/// A world wide name: the number of a device that no other has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wwn(u64);

impl Wwn {
    /// Takes a name of the form that ATA knows: its highest digit is 5.
    pub const fn new(name: u64) -> Option<Self> {
        match name >> 60 {
            5 => Some(Self(name)),
            _ => None,
        }
    }

    /// Parses a name as it is shown: 16 hexadecimal digits, the first a 5.
    pub fn parse(text: &str) -> Option<Self> {
        let mut name = 0;
        for digit in text.chars() {
            name = name << 4 | u64::from(digit.to_digit(16)?);
        }
        Self::new(name).filter(|_| text.len() == 16)
    }
}

impl fmt::Display for Wwn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// What IDENTIFY DEVICE tells of a device. All interfaces of a target tell the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Serial number: initiators recognise a device by it.
    pub serial: Text<20>,
    /// Firmware revision.
    pub firmware: Text<8>,
    /// Model number.
    pub model: Text<40>,
    /// Size in sectors of 512 bytes.
    pub capacity: Capacity,
    /// Physical sectors.
    pub physical: PhysicalSector,
    /// World wide name, if there is one.
    pub wwn: Option<Wwn>,
    /// What the medium is.
    pub rotation: Rotation,
    /// What the device makes of TRIM.
    pub trim: TrimSupport,
    /// Whether a write that has been answered may be lost when the power fails.
    pub volatile_cache: bool,
}

impl Identity {
    /// The data as it is on the wire.
    pub fn to_bytes(self) -> [u8; SIZE] {
        let mut words = [0; WORDS];
        self.describe_kind(&mut words);
        self.describe_names(&mut words);
        self.describe_size(&mut words);
        self.describe_features(&mut words);
        let mut bytes = [0; SIZE];
        for (pair, word) in bytes.chunks_exact_mut(2).zip(words) {
            for (byte, value) in pair.iter_mut().zip(word.to_le_bytes()) {
                *byte = value;
            }
        }
        // Last, as it is made of all the rest.
        bytes[510] = SIGNATURE;
        let sum = bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
        bytes[511] = sum.wrapping_neg();
        bytes
    }

    /// What is the same for all devices.
    fn describe_kind(&self, words: &mut [u16; WORDS]) {
        // An ATA device, which needs no spin-up and whose data here is complete.
        words[0] = 0x0040;
        words[2] = 0xc837;
        // No READ MULTIPLE, no trusted computing.
        words[47] = 0x8000;
        words[48] = 0x4000;
        // LBA, DMA, IORDY. Initiators refuse a device without LBA.
        words[49] = 0x0b00;
        words[50] = 0x4000;
        // Words 54-58, 64-70 and 88 are valid.
        words[53] = 0x0007;
        // Transfer modes, which mean nothing on a network.
        words[63] = 0x0007;
        words[64] = 0x0003;
        words[65] = 0x0078;
        words[66] = 0x0078;
        words[67] = 0x0078;
        words[68] = 0x0078;
        words[88] = 0x203f;
        words[93] = 0x400b;
        // ATA-4 to ACS-2.
        words[80] = 0x03f0;
    }

    fn describe_names(&self, words: &mut [u16; WORDS]) {
        write_text(words, 10, self.serial.as_bytes());
        write_text(words, 23, self.firmware.as_bytes());
        write_text(words, 27, self.model.as_bytes());
        if let Some(Wwn(name)) = self.wwn {
            [words[111], words[110], words[109], words[108]] = quarters(name);
        }
    }

    fn describe_size(&self, words: &mut [u16; WORDS]) {
        let Capacity(capacity) = self.capacity;
        let cylinders = u16::try_from(capacity / SECTORS_PER_CYLINDER)
            .unwrap_or(MAX_CYLINDERS)
            .min(MAX_CYLINDERS);
        [words[1], words[3], words[6]] = [cylinders, HEADS, SECTORS_PER_TRACK];
        [words[54], words[55], words[56]] = [cylinders, HEADS, SECTORS_PER_TRACK];
        let in_geometry = u64::from(cylinders).saturating_mul(SECTORS_PER_CYLINDER);
        [words[57], words[58], _, _] = quarters(in_geometry);
        let lba28 = capacity.min(MAX_LBA28.into());
        [words[60], words[61], _, _] = quarters(lba28);
        [words[100], words[101], words[102], words[103]] = quarters(capacity.min(MAX_LBA48));
        (words[106], words[209]) = self.physical.words();
        words[217] = self.rotation.word();
    }

    fn describe_features(&self, words: &mut [u16; WORDS]) {
        // NOP, look-ahead, write cache, power management.
        words[82] = 0x4068;
        // FLUSH CACHE EXT, FLUSH CACHE, LBA of 48 bits.
        words[83] = 0x7400;
        words[84] = 0x4000;
        // What of these is enabled, in the same bits.
        words[85] = 0x4048;
        words[86] = 0x3400;
        if self.volatile_cache {
            words[85] |= 0x0020;
        }
        if self.wwn.is_some() {
            words[84] |= 0x0100;
        }
        words[87] = words[84];
        (words[69], words[105], words[169]) = self.trim.words();
    }
}

/// The 16-bit words of a number, lowest first.
const fn quarters(number: u64) -> [u16; 4] {
    let [a, b, c, d, e, f, g, h] = number.to_le_bytes();
    [
        u16::from_le_bytes([a, b]),
        u16::from_le_bytes([c, d]),
        u16::from_le_bytes([e, f]),
        u16::from_le_bytes([g, h]),
    ]
}

/// Writes text from the word `start` on. The first character of a pair is the high byte.
fn write_text(words: &mut [u16; WORDS], start: usize, text: &[u8]) {
    let mut characters = text.iter();
    for word in words.iter_mut().skip(start) {
        let (Some(first), Some(second)) = (characters.next(), characters.next()) else {
            return;
        };
        *word = u16::from_be_bytes([*first, *second]);
    }
}
