// SPDX-License-Identifier: GPL-2.0

//! What a blade tells of itself: the answer to Query Config, asked for or not.

use kernel::sync::atomic::Atomic;
use kernel::sync::atomic::Relaxed;
use kernel::time::Msecs;

use super::port::Port;
use crate::aoe;
use crate::aoe::ConfigCommand;
use crate::aoe::ConfigRequest;
use crate::aoe::Mac;
use crate::aoe::ReplyHeader;
use crate::net::Reply;
use crate::sync::Pace;
use crate::wire::access::Right;
use crate::wire::rules::Advertisement;
use crate::wire::rules::Body;
use crate::wire::rules::Rules;
use crate::wire::settings::Audience;

/// The firmware version that initiators are told; Linux shows it as `v0001`.
const FIRMWARE: u16 = 1;

/// A port tells of itself once in this time at most, in milliseconds.
const INTERVAL: Msecs = 1000;

/// When a port has told of itself, and whether it is to do so again.
pub(super) struct Announcements {
    due: Atomic<bool>,
    pace: Pace,
}

impl Announcements {
    /// None yet, and none due.
    pub(super) fn new() -> Self {
        Self {
            due: Atomic::new(false),
            pace: Pace::new(INTERVAL),
        }
    }
}

impl Port {
    /// What a Query Config response tells. `None` without an interface, or if its MTU is too
    /// small for AoE.
    pub(super) fn advertisement(&self) -> Option<Advertisement> {
        let sectors = aoe::sectors_for_mtu(self.frame_limit()?, self.blade().physical_block())?;
        Some(Advertisement {
            buffer_count: self.blade().policy().buffer_count(),
            firmware: FIRMWARE,
            sector_count: self.blade().sectors_to_tell(sectors),
        })
    }

    /// Tells the initiators on the segment that the blade is here, or what has changed about it:
    /// now, or as soon as the link is there and the latest announcement is old enough. Sleeps.
    pub(super) fn announce(&self) {
        self.announcements.due.store(true, Relaxed);
        self.announce_if_due();
    }

    /// Lets there be an announcement if that is wanted again and again, and its turn has come in this
    /// second. Exports have their turns at different times.
    pub(super) fn announce_in_turn(&self, second: u32) {
        let every = self.blade().policy().announce_every();
        let address = self.address();
        let turn = u32::from(address.shelf.get()).wrapping_add(u32::from(address.slot.get()));
        let rest = |number: u32| number.checked_rem(every);
        // Never without a time.
        if rest(second).is_some() && rest(second) == rest(turn) {
            self.announcements.due.store(true, Relaxed);
        }
    }

    /// Makes an announcement that could not be made before. Sleeps.
    pub(super) fn announce_if_due(&self) {
        let announcements = &self.announcements;
        if announcements.due.load(Relaxed)
            && self.is_open()
            && self.can_send()
            && announcements.pace.take()
        {
            announcements.due.store(false, Relaxed);
            self.announce_now();
        }
    }

    /// Tells all initiators, or those of the mask list; none while the blade is offline.
    fn announce_now(&self) {
        // Before the settings are locked, which requests wait for.
        let accepted = self.blade().access_list(Right::Discover);
        let settings = self.blade().settings().lock();
        let rules = &settings.rules;
        if rules.offline {
            return;
        }
        let named = match self.blade().policy().audience() {
            Audience::Nobody => return,
            Audience::All => None,
            Audience::Accepted => accepted.named(),
        };
        match named {
            Some(macs) => self.announce_to_each(macs, rules),
            None if rules.mask.is_empty() => self.announce_to(Mac::BROADCAST, rules),
            None => self.announce_to_each(rules.mask.as_slice(), rules),
        }
    }

    /// Tells these initiators, unless the mask list excludes them.
    fn announce_to_each(&self, macs: &[Mac], rules: &Rules) {
        for mac in macs {
            if !rules.mask.excludes(*mac) {
                self.announce_to(*mac, rules);
            }
        }
    }

    fn announce_to(&self, to: Mac, rules: &Rules) {
        let request = ConfigRequest {
            command: ConfigCommand::Read,
            argument: None,
        };
        let Some((own, advertisement)) = self.own_address().zip(self.advertisement()) else {
            return;
        };
        let mut body = Body::new();
        rules.describe(&request, advertisement, &mut body);
        let header = ReplyHeader::announcement(to, own, self.address());
        let length = aoe::header::SIZE.saturating_add(body.as_bytes().len());
        if let Ok(mut reply) = Reply::new(length, false) {
            reply.put(0, &header.to_bytes());
            reply.put(aoe::header::SIZE, body.as_bytes());
            let _ = self.send(reply);
        }
    }
}
