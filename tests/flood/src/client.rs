// SPDX-License-Identifier: GPL-2.0

//! A well-behaved client of the other disk: it writes and reads, and must be served all the time.

use std::error::Error;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use fastrand::Rng;
use kvblade_fuzz::OWN;

use crate::frame::{Kind, Tag, AOE, ATA, CLIENT, GOOD, NUMBERS};
use crate::socket::Sender;

const READ: u8 = 0x24;
const WRITE: u8 = 0x34;
const SECTOR: usize = 512;
/// The most sectors of one request, at an MTU of 9000.
const MAX_SECTORS: usize = 17;
/// Without an answer to so many copies of a request it is not served.
const COPIES: usize = 20;

/// The client.
pub struct Client<'a> {
    sender: Sender,
    answers: Receiver<Vec<u8>>,
    random: Rng,
    /// What the disk must hold.
    disk: Vec<u8>,
    number: u32,
    /// Counts the requests that were answered.
    served: &'a AtomicU64,
    retransmissions: u64,
}

impl<'a> Client<'a> {
    /// A client of a disk with so many sectors, which is handed its answers.
    pub fn new(
        sender: Sender,
        answers: Receiver<Vec<u8>>,
        seed: u64,
        sectors: usize,
        served: &'a AtomicU64,
    ) -> Self {
        Self {
            sender,
            answers,
            random: Rng::with_seed(!seed),
            disk: vec![0; sectors * SECTOR],
            number: 0,
            served,
            retransmissions: 0,
        }
    }

    /// Writes the whole disk, then writes and reads here and there until it is over; returns how
    /// many requests had to be sent again.
    pub fn run(mut self, is_over: &AtomicBool) -> Result<u64, Box<dyn Error>> {
        let capacity = self.disk.len() / SECTOR;
        for first in (0..capacity).step_by(MAX_SECTORS) {
            self.write(first, MAX_SECTORS.min(capacity - first))?;
        }
        while !is_over.load(Relaxed) {
            let sectors = self.random.usize(1..=MAX_SECTORS);
            let first = self.random.usize(..=capacity - sectors);
            if self.random.bool() {
                self.write(first, sectors)?;
            } else {
                let answer = self.exchange(READ, first, sectors)?;
                if answer[ATA..] != self.disk[SECTOR * first..][..SECTOR * sectors] {
                    return Err(format!("wrong data: {sectors} sectors from {first}").into());
                }
            }
        }
        Ok(self.retransmissions)
    }

    fn write(&mut self, first: usize, sectors: usize) -> Result<(), Box<dyn Error>> {
        let range = SECTOR * first..SECTOR * (first + sectors);
        self.random.fill(&mut self.disk[range]);
        self.exchange(WRITE, first, sectors).map(drop)
    }

    /// Sends a request again and again, under new tags, until it is answered.
    fn exchange(
        &mut self,
        opcode: u8,
        first: usize,
        sectors: usize,
    ) -> Result<Vec<u8>, Box<dyn Error>> {
        let range = SECTOR * first..SECTOR * (first + sectors);
        let flags = 0x40 | u8::from(opcode == WRITE);
        let mut frame = [&OWN[..], &CLIENT, &AOE.to_be_bytes(), &[0x10, 0], &GOOD].concat();
        frame.extend([0, 0, 0, 0, 0, flags, 0, sectors as u8, opcode]);
        frame.extend(&(first as u64).to_le_bytes()[..6]);
        frame.extend([0, 0]);
        if opcode == WRITE {
            frame.extend(&self.disk[range]);
        }
        let mut numbers = Vec::new();
        let mut wait = Duration::from_millis(100);
        loop {
            self.number = (self.number + 1) % NUMBERS;
            numbers.push(self.number);
            let tag = Tag {
                kind: Kind::Good,
                sender: 0,
                number: self.number,
                sectors: sectors as u8,
            };
            frame[20..24].copy_from_slice(&tag.bytes());
            self.sender.send(&frame, frame.len())?;
            if let Some(answer) = self.wait(&numbers, wait) {
                if (answer[14], answer[27]) != (0x18, 0x40) {
                    return Err(format!("refused: {answer:02x?}").into());
                }
                self.served.fetch_add(1, Relaxed);
                return Ok(answer);
            }
            if numbers.len() == COPIES {
                return Err(format!("{COPIES} copies of a request are not answered").into());
            }
            self.retransmissions += 1;
            wait = (2 * wait).min(Duration::from_secs(1));
        }
    }

    /// The answer to one of these requests; others are late.
    fn wait(&self, numbers: &[u32], wait: Duration) -> Option<Vec<u8>> {
        let deadline = Instant::now() + wait;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let answer = self.answers.recv_timeout(left).ok()?;
            if numbers.contains(&Tag::in_frame(&answer).number) {
                return Some(answer);
            }
        }
    }
}
