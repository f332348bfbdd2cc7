// SPDX-License-Identifier: GPL-2.0

//! Tracepoints of requests, for perf, bpftrace and `/sys/kernel/tracing`. While they are off, each
//! costs one instruction that does nothing.
//!
//! C header: [`include/linux/tracepoint.h`](srctree/include/linux/tracepoint.h)

use kernel::prelude::*;

use crate::bindings;
use crate::compat;

/// What is told of a request.
#[derive(Clone, Copy, Default)]
pub(crate) struct TracedRequest {
    /// The target's shelf.
    pub(crate) shelf: u16,
    /// The target's slot.
    pub(crate) slot: u8,
    /// The initiator's address.
    pub(crate) initiator: [u8; 6],
    /// The tag, as it is in the frame.
    pub(crate) tag: [u8; 4],
    /// The AoE command.
    pub(crate) command: u8,
    /// The ATA command, if it is one.
    pub(crate) opcode: u8,
    /// Its first sector.
    pub(crate) lba: u64,
    /// The number of its sectors.
    pub(crate) sectors: u16,
}

impl TracedRequest {
    fn to_raw(self) -> bindings::kv_trace_request {
        bindings::kv_trace_request {
            lba: self.lba,
            tag: u32::from_be_bytes(self.tag),
            shelf: self.shelf,
            sectors: self.sectors,
            slot: self.slot,
            command: self.command,
            opcode: self.opcode,
            initiator: self.initiator,
        }
    }
}

macro_rules! tracepoints {
    ($($(#[$doc:meta])* $name:ident: $point:ident, $call:ident;)*) => {$(
        $(#[$doc])*
        ///
        /// In any context. `request` is only called while the tracepoint is on.
        pub(crate) fn $name(request: impl FnOnce() -> TracedRequest, value: u32, cause: &'static CStr) {
            // SAFETY: The tracepoint is a static of this module; whether it is on may be asked at
            // any time.
            let is_on = unsafe { compat::is_on!(bindings::$point) };
            if is_on {
                let request = request().to_raw();
                // SAFETY: The request and the string are valid during the call.
                unsafe { bindings::$call(&request, value, cause.as_char_ptr()) };
            }
        }
    )*};
}

tracepoints! {
    /// A request was let in.
    begin: __tracepoint_kvblade_request_begin, kv_trace_request_begin;
    /// A request is answered, with this ATA status and error register, or this AoE error.
    end: __tracepoint_kvblade_request_end, kv_trace_request_end;
    /// A request is not answered, for this cause.
    refuse: __tracepoint_kvblade_refuse, kv_trace_refuse;
    /// A write has come before; `value` is 1 if a newer one has followed it. Or a request has, and there
    /// is a cause.
    retransmit: __tracepoint_kvblade_retransmit, kv_trace_retransmit;
}
