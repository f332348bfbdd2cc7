// SPDX-License-Identifier: GPL-2.0

//! What a blade remembers of its initiators' wishes, and what follows from it: the config string,
//! the MAC mask list, the reservation.
//!
//! Pure like `wire/aoe/` and `wire/ata/`: it knows nothing of the kernel, and the host tests and fuzzes it.

use crate::aoe::config;
use crate::aoe::mask;
use crate::aoe::reserve;
use crate::aoe::AoeError;
use crate::aoe::Command;
use crate::aoe::ConfigReply;
use crate::aoe::ConfigRequest;
use crate::aoe::ConfigString;
use crate::aoe::Header;
use crate::aoe::MacList;
use crate::aoe::MaskOutcome;
use crate::aoe::MaskRequest;
use crate::aoe::ReserveRequest;
use crate::ata::Operation;

/// What a blade remembers of its initiators' wishes.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// The config string of Query Config.
    pub config: ConfigString,
    /// The initiators that are answered at all; all of them if there is none.
    pub mask: MacList,
    /// The initiators that may use the disk; all of them if there is none.
    pub reservation: MacList,
    /// Whether the administrator has taken the disk out of use.
    pub offline: bool,
}

/// What a Query Config response tells beside the config string.
#[derive(Clone, Copy, Debug)]
pub struct Advertisement {
    /// Requests of one initiator that can wait.
    pub buffer_count: u16,
    /// Firmware version.
    pub firmware: u16,
    /// The most sectors per ATA request.
    pub sector_count: u8,
}

/// The argument of a response, as it is built.
pub struct Body {
    bytes: [u8; Body::SIZE],
    length: usize,
}

/// The answer to a command that is not an ATA command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// None.
    Silence,
    /// The body, with this error if there is one.
    Body(Option<AoeError>),
}

impl Rules {
    /// Whether an initiator is not to be answered, whatever it sends.
    pub fn ignores(&self, header: &Header) -> bool {
        self.mask.excludes(header.source)
    }

    /// The error that refuses an ATA command, whatever its registers say.
    pub fn refusal(&self, header: &Header, operation: &Operation) -> Option<AoeError> {
        if self.offline {
            return Some(AoeError::DeviceUnavailable);
        }
        if self.reservation.excludes(header.source) && !operation.ignores_reservation() {
            return Some(AoeError::TargetReserved);
        }
        None
    }

    /// Whether nothing is forbidden to anyone, so that there is nothing to check.
    pub fn are_open(&self) -> bool {
        self.mask.is_empty() && self.reservation.is_empty() && !self.offline
    }

    /// Does what a command asks for that is not an ATA command, and builds the response's
    /// argument. `frame` begins with the Ethernet header and holds all of the frame.
    pub fn answer(
        &mut self,
        header: &Header,
        frame: &[u8],
        advertisement: Advertisement,
        body: &mut Body,
    ) -> Answer {
        let answer = match header.command {
            Command::Config => self.answer_config(frame, advertisement, body),
            Command::Mask => self.answer_mask(frame, body),
            Command::Reserve => self.answer_reserve(header, frame, body),
            Command::Ata | Command::Unknown(_) => None,
        };
        answer.map_or(Answer::Silence, Answer::Body)
    }

    fn answer_config(
        &mut self,
        frame: &[u8],
        advertisement: Advertisement,
        body: &mut Body,
    ) -> Option<Option<AoeError>> {
        let request = ConfigRequest::parse(frame)?;
        let result = self.config.apply(&request)?;
        self.describe(&request, advertisement, body);
        Some(result.err())
    }

    /// Builds the argument of the Query Config response to `request`.
    pub fn describe(
        &self,
        request: &ConfigRequest<'_>,
        advertisement: Advertisement,
        body: &mut Body,
    ) {
        let fixed = ConfigReply {
            buffer_count: advertisement.buffer_count,
            firmware: advertisement.firmware,
            sector_count: advertisement.sector_count,
            command: request.command,
            string_length: self.config.length(),
        };
        body.append(&fixed.to_bytes());
        body.append(self.config.as_bytes());
    }

    fn answer_mask(&mut self, frame: &[u8], body: &mut Body) -> Option<Option<AoeError>> {
        let request = MaskRequest::parse(frame)?;
        let outcome = request.apply(&mut self.mask);
        body.append(&request.reply(outcome, &self.mask));
        if outcome == MaskOutcome::Listed {
            for mac in self.mask.as_slice() {
                body.append(&mask::listed(*mac));
            }
        }
        Some(match outcome {
            MaskOutcome::Refused(error) => Some(error),
            MaskOutcome::Listed | MaskOutcome::Failed { .. } => None,
        })
    }

    fn answer_reserve(
        &mut self,
        header: &Header,
        frame: &[u8],
        body: &mut Body,
    ) -> Option<Option<AoeError>> {
        let request = ReserveRequest::parse(frame)?;
        let result = request.apply(&mut self.reservation, header.source);
        body.append(&request.reply(&self.reservation));
        for mac in self.reservation.as_slice() {
            body.append(&mac.0);
        }
        Some(result.err())
    }
}

impl Body {
    /// Room for the longest argument: a full mask list, or a config string.
    const SIZE: usize = {
        let config = config::SIZE + config::CAPACITY;
        let mask = mask::SIZE + mask::DIRECTIVE * crate::aoe::mac_list::CAPACITY;
        let reserve = reserve::SIZE + 6 * crate::aoe::mac_list::CAPACITY;
        assert!(config >= mask && config >= reserve);
        config
    };

    /// An empty argument.
    pub const fn new() -> Self {
        Self {
            bytes: [0; Self::SIZE],
            length: 0,
        }
    }

    /// The bytes so far.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Adds what there is room for, and there is room for everything that is added.
    fn append(&mut self, bytes: &[u8]) {
        let places = self.bytes.get_mut(self.length..).unwrap_or_default();
        for (place, byte) in places.iter_mut().zip(bytes) {
            *place = *byte;
            self.length = self.length.saturating_add(1);
        }
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::new()
    }
}
