// SPDX-License-Identifier: GPL-2.0

//! The model of a blade: what the protocol makes of a frame, written from the protocol's tables
//! and with nothing of the core.

pub(crate) mod ata;
mod identify;

use crate::disk::Disk;
use crate::script::{Fault, Lists, World, SOURCES};
use crate::{BROADCAST, OWN, SHELF, SLOT};

/// The longest config string.
const STRING: usize = 1024;
/// The longest list of addresses.
const LIST: usize = 128;

type Mac = [u8; 6];

/// A blade.
#[derive(Clone, Debug, Default)]
pub struct Model {
    config: Vec<u8>,
    mask: Vec<Mac>,
    reservation: Vec<Mac>,
    /// The disk.
    pub disk: Disk,
}

/// A frame, as far as all commands need it.
struct Request<'a> {
    frame: &'a [u8],
    source: Mac,
    to_all: bool,
    is_wild: bool,
    read_only: bool,
}

impl Request<'_> {
    fn reply(&self, error: u8, argument: &[u8]) -> Vec<u8> {
        let mut reply = Vec::with_capacity(60);
        reply.extend(self.source);
        reply.extend(OWN);
        reply.extend([0x88, 0xa2, if error == 0 { 0x18 } else { 0x1c }, error]);
        reply.extend(SHELF.to_be_bytes());
        reply.push(SLOT);
        reply.extend(&self.frame[19..24]);
        reply.extend(argument);
        while reply.len() < 60 {
            reply.push(0);
        }
        reply
    }
}

/// What a request needs to be permitted.
#[derive(PartialEq)]
enum Need {
    Nothing,
    Configure,
    Read,
    Write,
}

fn need(frame: &[u8]) -> Need {
    let byte = |place| frame.get(place).copied().unwrap_or(0_u8);
    if frame[14] >> 4 != 1 {
        return Need::Nothing;
    }
    match (frame[19], byte(27)) {
        (0, 0x30 | 0x34 | 0x35 | 0x3d | 0xca) => Need::Write,
        (0, 0x06) if byte(25) & 1 != 0 => Need::Write,
        (0, _) => Need::Read,
        (1, _) if matches!(byte(29) & 15, 3 | 4) => Need::Configure,
        (2, _) if byte(25) != 0 => Need::Configure,
        (3, _) if byte(24) != 0 => Need::Configure,
        _ => Need::Nothing,
    }
}

/// Whether an initiator may do it, and if not whether it is served as by a read-only disk.
fn permission(lists: Lists, source: &Mac, need: &Need) -> (bool, bool) {
    let (is_first, is_second) = (*source == SOURCES[0], *source == SOURCES[1]);
    let may = |need: &Need| match (lists, need) {
        (Lists::Open, _) | (_, Need::Nothing) => true,
        (Lists::Reader, Need::Write) | (Lists::Writer, Need::Read) => !is_first,
        (Lists::Reader | Lists::Writer, _) => true,
        (Lists::Named, Need::Read) => is_first || is_second,
        (Lists::Named, Need::Write) => is_second,
        (Lists::Named, Need::Configure) => false,
    };
    (may(need), *need == Need::Write && may(&Need::Read))
}

impl Model {
    /// Takes a frame; returns the answer.
    pub fn receive(&mut self, world: &World, fault: Fault, frame: &[u8]) -> Option<Vec<u8>> {
        self.disk.capacity = world.capacity();
        if world.mtu < 1060 || frame.len() < 24 || frame[12..14] != [0x88, 0xa2] {
            return None;
        }
        let to_all = frame[..6] == BROADCAST;
        let source: Mac = frame[6..12].try_into().expect("six bytes");
        let is_response = frame[14] & 8 != 0;
        if is_response || !(to_all || frame[..6] == OWN) || source[0] & 1 != 0 || source == OWN {
            return None;
        }
        let any_shelf = frame[16..18] == [0xff, 0xff];
        let any_slot = frame[18] == 0xff;
        if !(any_shelf || frame[16..18] == SHELF.to_be_bytes()) || !(any_slot || frame[18] == SLOT)
        {
            return None;
        }
        if !self.mask.is_empty() && !self.mask.contains(&source) {
            return None;
        }
        let (may, may_read) = permission(world.lists, &source, &need(frame));
        if !may && !may_read {
            return None;
        }
        let request = Request {
            frame,
            source,
            to_all,
            is_wild: any_shelf || any_slot,
            read_only: world.read_only || !may,
        };
        if frame[14] >> 4 != 1 {
            return (!request.is_wild).then(|| request.reply(5, &[]));
        }
        match frame[19] {
            0 if frame.len() >= 36 => self.ata(&request, world, fault),
            1 if frame.len() >= 32 => self.config(&request, world),
            2 if frame.len() >= 28 => self.mask(&request),
            3 if frame.len() >= 26 => self.reserve(&request),
            0..=3 => None,
            _ => (!request.is_wild).then(|| request.reply(1, &[])),
        }
    }

    fn config(&mut self, request: &Request<'_>, world: &World) -> Option<Vec<u8>> {
        let frame = request.frame;
        let command = frame[29] & 15;
        let length = usize::from(frame[30]) << 8 | usize::from(frame[31]);
        let is_valid = length <= STRING && 32 + length <= frame.len();
        let string = if is_valid {
            &frame[32..][..length]
        } else {
            &[]
        };
        let error = match command {
            0 => 0,
            1 if is_valid && self.config == string => 0,
            2 if is_valid && self.config.len() >= length && self.config[..length] == *string => 0,
            1 | 2 => return None,
            3 | 4 if !is_valid => 2,
            3 if !self.config.is_empty() && self.config != string => 4,
            3 | 4 => {
                self.config = string.to_vec();
                0
            }
            _ => 2,
        };
        let sectors = ((world.mtu - 36) / 512).min(255);
        let mut argument = vec![0, 64, 0, 1, sectors as u8, 0x10 | command];
        argument.extend((self.config.len() as u16).to_be_bytes());
        argument.extend(&self.config);
        Some(request.reply(error, &argument))
    }

    fn mask(&mut self, request: &Request<'_>) -> Option<Vec<u8>> {
        let frame = request.frame;
        let command = frame[25];
        if command != 0 && request.is_wild {
            return None;
        }
        let count = usize::from(frame[27]);
        if command > 1 || (command == 1 && 28 + 8 * count > frame.len()) {
            return Some(request.reply(2, &[0, command, 0, 0]));
        }
        let directives = if command == 1 { count } else { 0 };
        for index in 0..directives {
            let directive = &frame[28 + 8 * index..][..8];
            let mac: Mac = directive[2..].try_into().expect("six bytes");
            let is_there = self.mask.contains(&mac);
            let error = match directive[1] {
                0 => 0,
                1 if is_there => 0,
                1 if self.mask.len() >= LIST => 3,
                1 => {
                    self.mask.push(mac);
                    0
                }
                2 => {
                    self.mask.retain(|other| *other != mac);
                    0
                }
                _ => 2,
            };
            if error != 0 {
                return Some(request.reply(0, &[0, command, error, index as u8]));
            }
        }
        let mut argument = vec![0, command, 0, self.mask.len() as u8];
        for mac in &self.mask {
            argument.extend([0, 0]);
            argument.extend(mac);
        }
        Some(request.reply(0, &argument))
    }

    fn reserve(&mut self, request: &Request<'_>) -> Option<Vec<u8>> {
        let frame = request.frame;
        let (command, count) = (frame[24], usize::from(frame[25]));
        if command != 0 && request.is_wild {
            return None;
        }
        let is_valid = command < 3 && count <= LIST && 26 + 6 * count <= frame.len();
        let error = match command {
            0 => 0,
            _ if !is_valid => 2,
            1 if !self.reservation.is_empty() && !self.reservation.contains(&request.source) => 6,
            _ => {
                self.reservation.clear();
                for mac in frame[26..][..6 * count].chunks(6) {
                    let mac = mac.try_into().expect("six bytes");
                    if !self.reservation.contains(&mac) {
                        self.reservation.push(mac);
                    }
                }
                0
            }
        };
        let mut argument = vec![command, self.reservation.len() as u8];
        argument.extend(self.reservation.concat());
        Some(request.reply(error, &argument))
    }
}
