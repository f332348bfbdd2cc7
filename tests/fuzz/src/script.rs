// SPDX-License-Identifier: GPL-2.0

//! The input of `blade`: a script of frames and of changes around the blade.
//!
//! Frames are not given byte by byte but in terms that let most of them reach the blade. A change
//! is five bytes, a frame nine and its argument:
//!
//! ```text
//! 80h|FLAGS MTU(2) EXPONENT OFFSET
//! ROUTE COMMAND VERSION^10h TAG FAULT LENGTH(2) FILL(2) [PLACE XOR if ROUTE bit 6] ARGUMENT...
//! ```

use crate::{BROADCAST, OWN, SHELF, SLOT};

/// Those who send frames: initiators, then addresses that nothing may come from.
pub const SOURCES: [[u8; 6]; 8] = [
    [0x02, 0, 0, 0, 0, 0x1a],
    [0x02, 0, 0, 0, 0, 0x1b],
    [0x02, 0, 0, 0, 0, 0x1c],
    [0, 0, 0, 0, 0, 0],
    [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff],
    OWN,
    [0x01, 0, 0x5e, 0, 0, 1],
    BROADCAST,
];

/// Bits of a route: the source is in the lowest three.
pub const TO_ALL: u8 = 0x08;
/// The shelf is the wildcard.
pub const ANY_SHELF: u8 = 0x10;
/// The slot is the wildcard.
pub const ANY_SLOT: u8 = 0x20;
/// A byte of the header is changed.
const PATCHED: u8 = 0x40;
/// This is no frame but a change.
const CHANGE: u8 = 0x80;

/// The most bytes of filling of a frame.
const MOST_FILL: u16 = 16 << 10;

/// What surrounds a blade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct World {
    /// The MTU of the card.
    pub mtu: u16,
    /// The disk has 2 to this sectors ...
    pub exponent: u8,
    /// ... and so many more.
    pub offset: i8,
    /// Nothing may be written.
    pub read_only: bool,
    /// The disk has TRIM.
    pub trim: bool,
    /// The administrator has taken the disk out of use.
    pub offline: bool,
    /// Which of the access lists there are.
    pub lists: Lists,
    /// What ATA commands are not served for.
    pub trouble: Trouble,
}

/// Access lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lists {
    /// Everyone may do everything.
    Open,
    /// The first initiator may not write.
    Reader,
    /// The first two may read, the second may write as well, and nobody may change lists or the string.
    Named,
    /// All but the first may read, and all may write.
    Writer,
}

impl Lists {
    const ALL: [Self; 4] = [Self::Open, Self::Reader, Self::Named, Self::Writer];
}

/// What ATA commands are not served for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// They are served.
    None,
    /// Another target has the address, and they are refused.
    Conflict,
    /// Another target has the address, and they are not answered.
    SilentConflict,
    /// The device has been taken away.
    Gone,
}

impl Trouble {
    const ALL: [Self; 4] = [Self::None, Self::Conflict, Self::SilentConflict, Self::Gone];
}

impl World {
    /// An Ethernet card, and a disk of 64 sectors.
    pub const USUAL: Self = Self {
        mtu: 1500,
        exponent: 6,
        offset: 0,
        read_only: false,
        trim: true,
        offline: false,
        lists: Lists::Open,
        trouble: Trouble::None,
    };

    /// The sectors of the disk.
    pub fn capacity(&self) -> u64 {
        let power = 1_i128 << (self.exponent % 65);
        (power + i128::from(self.offset)).clamp(0, u64::MAX.into()) as u64
    }

    fn decode([flags, low, high, exponent, offset]: [u8; 5]) -> Self {
        Self {
            mtu: u16::from_le_bytes([low, high]),
            exponent,
            offset: offset as i8,
            read_only: flags & 1 != 0,
            trim: flags & 2 != 0,
            offline: flags & 4 != 0,
            lists: Lists::ALL[usize::from(flags >> 3 & 3)],
            trouble: Trouble::ALL[usize::from(flags >> 5 & 3)],
        }
    }

    /// The five bytes of a change to this.
    pub fn encode(&self) -> [u8; 5] {
        let flags = [self.read_only, self.trim, self.offline];
        let flags = (0..).zip(flags).map(|(bit, flag)| u8::from(flag) << bit);
        let [low, high] = self.mtu.to_le_bytes();
        let chosen = (self.lists as u8) << 3 | (self.trouble as u8) << 5;
        let flags = CHANGE | flags.sum::<u8>() | chosen;
        [flags, low, high, self.exponent, self.offset as u8]
    }
}

/// How the disk fails an access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Not at all.
    None,
    /// For some reason.
    Other,
    /// The medium is bad, somewhere or at this sector of the range.
    Medium(Option<u8>),
}

/// A frame, and what the disk makes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shot {
    /// Source, and how the blade is addressed.
    pub route: u8,
    /// AoE command.
    pub command: u8,
    /// Version and flags.
    pub version: u8,
    /// All four bytes of the tag.
    pub tag: u8,
    /// 0 none, 1 other, 2 the medium somewhere, others the medium at a sector.
    pub fault: u8,
    /// A byte of the header, and the bits of it that change.
    pub patch: Option<(u8, u8)>,
    /// What follows the header.
    pub argument: Vec<u8>,
    /// Bytes that follow the argument.
    pub fill: u16,
}

impl Shot {
    /// The frame, which is filled up with `filler`.
    pub fn frame(&self, filler: u8) -> Vec<u8> {
        let mut frame = Vec::with_capacity(60);
        let is = |flag| self.route & flag != 0;
        frame.extend(if is(TO_ALL) { BROADCAST } else { OWN });
        frame.extend(SOURCES[usize::from(self.route & 7)]);
        frame.extend([0x88, 0xa2, self.version, 0]);
        frame.extend(if is(ANY_SHELF) { 0xffff } else { SHELF }.to_be_bytes());
        frame.push(if is(ANY_SLOT) { 0xff } else { SLOT });
        frame.extend([self.command, self.tag, self.tag, self.tag, self.tag]);
        if let Some((place, change)) = self.patch {
            let place = usize::from(place) % frame.len();
            frame[place] ^= change;
        }
        frame.extend(&self.argument);
        let fill = self.fill.min(MOST_FILL);
        frame.extend((0..fill).map(|place| filler ^ (place >> 9) as u8));
        frame
    }

    /// How the disk fails.
    pub fn fault(&self) -> Fault {
        match self.fault {
            0 => Fault::None,
            1 => Fault::Other,
            2 => Fault::Medium(None),
            place => Fault::Medium(Some(place - 3)),
        }
    }

    fn decode(input: &mut &[u8]) -> Option<Self> {
        let (fixed, mut rest) = input.split_first_chunk::<9>()?;
        let [route, command, version, tag, fault, l0, l1, f0, f1] = *fixed;
        let mut patch = None;
        if route & PATCHED != 0 {
            let ([place, change], behind) = rest.split_first_chunk()?;
            (patch, rest) = (Some((*place, *change)), behind);
        }
        let length = usize::from(u16::from_le_bytes([l0, l1])).min(rest.len());
        let (argument, rest) = rest.split_at(length);
        *input = rest;
        Some(Self {
            route,
            command,
            version: version ^ 0x10,
            tag,
            fault,
            patch,
            argument: argument.to_vec(),
            fill: u16::from_le_bytes([f0, f1]),
        })
    }

    /// The bytes of this frame in a script.
    pub fn encode(&self) -> Vec<u8> {
        let [l0, l1] = (self.argument.len() as u16).to_le_bytes();
        let [f0, f1] = self.fill.to_le_bytes();
        let route = self.route | self.patch.map_or(0, |_| PATCHED);
        let version = self.version ^ 0x10;
        let (command, tag, fault) = (self.command, self.tag, self.fault);
        let mut bytes = vec![route, command, version, tag, fault, l0, l1, f0, f1];
        bytes.extend(self.patch.into_iter().flat_map(|(a, b)| [a, b]));
        bytes.extend(&self.argument);
        bytes
    }
}

/// A step of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The world is so from now on.
    Change(World),
    /// A frame comes.
    Frame(Shot),
}

/// The steps of a script, until its bytes are used up.
pub fn steps(mut input: &[u8]) -> impl Iterator<Item = Step> + '_ {
    std::iter::from_fn(move || match input {
        [first, low, high, exponent, offset, rest @ ..] if first & CHANGE != 0 => {
            let world = World::decode([*first, *low, *high, *exponent, *offset]);
            input = rest;
            Some(Step::Change(world))
        }
        [first, ..] if first & CHANGE != 0 => None,
        _ => Shot::decode(&mut input).map(Step::Frame),
    })
}
