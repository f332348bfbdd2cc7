// SPDX-License-Identifier: GPL-2.0

//! Frames with something wrong: the conformance cases, mutated.

use fastrand::Rng;
use kvblade_fuzz::script::{Step, SOURCES};
use kvblade_fuzz::{cases, BROADCAST, OWN};

use crate::frame::{Tag, AOE, ATA, GOOD, HEADER, TARGET};

/// The shortest frame: an Ethernet header.
const SHORTEST: usize = 14;
const OPCODES: [u8; 20] = [
    0x00, 0x06, 0x20, 0x24, 0x25, 0x30, 0x34, 0x35, 0x3d, 0x40, 0x42, 0x90, 0xb0, 0xc8, 0xca, 0xe5,
    0xe7, 0xea, 0xec, 0xef,
];

/// An endless row of frames, which depends only on what it was made with.
pub struct Hostile {
    random: Rng,
    seeds: Vec<Vec<u8>>,
    sender: u8,
    number: u32,
    room: usize,
    capacity: u64,
    frame: Vec<u8>,
}

impl Hostile {
    /// The frames of one sender, for a disk of so many sectors and frames up to `room` bytes.
    pub fn new(seed: u64, sender: u8, room: usize, capacity: u64) -> Self {
        let steps = cases::all().into_iter().flat_map(|(_, steps)| steps);
        let seeds = steps.filter_map(|step| match step {
            Step::Frame(shot) => Some(shot.frame(0)),
            Step::Change(_) => None,
        });
        Self {
            random: Rng::with_seed(seed.wrapping_add(sender.into())),
            seeds: seeds.collect(),
            sender,
            number: 0,
            room,
            capacity,
            frame: Vec::with_capacity(room),
        }
    }

    /// The next frame, and how many of its bytes are not to be in pages: often only a part of
    /// the headers.
    pub fn shot(&mut self) -> (&[u8], usize) {
        let seed = self.random.usize(..self.seeds.len());
        self.frame.clone_from(&self.seeds[seed]);
        if self.random.u8(..4) > 0 {
            let source = SOURCES[usize::from(self.sender) % 3];
            self.frame[6..12].copy_from_slice(&source);
        }
        for _ in 0..self.random.u8(..4) {
            self.mutate();
        }
        self.frame.truncate(self.room);
        if self.frame.len() >= HEADER {
            if self.frame[16..19] == GOOD {
                self.frame[18] = TARGET[2];
            }
            let tag = Tag::of(&self.frame, self.sender, self.number);
            self.frame[20..HEADER].copy_from_slice(&tag.bytes());
        }
        self.number += 1;
        let most = match self.random.u8(..4) {
            0 => self.frame.len(),
            _ => self.frame.len().min(48),
        };
        let linear = self.random.usize(SHORTEST..=most);
        (&self.frame, linear)
    }

    fn mutate(&mut self) {
        let length = self.frame.len();
        match self.random.u8(..8) {
            0 => self.change_header(),
            1 => {
                let place = self.random.usize(..length.min(64));
                self.frame[place] ^= 1 << self.random.u8(..8);
            }
            2 | 3 => self.change_registers(),
            4 => {
                // Where lengths and counts are.
                let place = self.random.choice([25, 27, 29, 30, 31]).unwrap_or(30);
                let value = self.random.u8(..);
                self.put(place, &[value]);
            }
            5 => {
                let length = self.random.usize(SHORTEST..=length);
                self.frame.truncate(length);
            }
            6 => {
                let length = self.random.usize(length..=self.room.max(length));
                let filler = self.random.u8(..);
                self.frame.resize(length, filler);
            }
            _ => {
                let behind = self.frame.get_mut(HEADER..).unwrap_or_default();
                self.random.fill(behind);
            }
        }
    }

    fn change_header(&mut self) {
        let random = &mut self.random;
        match random.u8(..6) {
            0 => {
                let group = [0x01, 0, 0x5e, 0, 0, 1];
                let to = random.choice([OWN, BROADCAST, group, SOURCES[0]]);
                self.put(0, &to.unwrap_or(OWN));
            }
            1 => {
                let from = random.choice(SOURCES).unwrap_or(OWN);
                self.put(6, &from);
            }
            2 => {
                let version = random.choice([0x10, 0x13, 0x14, 0x18, 0x1c, 0x20, 0xff]);
                let error = random.u8(..);
                self.put(14, &[version.unwrap_or(0), error]);
            }
            3 => {
                let shelf = random.choice([0xff, TARGET[0], 0]).unwrap_or(0);
                self.put(16, &[shelf, shelf]);
            }
            4 => {
                let slot = random.choice([0xff, TARGET[2], 0]).unwrap_or(0);
                self.put(18, &[slot]);
            }
            _ => {
                let command = random.choice([0, 0, 1, 2, 3, 4, 0xf0]).unwrap_or(0);
                self.put(19, &[command]);
                self.put(12, &AOE.to_be_bytes());
            }
        }
    }

    /// Makes it an ATA command that is half right.
    fn change_registers(&mut self) {
        let random = &mut self.random;
        let flags = random.choice([0, 1, 0x40, 0x41, 0xff]).unwrap_or(0);
        let features = random.choice([0, 1, 2, 0xd0]).unwrap_or(0);
        let count = random.choice([0, 1, 2, 17, 18, 255]).unwrap_or(0);
        let opcode = random.choice(OPCODES).unwrap_or(0);
        let ends = [
            0,
            self.capacity - 17,
            self.capacity - 1,
            self.capacity,
            random.u64(..self.capacity),
            random.u64(..self.capacity),
            (1 << 28) - 1,
            1 << 28,
            (1 << 48) - 1,
        ];
        let lba = random.choice(ends).unwrap_or(0).to_le_bytes();
        self.put(19, &[0]);
        self.put(HEADER, &[flags, features, count, opcode]);
        self.put(HEADER + 4, &lba[..6]);
        // The data of a WRITE, as often as not all of them.
        if matches!(opcode, 0x30..=0x3d | 0xca) && self.random.bool() {
            self.frame.resize(ATA + 512 * usize::from(count), 0);
        }
    }

    /// Puts bytes in a place, as far as the frame has it.
    fn put(&mut self, place: usize, bytes: &[u8]) {
        let there = self.frame.get_mut(place..).unwrap_or_default();
        for (old, new) in there.iter_mut().zip(bytes) {
            *old = *new;
        }
    }
}
