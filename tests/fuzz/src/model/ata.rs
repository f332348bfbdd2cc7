// SPDX-License-Identifier: GPL-2.0

//! Command 0. Sectors are counted with 128 bits, so that no sum can be wrong.

use super::{identify, Model, Request};
use crate::script::{Fault, Trouble, World};

/// The commands that read sectors into the answer.
pub(crate) const READS: [u8; 4] = [0x20, 0x24, 0x25, 0xc8];
/// The commands that write sectors from the frame.
pub(crate) const WRITES: [u8; 5] = [0x30, 0x34, 0x35, 0x3d, 0xca];
/// The commands that read sectors, and tell only whether that works.
pub(crate) const VERIFIES: [u8; 2] = [0x40, 0x42];
/// The commands that make durable what was written.
pub(crate) const FLUSHES: [u8; 8] = [0xe7, 0xea, 0xe0, 0xe2, 0xe6, 0x94, 0x96, 0x99];

/// How a command ends.
enum End {
    /// Status 40h, with this error register, count, and data.
    Good(u8, u8, Vec<u8>),
    Aborted,
    WriteFault,
    /// An error code, and the sector that it is about.
    BadSector(u8, u128),
}

const OK: End = End::Good(0, 0, Vec::new());

impl Model {
    pub(super) fn ata(
        &mut self,
        request: &Request<'_>,
        world: &World,
        fault: Fault,
    ) -> Option<Vec<u8>> {
        let (feature, opcode) = (request.frame[25], request.frame[27]);
        let tells_of_itself = matches!(opcode, 0xec | 0xe5 | 0x98);
        let reads = READS.contains(&opcode)
            || VERIFIES.contains(&opcode)
            || (opcode == 0xb0 && matches!(feature, 0xd0 | 0xd1 | 0xd5 | 0xda));
        if !tells_of_itself && (request.is_wild || (request.to_all && !reads)) {
            return None;
        }
        match world.trouble {
            Trouble::Conflict => return Some(request.reply(3, &[])),
            Trouble::SilentConflict => return None,
            Trouble::None | Trouble::Gone => {}
        }
        if world.offline {
            return Some(request.reply(3, &[]));
        }
        let is_holder = self.reservation.is_empty() || self.reservation.contains(&request.source);
        if !is_holder && opcode != 0xec {
            return Some(request.reply(6, &[]));
        }
        if world.trouble == Trouble::Gone {
            return Some(request.reply(3, &[]));
        }
        let end = self.execute(request, world, fault);
        Some(request.reply(0, &registers(request.frame, end)))
    }

    fn execute(&mut self, request: &Request<'_>, world: &World, fault: Fault) -> End {
        let frame = request.frame;
        let (writes, feature, count) = (frame[24] & 1 != 0, frame[25], usize::from(frame[26]));
        let payload = &frame[36..];
        let (first, sectors) = range(frame);
        let capacity = u128::from(world.capacity());
        let past_end = End::BadSector(0x10, first.max(capacity));
        let is_inside = first + sectors <= capacity;
        match frame[27] {
            opcode if READS.contains(&opcode) => {
                if writes || count == 0 || 22 + 512 * count > usize::from(world.mtu) {
                    return End::Aborted;
                }
                if !is_inside {
                    return past_end;
                }
                let data = self.disk.read(first as u64, sectors as u32);
                after_read(first, fault, End::Good(0, 0, data))
            }
            opcode if VERIFIES.contains(&opcode) && !is_inside => past_end,
            opcode if VERIFIES.contains(&opcode) => after_read(first, fault, OK),
            opcode if WRITES.contains(&opcode) => {
                if !writes || count == 0 || payload.len() < 512 * count {
                    return End::Aborted;
                }
                if !is_inside {
                    return past_end;
                }
                if request.read_only {
                    return End::Aborted;
                }
                self.disk.write(first as u64, &payload[..512 * count]);
                after_write(fault)
            }
            0x06 if feature & 1 != 0 && writes && count > 0 && payload.len() >= 512 * count => {
                if request.read_only || !world.trim {
                    return End::Aborted;
                }
                self.trim(&payload[..512 * count], capacity, fault)
            }
            opcode if FLUSHES.contains(&opcode) => after_write(fault),
            0xe1 | 0xe3 | 0x95 | 0x97 => OK,
            0xe5 | 0x98 => End::Good(0, 0xff, Vec::new()),
            0x90 => End::Good(1, 0, Vec::new()),
            0xec => End::Good(0, 0, identify::block(world)),
            0xef if matches!(feature, 2 | 0x82 | 0xaa | 0x55 | 3 | 0x66 | 0xcc) => OK,
            _ => End::Aborted,
        }
    }

    fn trim(&mut self, data: &[u8], capacity: u128, fault: Fault) -> End {
        let ranges = data.chunks(8).map(|range| {
            let range = u64::from_le_bytes(range.try_into().expect("eight bytes"));
            (range & 0xffff_ffff_ffff, (range >> 48) as u32)
        });
        let mut ranges = ranges.filter(|(_, sectors)| *sectors > 0);
        if ranges
            .clone()
            .any(|(first, sectors)| u128::from(first) + u128::from(sectors) > capacity)
        {
            return End::Aborted;
        }
        ranges.by_ref().for_each(|(first, sectors)| {
            self.disk.discard(first, sectors);
        });
        after_write(fault)
    }
}

/// Whether the command has LBAs of 48 bits.
fn is_wide(opcode: u8) -> bool {
    matches!(opcode, 0x24 | 0x25 | 0x34 | 0x35 | 0x3d | 0x42)
}

/// The first sector and the number of sectors.
fn range(frame: &[u8]) -> (u128, u128) {
    let lba = (0..6).map(|n| u128::from(frame[28 + n]) << (8 * n)).sum();
    match (is_wide(frame[27]), u128::from(frame[26])) {
        (true, 0) => (lba, 65536),
        (true, count) => (lba, count),
        (false, 0) => (lba & 0xfff_ffff, 256),
        (false, count) => (lba & 0xfff_ffff, count),
    }
}

fn after_read(first: u128, fault: Fault, end: End) -> End {
    match fault {
        Fault::None => end,
        Fault::Other => End::Aborted,
        Fault::Medium(place) => End::BadSector(0x40, first + u128::from(place.unwrap_or(0))),
    }
}

fn after_write(fault: Fault) -> End {
    match fault {
        Fault::None => OK,
        _ => End::WriteFault,
    }
}

/// The argument of the answer.
fn registers(frame: &[u8], end: End) -> Vec<u8> {
    let mut lba: [u8; 6] = frame[28..34].try_into().expect("six bytes");
    let (status, error, count, data) = match end {
        End::Good(error, count, data) => (0x40, error, count, data),
        End::Aborted => (0x41, 4, frame[26], Vec::new()),
        End::WriteFault => (0x61, 4, frame[26], Vec::new()),
        End::BadSector(error, sector) if is_wide(frame[27]) => {
            let sector = sector.min((1 << 48) - 1).to_le_bytes();
            lba.copy_from_slice(&sector[..6]);
            (0x41, error, frame[26], Vec::new())
        }
        End::BadSector(error, sector) => {
            let sector = sector.min((1 << 28) - 1).to_le_bytes();
            lba[..3].copy_from_slice(&sector[..3]);
            lba[3] = lba[3] & 0xf0 | sector[3];
            (0x41, error, frame[26], Vec::new())
        }
    };
    let mut argument = vec![frame[24], error, count, status];
    argument.extend(lba);
    argument.extend([0, 0]);
    argument.extend(data);
    argument
}
