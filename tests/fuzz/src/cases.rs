// SPDX-License-Identifier: GPL-2.0

//! Scripts of the protocol's conformance cases, by their ids: what the fuzzers begin with.
//!
//! Left out are the cases that need a kernel: links, timing, power, a second target.

mod disk;
mod lists;
mod queries;

use crate::script::{Shot, Step, World, ANY_SHELF, ANY_SLOT, SOURCES, TO_ALL};
use Step::Frame;

/// Index of the second initiator, M.
const M: u8 = 1;
/// Index of the third initiator, X.
const X: u8 = 2;
/// To all targets.
const WILD: u8 = TO_ALL | ANY_SHELF | ANY_SLOT;

/// A case: its id, and its script.
pub type Case = (&'static str, Vec<Step>);

/// All cases.
pub fn all() -> Vec<Case> {
    [
        queries::header(),
        queries::config(),
        disk::reading(),
        disk::writing(),
        disk::others(),
        lists::all(),
    ]
    .concat()
}

fn shot(route: u8, command: u8, argument: &[u8], fill: u16) -> Shot {
    Shot {
        route,
        command,
        version: 0x10,
        tag: 0x80,
        fault: 0,
        patch: None,
        argument: argument.to_vec(),
        fill,
    }
}

fn patched(mut shot: Shot, place: u8, change: u8) -> Step {
    shot.patch = Some((place, change));
    Frame(shot)
}

/// A Query Config request by `route`, with a string that tells its length truly.
fn query(route: u8, command: u8, string: &[u8]) -> Step {
    cut_query(route, command, string.len(), string)
}

fn cut_query(route: u8, command: u8, length: usize, string: &[u8]) -> Step {
    let [high, low] = (length as u16).to_be_bytes();
    let argument = [&[0, 0, 0, 0, 0, command, high, low], string].concat();
    Frame(shot(route, 1, &argument, 0))
}

fn ata_shot(route: u8, registers: [u8; 4], lba: u64, fill: u16) -> Shot {
    let argument = [&registers[..], &lba.to_le_bytes()[..6], &[0, 0]].concat();
    shot(route, 0, &argument, fill)
}

/// An ATA command: flags, features, count, opcode.
fn ata(registers: [u8; 4], lba: u64, fill: u16) -> Step {
    Frame(ata_shot(0, registers, lba, fill))
}

/// An ATA command that the disk fails.
fn failing(fault: u8, registers: [u8; 4], lba: u64, fill: u16) -> Step {
    let shot = ata_shot(0, registers, lba, fill);
    Frame(Shot { fault, ..shot })
}

/// TRIM of ranges.
fn trim(feature: u8, count: u8, ranges: &[(u64, u16)]) -> Step {
    let mut shot = ata_shot(0, [1, feature, count, 6], 0, 0);
    for (lba, sectors) in ranges {
        let range = lba | u64::from(*sectors) << 48;
        shot.argument.extend(range.to_le_bytes());
    }
    shot.fill = 0;
    shot.argument.resize(12 + 512, 0);
    Frame(shot)
}

fn mask(route: u8, command: u8, count: usize, directives: &[(u8, u8)]) -> Step {
    let mut argument = vec![0, command, 0, count as u8];
    for (directive, source) in directives {
        argument.extend([0, *directive]);
        argument.extend(SOURCES[usize::from(*source)]);
    }
    Frame(shot(route, 2, &argument, 0))
}

fn reserve(route: u8, command: u8, count: usize, sources: &[u8]) -> Step {
    let mut argument = vec![command, count as u8];
    for source in sources {
        argument.extend(SOURCES[usize::from(*source)]);
    }
    Frame(shot(route, 3, &argument, 0))
}

fn world(change: impl FnOnce(&mut World)) -> Step {
    let mut world = World::USUAL;
    change(&mut world);
    Step::Change(world)
}
