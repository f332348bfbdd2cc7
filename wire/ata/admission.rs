// SPDX-License-Identifier: GPL-2.0

//! Which frames are worth a thought, and which requests may come by broadcast or wildcard.
//!
//! A broadcast comes to every NIC of a target, and a wildcard address to every target: what
//! changes data would be done several times at different moments, and what carries data would be
//! answered by many at once. What initiators discover targets by is answered however it comes.

use super::asked::Asked;
use super::scope::Reach;
use crate::aoe::Header;

/// What a request asks for, if its frame is to be looked at by the targets that its destination matches.
/// If not, it is ignored without an answer.
///
/// `head` is the frame as far as its longest fixed part, 36 bytes, or less if the frame is
/// shorter. `broadcast` tells whether the frame came to the broadcast MAC.
#[inline]
pub fn admit(header: &Header, head: &[u8], broadcast: bool) -> Option<Asked> {
    let reach = if !header.addr.is_exact() {
        Reach::Wildcard
    } else if broadcast {
        Reach::Broadcast
    } else {
        Reach::Direct
    };
    Asked::parse(header, head).filter(|asked| !header.is_response && asked.scope().admits(reach))
}
