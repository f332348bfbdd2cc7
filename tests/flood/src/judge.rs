// SPDX-License-Identifier: GPL-2.0

//! What holds for every answer.

use kvblade_fuzz::OWN;

use crate::frame::{Kind, Tag, ATA, CLIENT, GOOD, HEADER, TARGET};

const SECTOR: usize = 512;
/// The shortest frame.
const SHORTEST: usize = 60;

/// The destination of a question, and its flags: version 1, and no response.
const EVERYONE: [u8; 6] = [0xff; 6];
const REQUEST: u8 = 0x10;
const QUERY: u8 = 1;

/// Whether this is no answer: exports ask the segment whether another target has their address.
pub fn is_question(frame: &[u8]) -> bool {
    let is_whole = frame.len() == SHORTEST && frame[20..].iter().all(|byte| *byte == 0);
    let is_query = frame[14] == REQUEST && frame[15] == 0 && frame[19] == QUERY;
    let is_ours = frame[..6] == EVERYONE && frame[6..12] == OWN;
    is_whole && is_query && is_ours && (frame[16..19] == TARGET || frame[16..19] == GOOD)
}

/// What is wrong with an answer, if anything.
pub fn judge(answer: &[u8]) -> Result<(), &'static str> {
    let rule = |holds: bool, what| if holds { Ok(()) } else { Err(what) };
    rule(answer.len() >= SHORTEST, "short")?;
    rule(answer[0] & 1 == 0, "to a group")?;
    rule(answer[6..12] == OWN, "from another")?;
    rule(answer[14] & !4 == 0x18, "not a response of version 1")?;
    let error = answer[15];
    let has_error = answer[14] & 4 != 0;
    rule(has_error == (error != 0) && error <= 6, "the error code")?;
    let address = &answer[16..19];
    rule(address == TARGET || address == GOOD, "the address")?;
    let tag = Tag::in_frame(answer);
    let command = match tag.kind {
        Kind::Silence => return Err("to what must not be answered"),
        Kind::Good => {
            rule(answer[..6] == CLIENT, "to another")?;
            answer[19]
        }
        Kind::Command(command) => command,
        Kind::Read | Kind::Identify => 0,
    };
    rule(answer[19].min(4) == command, "the command")?;
    let end = end(answer, tag);
    rule(answer.len() == end.max(SHORTEST), "the length")?;
    rule(answer[end..].iter().all(|byte| *byte == 0), "the padding")
}

/// Where the fields of an answer end.
fn end(answer: &[u8], tag: Tag) -> usize {
    let has_error = answer[14] & 4 != 0;
    let is_good = answer[27] == 0x40;
    match answer[19] {
        _ if has_error && (answer[19] == 0 || matches!(answer[15], 1 | 5)) => HEADER,
        0 if is_good && tag.kind == Kind::Identify => ATA + SECTOR,
        0 if is_good && tag.kind == Kind::Read => ATA + SECTOR * usize::from(tag.sectors),
        0 if tag.kind == Kind::Good => answer.len(),
        0 => ATA,
        1 => 32 + usize::from(u16::from_be_bytes([answer[30], answer[31]])),
        2 if has_error || answer[26] != 0 => 28,
        2 => 28 + 8 * usize::from(answer[27]),
        3 => 26 + 6 * usize::from(answer[25]),
        _ => HEADER,
    }
}
