// SPDX-License-Identifier: GPL-2.0

//! What a blade does with a request when its turn has come: it is answered, or ignored, or its
//! I/O is submitted and it is answered when that has ended.

use kernel::prelude::*;

use super::access::Right;
use super::history::Write;
use super::order::Span;
use super::policy::Cache;
use super::request::Batch;
use super::request::Progress;
use super::request::Request;
use super::rules::Answer;
use super::rules::Body;
use super::stats::Counter;
use super::watchers::Change;
use crate::aoe;
use crate::aoe::ata_argument;
use crate::aoe::AoeError;
use crate::aoe::AtaArgument;
use crate::aoe::Command;
use crate::aoe::MaskRequest;
use crate::aoe::ReserveRequest;
use crate::ata::admission;
use crate::ata::opcode;
use crate::ata::trim;
use crate::ata::Capacity;
use crate::ata::Conditions;
use crate::ata::Extent;
use crate::ata::Failure;
use crate::ata::Lba;
use crate::ata::Operation;
use crate::ata::Outcome;
use crate::ata::Task;
use crate::ata::TrimList;
use crate::block;
use crate::block::Io;
use crate::block::Owner;
use crate::block::SECTOR;
use crate::net::Frame;
use crate::sync::SlabBox;

/// Sectors of one I/O at most.
const IO_SECTORS: u32 = (block::Pages::MAX_LEN / SECTOR) as u32;

/// The longest request but for a WRITE: Query Config with a whole string. The longest lists of
/// addresses are shorter, and what does not fit is more than they may have.
const LONGEST: usize = aoe::config::END + aoe::config::CAPACITY;

impl Request {
    /// Executes the request, or the next step of it; I/O may go into the batch.
    pub(super) fn execute(mut self: SlabBox<Self>, batch: &mut Batch) {
        match self.progress {
            Progress::Arrived => {}
            Progress::Verifying(rest) => return self.verify(rest, batch),
            Progress::Trimming(index) => return self.trim(index),
            Progress::Last => return,
            Progress::Again => {
                self.progress = Progress::Last;
                self.io().keep_alone();
                return block::submit(self);
            }
        }
        self.progress = Progress::Last;
        let blade = self.port.blade();
        if blade.is_restricted() && blade.settings().lock().rules.ignores(&self.header) {
            return self.is_dropped(Counter::DroppedMask);
        }
        if let Some(error) = admission::refusal(&self.header) {
            return self.refuse(error);
        }
        match self.header.command {
            Command::Ata => self.execute_ata(batch),
            _ => self.execute_other(),
        }
    }

    /// Query Config, MAC Mask List, Reserve/Release.
    fn execute_other(&mut self) {
        let Some(advertisement) = self.port.advertisement() else {
            return;
        };
        let mut buffer = [0; LONGEST];
        let length = self.frame().map_or(0, |frame| frame.peek(&mut buffer));
        let frame = buffer.get(..length).unwrap_or_default();
        let mut body = Body::new();
        let answer = self.port.blade().change(|settings| {
            settings
                .rules
                .answer(&self.header, frame, advertisement, &mut body)
        });
        if Right::needed(&self.header, frame) == Right::Configure {
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

    fn execute_ata(mut self: SlabBox<Self>, batch: &mut Batch) {
        let operation = self.operation;
        let blade = self.port.blade();
        if blade.is_restricted() {
            let refusal = blade
                .settings()
                .lock()
                .rules
                .refusal(&self.header, &operation);
            if let Some(error) = refusal {
                return self.refuse(error);
            }
        }
        if self.disk().is_gone() {
            return self.refuse(AoeError::DeviceUnavailable);
        }
        let conditions = Conditions {
            capacity: Capacity(self.disk().capacity()),
            reply_sectors: aoe::sectors_for_reply(self.frame_limit).min(IO_SECTORS),
            payload: self
                .frame()
                .map_or(0, |frame| frame.len().saturating_sub(ata_argument::END)),
            read_only: self.read_only || blade.mode().read_only,
            trim: self.disk().can_discard(),
        };
        self.task = operation.prepare(&conditions);
        match self.task {
            Task::Read(extent) => self.read(extent, batch, |request, batch| batch.add(request)),
            Task::Write(extent) => self.write(extent, batch),
            Task::Verify(extent) => self.verify(extent, batch),
            Task::Flush => {
                self.io().flush();
                block::submit(self);
            }
            Task::Trim { .. } => match self.check_trim(conditions.capacity) {
                Ok(()) => self.trim(0),
                Err(failure) => self.end(Outcome::Failed(failure)),
            },
            Task::Identify => self.identify(),
            Task::Answer(outcome) => self.end(outcome),
        }
    }

    fn end(mut self: SlabBox<Self>, outcome: Outcome) {
        self.outcome = outcome;
        self.answer();
    }

    /// Prepares I/O that needs memory. What is in the batch does not wait for it.
    fn prepare(
        &mut self,
        batch: &mut Batch,
        prepare: impl Fn(&mut Io<Frame>, bool) -> Result,
    ) -> Result {
        prepare(self.io(), false).or_else(|_| {
            batch.submit();
            prepare(self.io(), true)
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
            Err(_) => self.is_dropped(Counter::DroppedMemory),
        }
    }

    fn write(mut self: SlabBox<Self>, extent: Extent, batch: &mut Batch) {
        let durable = self.argument.command == opcode::WRITE_DMA_FUA_EXT
            || self.port.blade().policy().cache() == Cache::Through;
        let Extent { first, sectors } = extent;
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
            Err(_) => self.is_dropped(Counter::DroppedMemory),
        }
    }

    /// Reads as much of what is to be verified as one I/O can; the rest follows when that has
    /// ended.
    fn verify(mut self: SlabBox<Self>, extent: Extent, batch: &mut Batch) {
        let sectors = extent.sectors.min(IO_SECTORS);
        let rest = Extent {
            first: Lba(extent.first.0.saturating_add(sectors.into())),
            sectors: extent.sectors.saturating_sub(sectors),
        };
        self.progress = if rest.sectors > 0 {
            Progress::Verifying(rest)
        } else {
            Progress::Last
        };
        self.read(Extent { sectors, ..extent }, batch, |request, _| {
            block::submit(request)
        });
    }

    /// Discards the first range from this index on; the next follows when that has ended.
    fn trim(mut self: SlabBox<Self>, index: usize) {
        let capacity = Capacity(self.disk().capacity());
        let mut rest = (index..self.trim_entries()).filter_map(|index| {
            let extent = self.trim_range(index, capacity).ok()??;
            Some((index, extent))
        });
        let Some((index, extent)) = rest.next() else {
            drop(rest);
            return self.end(Outcome::Success);
        };
        drop(rest);
        self.progress = Progress::Trimming(index.saturating_add(1));
        self.io().discard(extent.first.0, extent.sectors);
        block::submit(self);
    }

    /// Checks all ranges of a TRIM, before any is touched.
    fn check_trim(&self, capacity: Capacity) -> Result<(), Failure> {
        (0..self.trim_entries()).try_for_each(|index| self.trim_range(index, capacity).map(|_| ()))
    }

    fn trim_entries(&self) -> usize {
        usize::from(self.argument.count).saturating_mul(SECTOR / trim::ENTRY)
    }

    /// The range of a TRIM at this index, if it is not empty, read from the frame.
    fn trim_range(&self, index: usize, capacity: Capacity) -> Result<Option<Extent>, Failure> {
        let offset = index
            .saturating_mul(trim::ENTRY)
            .saturating_add(ata_argument::END);
        let entry: [u8; trim::ENTRY] = self
            .frame()
            .and_then(|frame| frame.bytes(offset))
            .map_err(|_| Failure::Aborted)?;
        TrimList::check(&entry, capacity).map(|list| list.extents().next())
    }

    /// The sectors that the request touches, if it must keep its order with others.
    pub(super) fn touches(&mut self) -> Option<Span> {
        let head = self.head.bytes();
        match self.header.command {
            Command::Ata => {
                self.argument = AtaArgument::parse(head)?;
                self.operation = Operation::decode(&self.argument);
                match self.operation {
                    Operation::Read(transfer) | Operation::Verify(transfer) => {
                        Some(Span::reading(transfer.extent()))
                    }
                    Operation::Write(transfer) => Some(Span::writing(transfer.extent())),
                    Operation::Flush | Operation::Power { flush: true } => {
                        Some(Span::all_changes())
                    }
                    Operation::Trim { .. } => self.trim_span(),
                    _ => None,
                }
            }
            // Whoever is excluded by the change must not have anything under way when it is
            // answered.
            Command::Mask => (!MaskRequest::parse(head)?.is_read()).then(Span::everything),
            Command::Reserve => (!ReserveRequest::parse(head)?.is_read()).then(Span::everything),
            Command::Config | Command::Unknown(_) => None,
        }
    }

    /// What is to be remembered of a request that changes data.
    pub(super) fn as_write(&self) -> Option<Write> {
        let changes = matches!(self.header.command, Command::Ata)
            && matches!(self.operation, Operation::Write(_) | Operation::Trim { .. });
        let span = self.span.filter(|_| changes)?;
        Some(Write::new(self.header.source, self.header.tag, span))
    }

    /// From the first sector of a TRIM to the last.
    fn trim_span(&self) -> Option<Span> {
        let whole = Capacity(u64::MAX);
        (0..self.trim_entries())
            .filter_map(|index| self.trim_range(index, whole).ok()?)
            .map(Span::writing)
            .reduce(Span::and)
    }
}
