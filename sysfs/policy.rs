// SPDX-License-Identifier: GPL-2.0

//! The files of an export by which the administrator sees how it is served, and changes it.

use core::fmt::Display;
use core::fmt::Write;

use kernel::prelude::*;
use kernel::str::Formatter;

use super::arguments;
use super::export::Export;
use super::kobject::Attribute;
use super::kobject::Node;
use crate::blade::Policy;
use crate::blade::Refusal;
use crate::blade::Word;

pub(super) static RO: Attribute<Export> = Attribute::new(c"ro", 0o444, Some(ro), None);
pub(super) static SHARED: Attribute<Export> = Attribute::new(c"shared", 0o444, Some(shared), None);
pub(super) static OFFSET: Attribute<Export> = Attribute::new(c"offset", 0o444, Some(offset), None);
pub(super) static LENGTH: Attribute<Export> = Attribute::new(c"length", 0o444, Some(length), None);
pub(super) static BUFCNT: Attribute<Export> =
    Attribute::new(c"bufcnt", 0o644, Some(bufcnt), Some(set_bufcnt));
pub(super) static MTU_MAX: Attribute<Export> =
    Attribute::new(c"mtu_max", 0o644, Some(mtu_max), Some(set_mtu_max));
pub(super) static CACHE: Attribute<Export> =
    Attribute::new(c"cache", 0o644, Some(cache), Some(set_cache));
pub(super) static ANNOUNCE: Attribute<Export> =
    Attribute::new(c"announce", 0o644, Some(announce), Some(set_announce));
pub(super) static ON_CONFLICT: Attribute<Export> = Attribute::new(
    c"on_conflict",
    0o644,
    Some(on_conflict),
    Some(set_on_conflict),
);
pub(super) static CONFLICT_CHECK: Attribute<Export> = Attribute::new(
    c"conflict_check",
    0o644,
    Some(conflict_check),
    Some(set_conflict_check),
);
pub(super) static ANNOUNCE_EVERY: Attribute<Export> = Attribute::new(
    c"announce_every",
    0o644,
    Some(announce_every),
    Some(set_announce_every),
);
pub(super) static SINGLE_WRITER: Attribute<Export> = Attribute::new(
    c"single_writer",
    0o644,
    Some(single_writer),
    Some(set_single_writer),
);
pub(super) static LOG: Attribute<Export> = Attribute::new(c"log", 0o644, Some(log), Some(set_log));

fn show(text: &mut Formatter<'_>, value: impl Display) -> Result {
    Ok(writeln!(text, "{value}")?)
}

/// Changes the policy to what the text says, and tells initiators where they are told of it.
fn set<T>(
    export: &Export,
    text: &[u8],
    parse: impl FnOnce(&str) -> Result<T, Refusal>,
    change: impl FnOnce(&Policy, T),
) -> Result {
    export.attempt(text, |text| {
        change(export.policy(), parse(text)?);
        export.announce();
        Ok(())
    })
}

fn set_word<T: Word>(
    export: &Export,
    name: &str,
    text: &[u8],
    change: impl FnOnce(&Policy, T),
) -> Result {
    export.attempt(text, |text| {
        change(export.policy(), arguments::word(name, text)?);
        Ok(())
    })
}

fn ro(export: &Export, text: &mut Formatter<'_>) -> Result {
    show(text, u8::from(export.mode().read_only))
}

fn shared(export: &Export, text: &mut Formatter<'_>) -> Result {
    show(text, u8::from(export.mode().shared))
}

fn offset(export: &Export, text: &mut Formatter<'_>) -> Result {
    show(text, export.mode().offset)
}

fn length(export: &Export, text: &mut Formatter<'_>) -> Result {
    show(text, export.mode().length.unwrap_or(0))
}

fn bufcnt(export: &Export, text: &mut Formatter<'_>) -> Result {
    show(text, export.policy().buffer_count())
}

fn set_bufcnt(export: &Node<Export>, text: &[u8]) -> Result {
    set(
        export,
        text,
        arguments::buffer_count,
        Policy::set_buffer_count,
    )
}

fn mtu_max(export: &Export, text: &mut Formatter<'_>) -> Result {
    show(text, export.policy().mtu_max().unwrap_or(0))
}

fn set_mtu_max(export: &Node<Export>, text: &[u8]) -> Result {
    set(export, text, arguments::mtu, Policy::set_mtu_max)
}

fn cache(export: &Export, text: &mut Formatter<'_>) -> Result {
    show(text, export.policy().cache().word())
}

fn set_cache(export: &Node<Export>, text: &[u8]) -> Result {
    set_word(export, "cache", text, Policy::set_cache)
}

fn announce(export: &Export, text: &mut Formatter<'_>) -> Result {
    show(text, export.policy().audience().word())
}

fn set_announce(export: &Node<Export>, text: &[u8]) -> Result {
    set_word(export, "announce", text, Policy::set_audience)
}

fn on_conflict(export: &Export, text: &mut Formatter<'_>) -> Result {
    show(text, export.policy().on_conflict().word())
}

fn set_on_conflict(export: &Node<Export>, text: &[u8]) -> Result {
    set_word(export, "on_conflict", text, Policy::set_on_conflict)
}

fn conflict_check(export: &Export, text: &mut Formatter<'_>) -> Result {
    show(text, export.policy().conflict_check())
}

fn set_conflict_check(export: &Node<Export>, text: &[u8]) -> Result {
    export.attempt(text, |text| {
        let seconds = arguments::conflict_check(text)?;
        export.policy().set_conflict_check(seconds);
        Ok(())
    })
}

fn announce_every(export: &Export, text: &mut Formatter<'_>) -> Result {
    show(text, export.policy().announce_every())
}

fn set_announce_every(export: &Node<Export>, text: &[u8]) -> Result {
    export.attempt(text, |text| {
        let seconds = arguments::announce_every(text)?;
        export.policy().set_announce_every(seconds);
        Ok(())
    })
}

fn single_writer(export: &Export, text: &mut Formatter<'_>) -> Result {
    show(text, u8::from(export.policy().is_single_writer()))
}

fn set_single_writer(export: &Node<Export>, text: &[u8]) -> Result {
    export.attempt(text, |text| {
        let is_single = arguments::flag("single_writer", text)?;
        export.policy().set_single_writer(is_single);
        // Of several that write now the next one is the single one.
        export.blade().initiators().writers().forget();
        Ok(())
    })
}

fn log(export: &Export, text: &mut Formatter<'_>) -> Result {
    show(text, export.policy().log().word())
}

fn set_log(export: &Node<Export>, text: &[u8]) -> Result {
    set_word(export, "log", text, Policy::set_log)
}
