// SPDX-License-Identifier: GPL-2.0

//! What tracepoints are told of requests, and what is counted of those that are not answered.

use super::port::Port;
use super::request::Arrival;
use super::request::Request;
use super::stats::Counter;
use crate::aoe::Header;
use crate::aoe::Tag;
use crate::ata::Asked;
use crate::ata::Effect;
use crate::trace;

/// What tracepoints are told of a request that has come to a port.
fn traced(port: &Port, header: &Header, asked: &Asked) -> trace::TracedRequest {
    let (address, Tag(tag)) = (port.address(), header.tag);
    let mut request = trace::TracedRequest {
        shelf: address.shelf.get(),
        slot: address.slot.get(),
        initiator: header.source.0,
        tag,
        command: header.command.code(),
        ..trace::TracedRequest::default()
    };
    if let Asked::Ata(argument, operation) = asked {
        request.opcode = argument.command;
        if let Effect::Reads(extent) | Effect::Changes(extent) = operation.effect() {
            request.lba = extent.first.0;
            request.sectors = extent.sectors.try_into().unwrap_or(u16::MAX);
        }
    }
    request
}

/// Counts a frame that is not let in, and says why.
pub(super) fn not_let_in(port: &Port, arrival: &Arrival<'_>, cause: Counter) {
    port.stats().count(cause);
    trace::refuse(
        || traced(port, arrival.header, arrival.asked),
        0,
        cause.row().file_name,
    );
}

impl Request {
    fn traced(&self) -> trace::TracedRequest {
        traced(&self.port, &self.header, &self.asked)
    }

    /// The request was let in.
    pub(super) fn begins(&self) {
        trace::begin(|| self.traced(), 0, c"");
    }

    /// The request is answered, with this ATA status and error register or this AoE error.
    pub(super) fn ends(&self, value: u32) {
        trace::end(|| self.traced(), value, c"");
    }

    /// The request is not answered.
    pub(super) fn drop_with(&self, cause: Counter) {
        self.port.stats().count(cause);
        trace::refuse(|| self.traced(), 0, cause.row().file_name);
    }

    /// The request repeats one that has not been answered yet, and is not executed by itself.
    pub(super) fn has_joined(&self) {
        self.port.stats().count(Counter::RepeatedJoined);
        trace::retransmit(|| self.traced(), 0, c"repeated_joined");
    }

    /// The request is a write that has come before.
    pub(super) fn is_retransmission(&self, overtaken: bool) {
        self.port.stats().count(Counter::Retransmits);
        trace::retransmit(|| self.traced(), overtaken.into(), c"");
    }
}
