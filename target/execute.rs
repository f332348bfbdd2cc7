// SPDX-License-Identifier: GPL-2.0

//! What a blade does with a request. Its worker decides on one at a time, in the order of
//! arrival: the request is answered, or ignored, or its I/O is submitted and it is answered when
//! that has ended.

use kernel::prelude::*;

use super::request::Request;
use crate::aoe;
use crate::aoe::ata_argument;
use crate::aoe::AoeError;
use crate::aoe::AtaArgument;
use crate::aoe::Command;
use crate::aoe::ConfigRequest;
use crate::ata::admission;
use crate::ata::Capacity;
use crate::ata::Conditions;
use crate::ata::Extent;
use crate::ata::Failure;
use crate::ata::Lba;
use crate::ata::Operation;
use crate::ata::Outcome;
use crate::ata::Task;
use crate::block;

/// Sectors of one I/O at most.
const IO_SECTORS: u32 = (block::Pages::MAX_LEN / block::SECTOR) as u32;

/// The longest Query Config request.
const CONFIG_FRAME: usize = aoe::config::END + aoe::config::CAPACITY;

impl Request {
    /// Decides on the request.
    pub(super) fn execute(mut self: KBox<Self>) {
        if let Some(rest) = self.unverified {
            return self.verify(rest);
        }
        if let Some(error) = admission::refusal(&self.header) {
            return self.refuse(error);
        }
        match self.header.command {
            Command::Ata => {
                if let Some(argument) = AtaArgument::parse(self.head.bytes()) {
                    self.argument = argument;
                    self.execute_ata();
                }
            }
            Command::Config => self.query_config(),
            _ => self.refuse(AoeError::UnrecognisedCommand),
        }
    }

    fn query_config(&self) {
        let mut buffer = [0; CONFIG_FRAME];
        let length = self.frame.peek(&mut buffer);
        let frame = buffer.get(..length).unwrap_or_default();
        let Some(request) = ConfigRequest::parse(frame) else {
            return;
        };
        let mut settings = self.port.blade().settings().lock();
        let Some(result) = settings.config.apply(&request) else {
            return;
        };
        let header = self.reply_header().map(|header| match result {
            Ok(()) => header,
            Err(error) => header.refusing(error),
        });
        let reply =
            header.and_then(|header| self.port.config_reply(&header, request.command, &settings));
        if let Some(reply) = reply {
            self.port.send(reply);
        }
    }

    fn execute_ata(mut self: KBox<Self>) {
        let conditions = Conditions {
            capacity: Capacity(self.disk().capacity()),
            reply_sectors: self
                .port
                .mtu()
                .map_or(0, aoe::sectors_for_reply)
                .min(IO_SECTORS),
            payload: self.frame.len().saturating_sub(ata_argument::END),
            read_only: self.port.blade().options().read_only,
            trim: false,
        };
        self.task = Operation::decode(&self.argument).prepare(&conditions);
        match self.task {
            Task::Read(extent) => self.read(extent),
            Task::Write(extent) => self.write(extent),
            Task::Verify(extent) => self.verify(extent),
            Task::Flush => {
                self.io_and_frame().0.flush();
                block::submit(self);
            }
            Task::Identify => self.identify(),
            Task::Answer(outcome) => {
                self.outcome = outcome;
                self.answer();
            }
            // No device is said to have TRIM, so none is asked for it.
            Task::Trim { .. } => {
                self.outcome = Outcome::Failed(Failure::Aborted);
                self.answer();
            }
        }
    }

    fn read(mut self: KBox<Self>, extent: Extent) {
        let (io, _) = self.io_and_frame();
        // Without memory the request is dropped: the initiator will ask again.
        if io.read(extent.first.0, extent.sectors as usize).is_ok() {
            block::submit(self);
        }
    }

    fn write(mut self: KBox<Self>, extent: Extent) {
        let (io, frame) = self.io_and_frame();
        let result = io.write(extent.first.0, extent.sectors as usize, |offset, memory| {
            let offset = offset.checked_add(ata_argument::END).ok_or(EFAULT)?;
            frame.copy(offset, memory)
        });
        if result.is_ok() {
            block::submit(self);
        }
    }

    /// Reads as much of what is to be verified as one I/O can; the rest follows when that has
    /// ended.
    fn verify(mut self: KBox<Self>, extent: Extent) {
        let sectors = extent.sectors.min(IO_SECTORS);
        let rest = Extent {
            first: Lba(extent.first.0.saturating_add(sectors.into())),
            sectors: extent.sectors.saturating_sub(sectors),
        };
        self.unverified = (rest.sectors > 0).then_some(rest);
        self.read(Extent { sectors, ..extent });
    }
}
