// SPDX-License-Identifier: GPL-2.0

//! What becomes of a request: the order of the decisions.

use kvblade_wire::access::{Access, AccessList, Right};
use kvblade_wire::aoe::{AoeError, Header, MacList};
use kvblade_wire::ata::{Asked, Capacity, Conditions, Extent, Failure, Lba, Outcome, Task};
use kvblade_wire::decide::{decide, receive, Decision, Received, Restrictions, Silence};
use kvblade_wire::rules::Rules;
use kvblade_wire::settings::OnConflict;

use crate::frames::hex;
use crate::frames::mac;
use crate::frames::request;
use crate::frames::INITIATOR;

/// READ SECTORS and WRITE SECTORS of the first sector, IDENTIFY DEVICE, a query, an unknown command.
const READ: (u8, &str) = (0, "00 00 01 20 000000000000 0000");
const WRITE: (u8, &str) = (0, "01 00 01 30 000000000000 0000");
const IDENTIFY: (u8, &str) = (0, "00 00 01 ec 000000000000 0000");
const QUERY: (u8, &str) = (1, "0000 0000 00 10 0000");
const UNKNOWN: (u8, &str) = (9, "00 00 01 ec 000000000000 0000");

const REFUSED: Decision = Decision::Refuse(AoeError::DeviceUnavailable);
const ABORTED: Decision =
    Decision::Perform(Task::Answer(Outcome::Failed(Failure::Aborted)), Capacity(8));

/// All that can be against a request.
struct World {
    rules: Rules,
    access: Access,
    conduct: OnConflict,
    is_gone: bool,
}

impl World {
    fn new() -> Self {
        Self {
            rules: Rules::default(),
            access: Access::open(),
            conduct: OnConflict::Report,
            is_gone: false,
        }
    }

    fn forbid(&mut self, right: Right) {
        self.access.set(right, AccessList::only(MacList::new()));
    }

    /// What is decided on a request, with data of a sector, and whether its initiator only reads.
    fn decide(&self, (command, argument): (u8, &str)) -> (Decision, bool) {
        let frame = [request(command, &hex(argument)), vec![0; 512]].concat();
        let header = Header::parse(&frame).expect("a header");
        let head = &frame[..36];
        let Received::Request(asked) = receive(&header, head, 1500, false, false) else {
            panic!("no request");
        };
        let restrictions = Restrictions {
            rules: &self.rules,
            access: (!self.access.is_open()).then_some(&self.access),
            conduct: self.conduct,
        };
        let conditions = Conditions {
            capacity: Capacity(8),
            reply_sectors: 2,
            payload: 512,
            read_only: false,
            trim: true,
        };
        let mut read_only = false;
        let decision = decide(
            &header,
            &asked,
            &mut read_only,
            Some(restrictions),
            |changes| {
                assert_eq!(
                    changes,
                    matches!(asked, Asked::Ata(_, it) if it.effect().changes_data())
                );
                (!self.is_gone).then_some(conditions)
            },
        );
        (decision, read_only)
    }
}

fn others() -> MacList {
    let mut macs = MacList::new();
    macs.add(mac(0x77)).expect("room");
    assert!(macs.excludes(INITIATOR));
    macs
}

/// What is against a request is taken away, one after the other: the first thing that is left decides.
#[test]
fn the_first_that_is_against_a_request_decides() {
    let mut world = World::new();
    world.rules.mask = others();
    world.rules.reservation = others();
    world.rules.offline = true;
    world.conduct = OnConflict::Silent;
    world.is_gone = true;
    Right::ALL.map(|right| world.forbid(right));
    let ignored = |reason| (Decision::Ignore(reason), false);
    for asked in [READ, WRITE, IDENTIFY, QUERY, UNKNOWN] {
        assert_eq!(world.decide(asked), ignored(Silence::Mask));
    }
    world.rules.mask = MacList::new();
    for asked in [READ, WRITE, IDENTIFY, QUERY, UNKNOWN] {
        assert_eq!(world.decide(asked), ignored(Silence::Access));
    }
    world.access = Access::open();
    world.forbid(Right::Write);
    // What has nothing to do with the disk.
    assert_eq!(world.decide(QUERY).0, Decision::Tell { changes: false });
    let unknown = Decision::Refuse(AoeError::UnrecognisedCommand);
    assert_eq!(world.decide(UNKNOWN).0, unknown);
    assert_eq!(world.decide(READ), ignored(Silence::Conflict));
    assert_eq!(
        world.decide(WRITE),
        (Decision::Ignore(Silence::Conflict), true)
    );
    // Without the conflict, and without being offline, it would be said to be another's.
    world.conduct = OnConflict::Offline;
    world.rules.offline = false;
    assert_eq!(world.decide(READ).0, REFUSED);
    world.conduct = OnConflict::Report;
    world.rules.offline = true;
    world.is_gone = false;
    assert_eq!(world.decide(READ).0, REFUSED);
    assert_eq!(world.decide(IDENTIFY).0, REFUSED);
    world.is_gone = true;
    world.rules.offline = false;
    let reserved = Decision::Refuse(AoeError::TargetReserved);
    assert_eq!(world.decide(READ).0, reserved);
    // It is told to all what there is, if it is there.
    assert_eq!(world.decide(IDENTIFY).0, REFUSED);
    world.rules.reservation = MacList::new();
    assert_eq!(world.decide(READ).0, REFUSED);
    world.is_gone = false;
    assert_eq!(world.decide(WRITE), (ABORTED, true));
    let (first, sectors) = (Lba(0), 1);
    let extent = Extent { first, sectors };
    let performed = |task| (Decision::Perform(task, Capacity(8)), false);
    assert_eq!(world.decide(READ), performed(Task::Read(extent)));
    world.access = Access::open();
    assert_eq!(world.decide(WRITE), performed(Task::Write(extent)));
}

#[test]
fn a_frame_is_a_request_an_answer_or_nothing() {
    let mut frame = request(0, &hex(READ.1));
    let of = |frame: &[u8], mtu, is_own| {
        let header = Header::parse(frame).expect("a header");
        receive(&header, frame, mtu, is_own, false)
    };
    assert!(matches!(
        of(&frame, 1500, false),
        Received::Request(Asked::Ata(..))
    ));
    assert_eq!(of(&frame, 1500, true), Received::Nothing);
    assert_eq!(of(&frame, 1000, false), Received::Nothing);
    frame[14] |= 8;
    assert_eq!(of(&frame, 1500, false), Received::Response);
    assert_eq!(of(&frame, 1500, true), Received::Nothing);
    frame[6] |= 1;
    assert_eq!(of(&frame, 1500, false), Received::Nothing);
}
