// SPDX-License-Identifier: GPL-2.0

//! The answers to requests.

use kernel::alloc::AllocError;
use kernel::prelude::*;
use kernel::time::Msecs;

use super::latency::Kind;
use super::request::Request;
use super::stats::Counter;
use crate::aoe;
use crate::aoe::ata_argument;
use crate::aoe::AoeError;
use crate::aoe::Mac;
use crate::aoe::ReplyHeader;
use crate::ata::identify;
use crate::ata::Capacity;
use crate::ata::Failure;
use crate::ata::Identity;
use crate::ata::Operation;
use crate::ata::Outcome;
use crate::ata::PhysicalSector;
use crate::ata::Rotation;
use crate::ata::Task;
use crate::ata::Text;
use crate::ata::TrimSupport;
use crate::block::Owner;
use crate::compat::EILSEQ;
use crate::compat::ENODATA;
use crate::net::Reply;
use crate::sync::SlabBox;
use crate::wire::settings::Cache;

/// The firmware revision that initiators are shown: the module's version.
const FIRMWARE: &str = env!("KVBLADE_VERSION");

/// The age of a request at which its answer is not sent any more, in milliseconds. Tags of the Linux
/// initiator can come again after 65,536 of its timer ticks, which are 65 s at 1000 Hz.
const TAG_LIFE: Msecs = 60_000;

impl Request {
    /// The header of the answer.
    fn reply_header(&self) -> ReplyHeader {
        // The source is the interface's address when it is sent.
        self.header.reply(Mac::default(), self.port.address())
    }

    /// Sends the answer. Whoever has it may send the next request at once, which must not find the window
    /// full of those that are answered already.
    fn send(&mut self, reply: Reply) {
        self.leave();
        if !self.port.send(reply) {
            self.drop_with(Counter::DroppedMtu);
        }
    }

    /// Whether the request is so old that its initiator may use the tag for another by now: then it gets
    /// no answer.
    fn is_late(&self) -> bool {
        let is_late = self.received.is_older_than(TAG_LIFE);
        if is_late {
            self.drop_with(Counter::DroppedLate);
        }
        is_late
    }

    /// Answers with an error of the AoE header, and nothing of the command's own.
    pub(super) fn refuse(&mut self, error: AoeError) {
        self.reply(Some(error), &[]);
    }

    /// Answers with an error of the AoE header, if there is one, and this argument.
    pub(super) fn reply(&mut self, error: Option<AoeError>, argument: &[u8]) {
        if self.is_late() {
            return;
        }
        let header = self.reply_header();
        let header = match error {
            Some(error) => {
                self.port.stats().count(Counter::AoeErrors);
                header.refusing(error)
            }
            None => header,
        };
        let length = aoe::header::SIZE.saturating_add(argument.len());
        if let Ok(mut reply) = Reply::new(length, false) {
            reply.put(0, &header.to_bytes());
            reply.put(aoe::header::SIZE, argument);
            if let Ok(frame) = self.frame() {
                reply = reply.following(frame);
            }
            self.ends(error.map_or(0, |error| error.code().into()));
            self.send(reply);
        } else {
            self.drop_with(Counter::DroppedMemory);
        }
    }

    /// Notes that the I/O has failed. In any context.
    #[cold]
    pub(super) fn fails(&mut self, error: Error) {
        let is_read = matches!(self.operation(), Operation::Read(_) | Operation::Verify(_));
        self.port.blade().health().note_fault(is_read);
        self.port.stats().count(match is_read {
            true => Counter::ReadFaults,
            false => Counter::WriteFaults,
        });
        // What the block layer says of a bad medium; the rest is no fault of the data.
        let is_medium = error == EIO || error == ENODATA || error == EILSEQ;
        self.outcome = Outcome::Failed(match self.operation() {
            Operation::Read(transfer) | Operation::Verify(transfer) if is_medium => {
                transfer.uncorrectable(None)
            }
            Operation::Read(_) | Operation::Verify(_) => Failure::Aborted,
            _ => Failure::WriteFault,
        });
    }

    /// Notes that the disk has done what it had failed to do before. In any context.
    #[cold]
    pub(super) fn recovers(&self) {
        self.port.stats().count(Counter::Recovered);
    }

    /// Answers a request that has ended, with the data if it has read any. Without memory or
    /// interface there is no answer, and the initiator will ask again.
    pub(super) fn answer(mut self: SlabBox<Self>) {
        if let Some(error) = self.refused {
            return self.refuse(error);
        }
        self.count();
        if matches!(self.outcome, Outcome::Failed(_)) && self.disk().is_gone() {
            return self.refuse(AoeError::DeviceUnavailable);
        }
        let reads = matches!(self.task, Task::Read(_)) && self.outcome == Outcome::Success;
        if let Some(reply) = self.ata_reply(ata_argument::END, reads) {
            self.send(reply);
        }
    }

    /// Answers IDENTIFY DEVICE.
    pub(super) fn identify(&mut self) {
        let length = ata_argument::END + identify::SIZE;
        if let Some(mut reply) = self.ata_reply(length, false) {
            reply.put(ata_argument::END, &self.identity().to_bytes());
            self.send(reply);
        }
    }

    /// The answer to an ATA command, or the beginning of it: in the memory of the frame if no one
    /// else has a part in that, else around the data. `None` if the interface is gone, memory is
    /// short, or the request is so old that its initiator may use the tag for another by now.
    fn ata_reply(&mut self, length: usize, reads: bool) -> Option<Reply> {
        if self.is_late() {
            return None;
        }
        let header = self.reply_header();
        let answer = self.outcome.answer(&self.argument());
        let mut head = [0; ata_argument::END];
        let (aoe, argument) = head.split_first_chunk_mut()?;
        *aoe = header.to_bytes();
        *argument.first_chunk_mut()? = answer.to_bytes();
        let frame = self.take_frame()?;
        let reply = Reply::in_place_of(frame, &head, length, reads).or_else(|frame| {
            let around = match reads {
                true => Reply::around(self.io().pages(), &head),
                false => Err(AllocError),
            };
            around
                .or_else(|_| Reply::new(length, reads).map(|reply| reply.begin(&head)))
                .map(|reply| reply.following(&frame))
        });
        let Ok(reply) = reply else {
            self.drop_with(Counter::DroppedMemory);
            return None;
        };
        self.ends(u32::from(answer.command) << 8 | u32::from(answer.feature));
        self.time();
        // Unless it is there already.
        Some(if reads {
            reply.with_pages(self.io().pages())
        } else {
            reply
        })
    }

    /// Notes how long it has taken, if it is one of those that are timed.
    fn time(&self) {
        let Some(stopwatch) = self.stopwatch else {
            return;
        };
        let kind = match self.task {
            Task::Read(_) | Task::Verify(_) => Kind::Read,
            Task::Write(_) | Task::Flush | Task::Trim { .. } => Kind::Write,
            Task::Identify | Task::Answer(_) => return,
        };
        self.port.latency().note(kind, stopwatch.micros());
    }

    /// Counts an ATA command that has ended.
    fn count(&self) {
        let stats = self.port.stats();
        if matches!(self.outcome, Outcome::Failed(_)) {
            return stats.count(Counter::AtaErrors);
        }
        match self.task {
            Task::Read(extent) | Task::Verify(extent) => {
                stats.count(Counter::Reads);
                stats.add(Counter::ReadSectors, extent.sectors.into());
            }
            Task::Write(extent) => {
                stats.count(Counter::Writes);
                stats.add(Counter::WrittenSectors, extent.sectors.into());
            }
            Task::Flush => stats.count(Counter::Flushes),
            Task::Trim { .. } => stats.count(Counter::Trims),
            Task::Identify | Task::Answer(_) => {}
        }
    }

    fn identity(&self) -> Identity {
        let disk = self.disk();
        let settings = self.port.blade().settings().lock();
        Identity {
            serial: settings.serial,
            firmware: Text::new(FIRMWARE).unwrap_or_default(),
            model: settings.model,
            capacity: Capacity(disk.capacity()),
            physical: PhysicalSector::new(
                disk.physical_block(),
                disk.alignment().unwrap_or_default(),
            ),
            wwn: settings.wwn,
            rotation: if disk.is_rotational() {
                Rotation::Unknown
            } else {
                Rotation::None
            },
            // The block layer does not say what a read returns afterwards.
            trim: if disk.can_discard() {
                TrimSupport::Indeterminate
            } else {
                TrimSupport::None
            },
            volatile_cache: self.port.blade().policy().cache() == Cache::Back,
        }
    }
}
