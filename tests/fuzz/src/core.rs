// SPDX-License-Identifier: GPL-2.0

//! A blade without a kernel: the decisions of `wire/decide.rs`, as the module takes them, with a disk in
//! memory.

use kvblade_wire::access::{Access, AccessList, Right, Verdict};
use kvblade_wire::aoe;
use kvblade_wire::aoe::{ata_argument, AoeError, AtaArgument, Header, Mac, MacList, ShelfSlot};
use kvblade_wire::ata::{
    Asked, Capacity, Conditions, Failure, Identity, Lba, Operation, Outcome, PhysicalSector,
    Rotation, Task, Text, TrimList, TrimSupport,
};
use kvblade_wire::decide::{self, Decision, Received, Restrictions};
use kvblade_wire::rules::{Advertisement, Answer, Body, Rules};
use kvblade_wire::settings::OnConflict;

use crate::disk::Disk;
use crate::script::{Fault, Lists, Trouble, World, SOURCES};
use crate::{NAMES, OWN, SHELF, SLOT};

/// The frame bytes that are looked at before a request is admitted.
const HEAD: usize = ata_argument::END;

/// A blade.
#[derive(Clone, Debug, Default)]
pub struct Blade {
    /// What its initiators have asked it to remember.
    pub rules: Rules,
    /// The disk.
    pub disk: Disk,
}

/// The address of the blade.
pub fn address() -> ShelfSlot {
    ShelfSlot::new(SHELF.into(), SLOT.into()).expect("a shelf and a slot")
}

/// A frame that goes out.
pub fn reply(header: &Header, error: Option<AoeError>, argument: &[u8]) -> Vec<u8> {
    let mut reply = header.reply(Mac(OWN), address());
    if let Some(error) = error {
        reply = reply.refusing(error);
    }
    let mut frame = [&reply.to_bytes(), argument].concat();
    frame.resize(frame.len() + aoe::padding(frame.len()), 0);
    frame
}

impl Blade {
    /// Takes a frame; returns the answer.
    pub fn receive(&mut self, world: &World, fault: Fault, frame: &[u8]) -> Option<Vec<u8>> {
        self.disk.capacity = world.capacity();
        self.rules.offline = world.offline;
        let sector_count = aoe::sectors_for_mtu(world.mtu.into(), 1)?;
        let header = Header::parse(frame)?;
        let broadcast = header.dst == Mac::BROADCAST;
        if !(broadcast || header.dst == Mac(OWN)) {
            return None;
        }
        let head = &frame[..frame.len().min(HEAD)];
        let is_own = header.source == Mac(OWN);
        let asked = match decide::receive(&header, head, world.mtu.into(), is_own, broadcast) {
            Received::Request(asked) if header.addr.matches(address()) => asked,
            _ => return None,
        };
        let access = access(world.lists);
        let access = (!access.is_open()).then_some(&access);
        let verdict = access.map(|access| decide::let_in(&header, &asked, access));
        if verdict == Some(Verdict::Ignore) {
            return None;
        }
        let mut read_only = verdict == Some(Verdict::ReadOnly);
        let payload = frame.get(ata_argument::END..).unwrap_or_default();
        let restrictions = Restrictions {
            rules: &self.rules,
            access,
            conduct: match world.trouble {
                Trouble::Conflict => OnConflict::Offline,
                Trouble::SilentConflict => OnConflict::Silent,
                Trouble::None | Trouble::Gone => OnConflict::Report,
            },
        };
        let conditions = Conditions {
            capacity: Capacity(self.disk.capacity),
            reply_sectors: aoe::sectors_for_reply(world.mtu.into()),
            payload: payload.len(),
            read_only: world.read_only,
            trim: world.trim,
        };
        let is_gone = world.trouble == Trouble::Gone;
        let restrictions = Some(restrictions);
        let decision = decide::decide(&header, &asked, &mut read_only, restrictions, |_| {
            (!is_gone).then_some(conditions)
        });
        match decision {
            Decision::Ignore(_) => return None,
            Decision::Refuse(error) => return Some(reply(&header, Some(error), &[])),
            Decision::Perform(task, _) => {
                let Asked::Ata(argument, operation) = asked else {
                    panic!("a task for {asked:?}");
                };
                return Some(self.ata(world, fault, &header, argument, operation, task, payload));
            }
            Decision::Tell { .. } => {}
        }
        let advertisement = Advertisement {
            buffer_count: 64,
            firmware: 1,
            sector_count,
        };
        let mut body = Body::new();
        match self.rules.answer(&header, frame, advertisement, &mut body) {
            Answer::Silence => None,
            Answer::Body(error) => Some(reply(&header, error, body.as_bytes())),
        }
    }

    #[allow(clippy::too_many_arguments)] // All that a command consists of.
    fn ata(
        &mut self,
        world: &World,
        fault: Fault,
        header: &Header,
        argument: AtaArgument,
        operation: Operation,
        task: Task,
        payload: &[u8],
    ) -> Vec<u8> {
        let (outcome, data) = match self.perform(task, payload, world) {
            Err(failure) => (Outcome::Failed(failure), Vec::new()),
            Ok(done) if fault == Fault::None || matches!(task, Task::Answer(_)) => done,
            Ok(done) if task == Task::Identify => done,
            Ok(_) => (Outcome::Failed(failure(&operation, fault)), Vec::new()),
        };
        let answer = outcome.answer(&argument).to_bytes();
        reply(header, None, &[&answer[..], &data].concat())
    }

    /// Does what is to be done. What the disk fails has happened all the same.
    fn perform(
        &mut self,
        task: Task,
        payload: &[u8],
        world: &World,
    ) -> Result<(Outcome, Vec<u8>), Failure> {
        let mut data = Vec::new();
        match task {
            Task::Read(extent) => data = self.disk.read(extent.first.0, extent.sectors),
            Task::Write(extent) => {
                let length = usize::try_from(extent.bytes()).expect("a small frame");
                self.disk.write(extent.first.0, &payload[..length]);
            }
            Task::Verify(extent) => self.disk.check(extent.first.0, extent.sectors.into()),
            Task::Flush => {}
            Task::Trim { bytes } => {
                let list = TrimList::check(&payload[..bytes], Capacity(self.disk.capacity))?;
                for extent in list.extents() {
                    self.disk.discard(extent.first.0, extent.sectors);
                }
            }
            Task::Identify => data = identity(world).to_bytes().to_vec(),
            Task::Answer(outcome) => return Ok((outcome, data)),
        }
        Ok((Outcome::Success, data))
    }
}

fn access(lists: Lists) -> Access {
    let macs = |sources: &[usize]| {
        let mut macs = MacList::new();
        for index in sources {
            macs.add(Mac(SOURCES[*index])).expect("a short list");
        }
        macs
    };
    let mut access = Access::open();
    match lists {
        Lists::Open => {}
        Lists::Reader => access.set(Right::Write, AccessList::all_but(macs(&[0]))),
        Lists::Named => {
            access.set(Right::Read, AccessList::only(macs(&[0, 1])));
            access.set(Right::Write, AccessList::only(macs(&[1])));
            access.set(Right::Configure, AccessList::only(macs(&[])));
        }
        Lists::Writer => access.set(Right::Read, AccessList::all_but(macs(&[0]))),
    }
    access
}

/// What becomes of a fault of the disk.
fn failure(operation: &Operation, fault: Fault) -> Failure {
    match (operation, fault) {
        (Operation::Read(transfer) | Operation::Verify(transfer), Fault::Medium(place)) => {
            let bad = place.map(|place| Lba(transfer.first.0.saturating_add(place.into())));
            transfer.uncorrectable(bad)
        }
        (Operation::Read(_) | Operation::Verify(_), _) => Failure::Aborted,
        _ => Failure::WriteFault,
    }
}

fn identity(world: &World) -> Identity {
    let [serial, firmware, model] = NAMES;
    Identity {
        serial: Text::new(serial).expect("a serial number"),
        firmware: Text::new(firmware).expect("a firmware revision"),
        model: Text::new(model).expect("a model"),
        capacity: Capacity(world.capacity()),
        physical: PhysicalSector::new(4096, 3584),
        wwn: None,
        rotation: Rotation::None,
        trim: if world.trim {
            TrimSupport::Zeroes
        } else {
            TrimSupport::None
        },
        volatile_cache: world.read_only,
    }
}
