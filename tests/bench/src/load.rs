// SPDX-License-Identifier: GPL-2.0

//! A window of requests that is kept full.

use std::arch::x86_64::_rdtsc;
use std::error::Error;
use std::str::FromStr;

use socket2::Socket;

use crate::mark;
use crate::socket::Batch;

/// The EtherType of AoE.
pub const AOE: u16 = 0x88a2;

/// The bytes before an ATA command's data.
const ATA: usize = 36;
/// The shortest frame on a wire.
const SHORTEST: usize = 60;
const SECTOR: usize = 512;
/// Bytes of an answer that are looked at.
const SEEN: usize = 64;

/// The processor's clock.
fn clock() -> u64 {
    // SAFETY: Every x86 processor that runs Linux has this instruction.
    unsafe { _rdtsc() }
}

/// What is measured: `read` or `write`, sectors of a request, requests in flight.
#[derive(Clone, Copy)]
pub struct Cell {
    is_write: bool,
    sectors: usize,
    window: usize,
    /// Whether it is noted how long each request takes.
    times_each: bool,
}

impl FromStr for Cell {
    type Err = Box<dyn Error>;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<_> = text.split(':').collect();
        let (&[operation @ ("read" | "write"), sectors, window]
        | &[operation @ ("read" | "write"), sectors, window, "each"]) = &parts[..]
        else {
            return Err(format!("not like read:8:16 or read:8:1:each: {text}").into());
        };
        Ok(Self {
            is_write: operation == "write",
            sectors: sectors.parse()?,
            window: window.parse()?,
            times_each: parts.len() > 3,
        })
    }
}

/// Between whom the requests go in turn.
#[derive(Clone, Copy)]
pub struct Crowd {
    /// So many targets: that of number `i` is `i / 128`.`i % 128`.
    pub targets: u32,
    /// The number of the first.
    pub first: u32,
    /// Initiators: after the first, which has the interface's address, come local ones.
    pub initiators: u32,
}

/// The load of a cell.
pub struct Load<'a> {
    socket: &'a Socket,
    cell: Cell,
    crowd: Crowd,
    from: [u8; 6],
    /// One frame for each request in flight.
    requests: Batch,
    answers: Batch,
    /// The requests that are to be sent.
    ready: Vec<usize>,
    /// The number of the last request.
    number: u32,
    /// When each request in flight was made, and how long those took that have been answered, if that is
    /// noted.
    made: Vec<u64>,
    times: Vec<u64>,
    /// Places of this size on the disk are used, each about as often as any other.
    places: u64,
}

impl<'a> Load<'a> {
    /// A load for targets at `to`, with disks of so many sectors.
    pub fn new(
        socket: &'a Socket,
        cell: Cell,
        crowd: Crowd,
        from: [u8; 6],
        to: [u8; 6],
        disk: u64,
    ) -> Self {
        let data = if cell.is_write {
            cell.sectors * SECTOR
        } else {
            0
        };
        let (flags, opcode) = if cell.is_write {
            (0x41, 0x34)
        } else {
            (0x40, 0x24)
        };
        let mut frame = [&to[..], &from, &AOE.to_be_bytes(), &[0x10, 0, 0, 0, 0, 0]].concat();
        frame.extend([0, 0, 0, 0, flags, 0, cell.sectors as u8, opcode]);
        frame.resize((ATA + data).max(SHORTEST), 0);
        Self {
            socket,
            cell,
            crowd,
            from,
            requests: Batch::new(vec![frame; cell.window]),
            answers: Batch::new(vec![vec![0; SEEN]; cell.window]),
            ready: (0..cell.window).collect(),
            number: 0,
            made: vec![0; cell.window],
            times: Vec::new(),
            places: disk / cell.sectors as u64,
        }
    }

    /// Makes `warm` and then `count` or a few more requests, with the window full all the time.
    /// Returns the time of one of the latter by the processor's clock, and how many they were.
    pub fn run(&mut self, warm: usize, count: usize) -> Result<(f64, usize), Box<dyn Error>> {
        self.turn(warm)?;
        self.times.clear();
        let begin = clock();
        let answered = mark::around(|| self.turn(count))?;
        let time = clock() - begin;
        while self.ready.len() < self.cell.window {
            self.receive()?;
        }
        Ok((time as f64 / answered as f64, answered))
    }

    /// The time within which so many of 1,000 requests of the last run were answered, for each of these;
    /// none if the cell does not ask for it.
    pub fn percentiles(&mut self, of_thousand: &[usize]) -> Vec<u64> {
        self.times.sort_unstable();
        let count = self.times.len();
        let place = |part: &usize| (count * part).div_ceil(1000).saturating_sub(1);
        of_thousand
            .iter()
            .filter_map(|part| self.times.get(place(part)).copied())
            .collect()
    }

    /// Fills the window again and again until so many requests, or a few more, are answered.
    fn turn(&mut self, count: usize) -> Result<usize, Box<dyn Error>> {
        let mut answered = 0;
        while answered < count {
            for place in 0..self.ready.len() {
                self.renew(self.ready[place]);
            }
            self.requests.send(self.socket, &self.ready)?;
            self.ready.clear();
            answered += self.receive()?;
        }
        Ok(answered)
    }

    /// Waits for answers.
    fn receive(&mut self) -> Result<usize, Box<dyn Error>> {
        let received = self.answers.receive(self.socket)?;
        for index in 0..received {
            self.take(index)?;
        }
        Ok(received)
    }

    /// Makes a new request of an answered one: its tag tells which it is, and it is for another
    /// place, which is never next to that of its neighbours in time.
    fn renew(&mut self, index: usize) {
        self.number = self.number.wrapping_add(1);
        let tag = self.number << 8 | index as u32;
        let place = u64::from(self.number) * 7919 % self.places;
        let lba = place * self.cell.sectors as u64;
        let target = self.crowd.first + self.number % self.crowd.targets;
        let initiator = self.number % self.crowd.initiators;
        let frame = self.requests.buffer(index);
        if initiator == 0 {
            frame[6..12].copy_from_slice(&self.from);
        } else {
            frame[6..8].copy_from_slice(&[2, 0]);
            frame[8..12].copy_from_slice(&initiator.to_be_bytes());
        }
        frame[16..18].copy_from_slice(&((target >> 7) as u16).to_be_bytes());
        frame[18] = (target & 127) as u8;
        frame[20..24].copy_from_slice(&tag.to_be_bytes());
        frame[28..34].copy_from_slice(&lba.to_le_bytes()[..6]);
        if self.cell.times_each {
            self.made[index] = clock();
        }
    }

    /// Judges an answer, and makes room for the next request.
    fn take(&mut self, index: usize) -> Result<(), Box<dyn Error>> {
        let length = self.answers.received_length(index);
        let data = if self.cell.is_write {
            0
        } else {
            self.cell.sectors * SECTOR
        };
        let answer = self.answers.buffer(index);
        let request = usize::from(answer[23]);
        if length < (ATA + data).max(SHORTEST) || answer[14] != 0x18 || answer[27] & 0x41 != 0x40 {
            return Err(format!("a bad answer of {length} bytes: {answer:02x?}").into());
        }
        if request >= self.cell.window
            || answer[20..24] != self.requests.buffer(request)[20..24]
            || self.ready.contains(&request)
        {
            return Err(format!("an answer to no request in flight: {answer:02x?}").into());
        }
        if self.cell.times_each {
            self.times.push(clock() - self.made[request]);
        }
        self.ready.push(request);
        Ok(())
    }
}
