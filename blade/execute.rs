// SPDX-License-Identifier: GPL-2.0

//! What a blade does with a request when its turn has come: it is answered, or ignored, or its
//! I/O is submitted and it is answered when that has ended.

use kernel::prelude::*;
use kernel::sync::rcu;

use super::history::Write;
use super::order::Span;
use super::request::Batch;
use super::request::Progress;
use super::request::Request;
use super::stats::Counter;
use super::watchers::Change;
use crate::aoe;
use crate::aoe::ata_argument;
use crate::aoe::Command;
use crate::ata::opcode;
use crate::ata::Asked;
use crate::ata::Capacity;
use crate::ata::Conditions;
use crate::ata::Effect;
use crate::ata::Extent;
use crate::ata::Failure;
use crate::ata::Lba;
use crate::ata::Outcome;
use crate::ata::Task;
use crate::block;
use crate::block::Blocks;
use crate::block::Io;
use crate::block::Owner;
use crate::block::SECTOR;
use crate::net::Frame;
use crate::sync::SlabBox;
use crate::wire::access::Right;
use crate::wire::decide;
use crate::wire::decide::Decision;
use crate::wire::decide::Restrictions;
use crate::wire::decide::Silence;
use crate::wire::rules::Answer;
use crate::wire::rules::Body;
use crate::wire::settings::Cache;

/// Sectors of one I/O at most.
pub(super) const IO_SECTORS: u32 = (block::Pages::MAX_LEN / SECTOR) as u32;

/// Sectors of a request that one I/O can always read or write: with them go those beside them in their
/// blocks.
pub(super) fn most_sectors(blocks: Blocks) -> u32 {
    IO_SECTORS.saturating_sub(blocks.others())
}

/// The longest request but for a WRITE: Query Config with a whole string. The longest lists of
/// addresses are shorter, and what does not fit is more than they may have.
const LONGEST: usize = aoe::config::END + aoe::config::CAPACITY;

impl Request {
    /// Executes the request, or the next step of it; I/O may go into the batch. True if this
    /// is the first that changes the disk's data.
    pub(super) fn execute(mut self: SlabBox<Self>, batch: &mut Batch) -> bool {
        match self.progress {
            Progress::Arrived => {}
            Progress::Verifying(rest) => {
                self.verify(rest, batch);
                return false;
            }
            Progress::Trimming(index) => {
                self.trim(index, batch);
                return false;
            }
            Progress::Partial(partial) => {
                self.go_on(partial, batch);
                return false;
            }
            Progress::Last | Progress::Ended => return false,
            Progress::Again if self.would_change_read_only() => {
                self.end(Outcome::Failed(Failure::Aborted));
                return false;
            }
            Progress::Again => {
                self.progress = Progress::Last;
                batch.add_alone(self);
                return false;
            }
        }
        self.progress = Progress::Last;
        match self.decide() {
            Decision::Perform(task, capacity) => return self.perform(task, capacity, batch),
            Decision::Tell { changes } => self.execute_other(changes),
            Decision::Refuse(error) => {
                self.refused = Some(error);
                self.finish();
            }
            Decision::Ignore(reason) => self.drop_with(match reason {
                Silence::Mask => Counter::DroppedMask,
                Silence::Access => Counter::DroppedAccess,
                Silence::Conflict => Counter::DroppedConflict,
            }),
        }
        false
    }

    /// Decides on the request, by what holds now that it has its turn.
    #[inline]
    fn decide(&mut self) -> Decision {
        if self.port.blade().is_restricted() {
            return self.decide_by_rules();
        }
        let mut read_only = self.read_only;
        decide::decide(&self.header, &self.asked, &mut read_only, None, |changes| {
            self.conditions(changes)
        })
    }

    /// As [`Request::decide`], where something is forbidden to someone: the initiator may have been
    /// excluded since the request came in.
    fn decide_by_rules(&mut self) -> Decision {
        let blade = self.port.blade();
        let mut read_only = self.read_only;
        let settings = blade.settings().lock();
        let guard = rcu::read_lock();
        let restrictions = Restrictions {
            rules: &settings.rules,
            access: blade.access(&guard),
            conduct: blade.conduct(),
        };
        let has_lists = restrictions.access.is_some();
        let decision = decide::decide(
            &self.header,
            &self.asked,
            &mut read_only,
            Some(restrictions),
            |changes| self.conditions(changes),
        );
        drop(guard);
        drop(settings);
        let is_refused = match decision {
            Decision::Ignore(Silence::Mask) => false,
            Decision::Ignore(Silence::Access) => true,
            _ => read_only,
        };
        if has_lists && is_refused {
            let right = Right::needed(&self.asked);
            self.port.log_refused(right, self.header.source);
        }
        self.read_only = read_only;
        decision
    }

    /// What an ATA command is checked against; `None` if the disk is gone. What only a change is judged by
    /// is asked for a change only.
    #[inline]
    fn conditions(&self, changes: bool) -> Option<Conditions> {
        let disk = self.disk();
        if disk.is_gone() {
            return None;
        }
        Some(Conditions {
            capacity: Capacity(disk.capacity()),
            reply_sectors: aoe::sectors_for_reply(self.frame_limit)
                .min(most_sectors(disk.blocks())),
            payload: self
                .frame()
                .ok()
                .filter(|_| changes)
                .map_or(0, |frame| frame.len().saturating_sub(ata_argument::END)),
            read_only: self.port.blade().mode().read_only || (changes && disk.is_read_only()),
            trim: changes && disk.can_discard(),
        })
    }

    /// Answers a question, which touches nothing that others might be busy with.
    pub(super) fn tell(self: SlabBox<Self>) {
        self.execute(&mut Batch::new());
    }

    /// Query Config, MAC Mask List, Reserve/Release.
    fn execute_other(&mut self, changes: bool) {
        let Some(advertisement) = self.port.advertisement() else {
            return;
        };
        let mut buffer = [0; LONGEST];
        let frame = self.read_once(&mut buffer);
        let mut body = Body::new();
        let answer = self.port.blade().change(|settings| {
            settings
                .rules
                .answer(&self.header, frame, advertisement, &mut body)
        });
        if changes {
            match self.header.command {
                Command::Config => self.port.blade().tell(Change::Config),
                Command::Mask => self.port.blade().tell(Change::Mask),
                Command::Reserve => self.port.blade().tell(Change::Reserve),
                Command::Ata | Command::Unknown(_) => {}
            }
        }
        if let Answer::Body(error) = answer {
            self.reply(error, body.as_bytes());
        }
    }

    /// The frame's contents: the head as it was judged, and what follows it, which is read here and
    /// nowhere else. A sender on this host may change the frame at any time.
    fn read_once<'a>(&self, buffer: &'a mut [u8]) -> &'a [u8] {
        let head = self.head.bytes();
        let Some((first, rest)) = buffer.split_at_mut_checked(head.len()) else {
            return &[];
        };
        first.copy_from_slice(head);
        let more = self.frame().map_or(0, |frame| frame.read(head.len(), rest));
        let length = head.len().saturating_add(more);
        buffer.get(..length).unwrap_or_default()
    }

    /// Does what an ATA command asks for. True if that changes the disk's data.
    fn perform(mut self: SlabBox<Self>, task: Task, capacity: Capacity, batch: &mut Batch) -> bool {
        self.task = task;
        match task {
            Task::Read(extent) => self.read(extent, batch, |request, batch| batch.add(request)),
            Task::Write(extent) => return self.write(extent, batch),
            Task::Trim { .. } => return self.begin_trim(capacity, batch),
            Task::Verify(extent) => self.verify(extent, batch),
            Task::Flush => {
                self.io().flush();
                batch.add_alone(self);
            }
            Task::Identify => self.identify(),
            Task::Answer(outcome) => self.end(outcome),
        }
        false
    }

    /// Whether the initiator may write, as far as others that do are concerned: asked when nothing else
    /// is against it, since from then on it counts as one of them.
    pub(super) fn may_write(&self) -> bool {
        self.port.admits_writer(self.header.source, self.received)
    }

    /// Refuses a command of which nothing has been done.
    pub(super) fn refuse_command(mut self: SlabBox<Self>, why: Failure) {
        let outcome = Outcome::Failed(why);
        self.task = Task::Answer(outcome);
        self.end(outcome);
    }

    /// Ends an ATA command without I/O, or when its last has ended.
    pub(super) fn end(mut self: SlabBox<Self>, outcome: Outcome) {
        self.outcome = outcome;
        self.finish();
    }

    /// Prepares I/O that needs memory. What is in the batch waits for it, a little: who decides does not
    /// submit, since the disk may let him wait, with all that others need to decide and to answer. So once
    /// it has been waited for in vain, that is not done again in the same run.
    pub(super) fn prepare(
        &mut self,
        batch: &mut Batch,
        prepare: impl Fn(&mut Io<Frame>, bool) -> Result,
    ) -> Result {
        prepare(self.io(), false).or_else(|error| {
            if batch.is_starved {
                return Err(error);
            }
            prepare(self.io(), true).inspect_err(|_| batch.is_starved = true)
        })
    }

    fn read(
        mut self: SlabBox<Self>,
        extent: Extent,
        batch: &mut Batch,
        submit: impl FnOnce(SlabBox<Self>, &mut Batch),
    ) {
        let Extent { first, sectors } = extent;
        let prepared = self.prepare(batch, |io, may_wait| {
            Ok(io.read(first.0, sectors as usize, may_wait)?)
        });
        match prepared {
            Ok(()) => submit(self, batch),
            // Dropped: the initiator will ask again.
            Err(_) => self.drop_with(Counter::DroppedMemory),
        }
    }

    fn write(mut self: SlabBox<Self>, extent: Extent, batch: &mut Batch) -> bool {
        if !self.may_write() {
            // As a read-only disk does.
            self.refuse_command(Failure::Aborted);
            return false;
        }
        let Extent { first, sectors } = extent;
        if !self.disk().blocks().are_whole(first.0, sectors) {
            return self.write_part(extent, batch);
        }
        let durable = self.durable;
        let prepared = self.prepare(batch, |io, may_wait| {
            io.write(
                first.0,
                sectors as usize,
                durable,
                ata_argument::END,
                may_wait,
            )
        });
        match prepared {
            Ok(()) => batch.add(self),
            Err(_) => self.drop_with(Counter::DroppedMemory),
        }
        prepared.is_ok()
    }

    /// Whether a write is to be answered when it is durable, as the administrator wants it now.
    pub(super) fn is_to_be_durable(&self) -> bool {
        self.argument().command == opcode::WRITE_DMA_FUA_EXT
            || self.port.blade().policy().cache() == Cache::Through
    }

    /// Reads as much of what is to be verified as one I/O can; the rest follows when that has
    /// ended.
    fn verify(mut self: SlabBox<Self>, extent: Extent, batch: &mut Batch) {
        let first = extent.first.0;
        let before = first.saturating_sub(self.disk().blocks().floor(first)) as u32;
        let sectors = extent.sectors.min(IO_SECTORS.saturating_sub(before));
        let rest = Extent {
            first: Lba(extent.first.0.saturating_add(sectors.into())),
            sectors: extent.sectors.saturating_sub(sectors),
        };
        self.progress = if rest.sectors > 0 {
            Progress::Verifying(rest)
        } else {
            Progress::Last
        };
        self.read(Extent { sectors, ..extent }, batch, |request, batch| {
            batch.add_alone(request)
        });
    }

    /// The sectors that the request touches, if it must keep its order with others.
    pub(super) fn touches(&mut self) -> Option<Span> {
        match self.asked {
            Asked::Ata(_, operation) => match operation.effect() {
                Effect::Nothing => None,
                Effect::Reads(extent) => Some(Span::reading(extent)),
                Effect::Changes(extent) => {
                    let (span, blocks) = (Span::writing(extent), self.disk().blocks());
                    Some(match blocks.are_sectors() {
                        true => span,
                        false => span.in_blocks(blocks),
                    })
                }
                Effect::ChangesListed(blocks) => self.trim_span(blocks),
                Effect::Follows => Some(Span::all_changes()),
            },
            // Whoever is excluded by the change must not have anything in flight when it is
            // answered.
            Asked::List { changes: true } => Some(Span::everything()),
            Asked::List { changes: false } | Asked::Config { .. } | Asked::Unknown(_) => None,
        }
    }

    /// Whether it is a WRITE or TRIM.
    pub(super) fn changes_data(&self) -> bool {
        match self.asked {
            Asked::Ata(_, operation) => operation.effect().changes_data(),
            Asked::Config { .. } | Asked::List { .. } | Asked::Unknown(_) => false,
        }
    }

    /// Whether it would change a disk that has become read-only since it was let in: each step asks, since
    /// the kernel only warns of it.
    pub(super) fn would_change_read_only(&self) -> bool {
        self.changes_data() && self.disk().is_read_only()
    }

    /// What is to be remembered of a request that changes data.
    pub(super) fn as_write(&self) -> Option<Write> {
        let span = self.span.filter(|_| self.changes_data())?;
        Some(Write::new(self.header.source, self.header.tag, span))
    }
}
