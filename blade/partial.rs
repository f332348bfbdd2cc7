// SPDX-License-Identifier: GPL-2.0

//! Writes of parts of blocks, on disks whose blocks are larger than a sector.
//!
//! What is to stay of a block is read first, what is new is put there, and the whole is written, as
//! durable as any write. Nothing else touches the block meanwhile: the spans of writes are widened to
//! whole blocks. If the reading fails the write has failed, and the old contents stay.
//!
//! An initiator cuts what it writes into frames, which may be smaller than a block. So writes that follow
//! each other, and that the worker finds together, are gathered into one: the first of them leads it. If
//! that fails, each is tried again by itself, one after the other: all have their slots until then, so
//! that none that came later gets ahead.

use kernel::prelude::*;
use kernel::sync::rcu;

use super::execute::IO_SECTORS;
use super::order::Company;
use super::order::InflightSlot;
use super::order::InflightSlots;
use super::order::Span;
use super::request::Batch;
use super::request::Progress;
use super::request::Request;
use super::stats::Counter;
use super::turn::Turns;
use crate::aoe::ata_argument;
use crate::ata::Extent;
use crate::ata::Failure;
use crate::ata::Lba;
use crate::ata::Operation;
use crate::ata::Outcome;
use crate::ata::Task;
use crate::block::Blocks;
use crate::block::Io;
use crate::block::Owner;
use crate::block::Part;
use crate::block::SECTOR;
use crate::sync::SlabBox;

/// Blocks that are rather read at once than the first and the last of them one after the other.
const FEW: u32 = 4;

/// How far a write of parts of blocks has come.
#[derive(Clone, Copy)]
pub(super) struct Partial {
    step: Step,
    /// Those that follow it come after it, and not with it.
    is_alone: bool,
}

#[derive(Clone, Copy)]
enum Step {
    /// Others may still follow.
    Gathering,
    /// A part of what is to stay is being read.
    Reading(Part),
    /// All could not be read at once.
    Unreadable,
    /// All is being written.
    Writing,
    /// It has failed together with others.
    Again,
}

impl Turns {
    /// Takes a slot for a write that would have to wait for those only that it may go to the disk
    /// with.
    pub(super) fn claim_adjacent(
        &mut self,
        slots: &InflightSlots,
        request: &mut Request,
        span: Span,
    ) -> Option<InflightSlot> {
        let leader = self.batch.gathering()?;
        if !leader.takes(request) || leader.disk().has_failed_lately() {
            return None;
        }
        let mut company = Company::new();
        let mut add = |request: &Request| {
            if let Some(slot) = request.slot() {
                company.add(slot);
            }
        };
        add(leader);
        leader.followers().any(|other| {
            add(other);
            false
        });
        self.in_flight.claim_adjacent(slots, span, &company)
    }
}

impl Request {
    /// Leaves of what was read in whole blocks what was asked for. In any context.
    pub(super) fn cut(&mut self) {
        if self.disk().blocks().are_sectors() {
            return;
        }
        if let Task::Read(Extent { first, sectors }) = self.task {
            self.io().cut(first.0, sectors);
        }
    }

    /// The whole blocks within an extent, if there are any.
    pub(super) fn blocks_within(&self, extent: Extent) -> Option<Extent> {
        let blocks = self.disk().blocks();
        let end = extent.first.0.saturating_add(extent.sectors.into());
        let first = blocks.ceil(extent.first.0);
        match blocks.floor(end).saturating_sub(first) {
            0 => None,
            sectors => Some(Extent {
                first: Lba(first),
                sectors: sectors as u32,
            }),
        }
    }

    /// Begins a write of sectors that are not whole blocks. True if it is in flight.
    pub(super) fn write_part(mut self: SlabBox<Self>, extent: Extent, batch: &mut Batch) -> bool {
        let blocks = self.disk().blocks();
        let sectors = room_for(extent, blocks);
        // The frame carries more than any that the target has told of.
        if sectors > IO_SECTORS.into() {
            self.refuse_command(Failure::Aborted);
            return false;
        }
        if let Some(leader) = batch.gathering() {
            // Then it has its slot beside theirs.
            let shares_block = !blocks.begin_at(extent.first.0);
            let may_follow = shares_block || !leader.disk().has_failed_lately();
            if may_follow && leader.takes(&self) {
                if leader.make_room_for(&self) {
                    leader.followers().push(self);
                    return true;
                }
                if shares_block {
                    // It will come again.
                    self.drop_with(Counter::DroppedMemory);
                    return false;
                }
            }
        }
        let prepared = self.prepare(batch, |io, may_wait| Ok(io.make_room(sectors, may_wait)?));
        if prepared.is_err() {
            self.drop_with(Counter::DroppedMemory);
            return false;
        }
        self.set_step(Step::Gathering, false);
        batch.gather(self);
        true
    }

    /// Whether a write can follow this one, and those that do already, as one: it begins where they
    /// end.
    fn takes(&mut self, next: &Self) -> bool {
        let Operation::Write(transfer) = next.operation() else {
            return false;
        };
        let own = self.gathered_extent(false);
        let next_extent = transfer.extent();
        let whole = with(own, next_extent);
        own.first.0.saturating_add(own.sectors.into()) == next_extent.first.0
            && room_for(whole, self.disk().blocks()) <= IO_SECTORS.into()
            && self.durable == next.durable
    }

    /// Makes room for one more write behind those there are; false without memory.
    fn make_room_for(&mut self, next: &Self) -> bool {
        let Task::Write(extent) = next.task else {
            return false;
        };
        let whole = with(self.gathered_extent(false), extent);
        let sectors = room_for(whole, self.disk().blocks());
        self.io().make_room(sectors, false).is_ok()
    }

    /// The sectors of this write and, unless it `is_alone`, of those that follow it.
    fn gathered_extent(&mut self, is_alone: bool) -> Extent {
        let Operation::Write(transfer) = self.operation() else {
            return Extent {
                first: Lba(0),
                sectors: 0,
            };
        };
        let mut extent = transfer.extent();
        if !is_alone {
            self.followers().any(|other| {
                if let Operation::Write(transfer) = other.operation() {
                    extent = with(extent, transfer.extent());
                }
                false
            });
        }
        extent
    }

    fn set_step(&mut self, step: Step, is_alone: bool) {
        self.progress = Progress::Partial(Partial { step, is_alone });
    }

    /// Begins with what there is room for: reads what is to stay, if there is such, or writes.
    pub(super) fn begin_partial(mut self: SlabBox<Self>, is_alone: bool, batch: &mut Batch) {
        let (stays_before, stays_behind) = self.what_stays(is_alone);
        let part = match self.io().room() {
            2..=FEW if stays_before && stays_behind => Part::All,
            _ => return self.read_end(is_alone, batch),
        };
        self.read_part(part, is_alone, batch);
    }

    /// Whether there are sectors before those that are to be written, and behind them, in the same
    /// blocks.
    fn what_stays(&mut self, is_alone: bool) -> (bool, bool) {
        let blocks = self.disk().blocks();
        let Extent { first, sectors } = self.gathered_extent(is_alone);
        let end = first.0.saturating_add(sectors.into());
        (!blocks.begin_at(first.0), !blocks.begin_at(end))
    }

    /// Reads the first block if something there is to stay, else the last one, or writes.
    fn read_end(mut self: SlabBox<Self>, is_alone: bool, batch: &mut Batch) {
        let is_one = self.io().room() == 1;
        match self.what_stays(is_alone) {
            (false, false) => self.write_gathered(is_alone, batch),
            (true, _) => self.read_part(Part::First, is_alone, batch),
            (false, true) if is_one => self.read_part(Part::First, is_alone, batch),
            (false, true) => self.read_part(Part::Last, is_alone, batch),
        }
    }

    fn read_part(mut self: SlabBox<Self>, part: Part, is_alone: bool, batch: &mut Batch) {
        let first = self.first_of_blocks(is_alone);
        self.set_step(Step::Reading(part), is_alone);
        self.io().read_part(first, part);
        batch.add_ready(self);
    }

    fn first_of_blocks(&mut self, is_alone: bool) -> u64 {
        let Extent { first, .. } = self.gathered_extent(is_alone);
        self.disk().blocks().floor(first.0)
    }

    /// Writes all, now that what is to stay is there.
    fn write_gathered(mut self: SlabBox<Self>, is_alone: bool, batch: &mut Batch) {
        if self.would_change_read_only() {
            return self.end_all(is_alone, |it| it.end(Outcome::Failed(Failure::Aborted)));
        }
        if self.put_data(is_alone).is_err() {
            return self.give_up(is_alone);
        }
        let first = self.first_of_blocks(is_alone);
        let is_durable = self.durable;
        self.set_step(Step::Writing, is_alone);
        self.io().write_room(first, is_durable);
        batch.add_ready(self);
    }

    /// Puts the data of all that are written together where it belongs.
    fn put_data(&mut self, is_alone: bool) -> Result {
        let blocks_first = self.first_of_blocks(is_alone);
        let slot = |extent: Extent| {
            let at = extent.first.0.saturating_sub(blocks_first) as usize;
            let len = extent.sectors as usize;
            (at.saturating_mul(SECTOR), len.saturating_mul(SECTOR))
        };
        let (at, len) = slot(self.gathered_extent(true));
        self.io().put_in_room(None, ata_argument::END, at, len)?;
        if is_alone {
            return Ok(());
        }
        let mut followers = core::mem::take(self.followers());
        let mut result = Ok(());
        followers.any(|other| {
            let (at, len) = slot(other.gathered_extent(true));
            let other = Some(&*other.io());
            result = self.io().put_in_room(other, ata_argument::END, at, len);
            result.is_err()
        });
        *self.followers() = followers;
        result
    }

    /// The worker has a write again whose step has ended.
    pub(super) fn go_on(mut self: SlabBox<Self>, partial: Partial, batch: &mut Batch) {
        let Partial { step, is_alone } = partial;
        match step {
            Step::Reading(part) => {
                self.io().end_part(part);
                let (_, stays_behind) = self.what_stays(is_alone);
                if part == Part::First && stays_behind && self.io().room() > 1 {
                    self.read_part(Part::Last, is_alone, batch);
                } else {
                    self.write_gathered(is_alone, batch);
                }
            }
            Step::Unreadable => self.read_end(is_alone, batch),
            Step::Again => {
                let extent = self.gathered_extent(true);
                let sectors = room_for(extent, self.disk().blocks());
                self.io().drop_room();
                let prepare = |io: &mut Io<_>, may_wait| Ok(io.make_room(sectors, may_wait)?);
                match self.prepare(batch, prepare) {
                    Ok(()) => self.begin_partial(true, batch),
                    Err(_) => self.give_up(true),
                }
            }
            Step::Gathering | Step::Writing => {}
        }
    }

    /// A step has ended. In any context.
    pub(super) fn end_step(
        mut self: SlabBox<Self>,
        partial: Partial,
        result: Result,
        guard: &rcu::Guard,
    ) {
        let Partial { step, is_alone } = partial;
        let port = self.port.clone();
        let has_company = !is_alone && !self.followers().is_empty();
        let next = match (step, result) {
            (Step::Writing, Ok(())) => None,
            (step, Ok(())) => Some(step),
            // The bad sectors may be among those that are going to be written anyway.
            (Step::Reading(Part::All), Err(_)) if self.io().room() > 2 => Some(Step::Unreadable),
            (_, Err(_)) if has_company => Some(Step::Again),
            (_, Err(_)) => None,
        };
        if let Some(step) = next {
            self.has_failed |= result.is_err();
            let is_alone = is_alone || matches!(step, Step::Again);
            self.set_step(step, is_alone);
            return port.blade().post(self, guard);
        }
        if is_alone {
            self.let_next(guard);
        }
        let mut followers = core::mem::take(self.followers());
        self.progress = Progress::Last;
        match result {
            Err(error) => self.fails(error),
            Ok(()) if self.has_failed => self.recovers(),
            Ok(()) => {}
        }
        port.blade().post_ended(self, guard);
        while let Some(follower) = followers.pop() {
            port.blade().post_ended(follower, guard);
        }
    }

    /// Lets the next one go on of those that have failed together, and are tried again one after the
    /// other. In any context.
    fn let_next(&mut self, guard: &rcu::Guard) {
        if let Some(mut next) = self.followers().pop() {
            *next.followers() = core::mem::take(self.followers());
            next.set_step(Step::Again, true);
            next.has_failed = true;
            self.port.blade().post(next, guard);
        }
    }

    /// Drops a write for which there is no memory, and those that go with it. They will come again.
    fn give_up(self: SlabBox<Self>, is_alone: bool) {
        self.end_all(is_alone, |it| it.drop_with(Counter::DroppedMemory));
    }

    /// Ends a write, and those that go with it; unless they come after it.
    fn end_all(mut self: SlabBox<Self>, is_alone: bool, end: impl Fn(SlabBox<Self>)) {
        self.progress = Progress::Last;
        if is_alone {
            self.let_next(&rcu::read_lock());
        }
        while let Some(follower) = self.followers().pop() {
            end(follower);
        }
        end(self);
    }
}

/// Sectors of the blocks that have those of an extent.
fn room_for(extent: Extent, blocks: Blocks) -> u64 {
    let first = extent.first.0;
    let end = first.saturating_add(extent.sectors.into());
    blocks.ceil(end).saturating_sub(blocks.floor(first))
}

/// An extent and the one that follows it.
fn with(extent: Extent, next: Extent) -> Extent {
    Extent {
        sectors: extent.sectors.saturating_add(next.sectors),
        ..extent
    }
}
