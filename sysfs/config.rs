// SPDX-License-Identifier: GPL-2.0

//! `config` and `config_raw` of an export: the config string, as text and as the bytes that it is.
//!
//! Initiators set it, to any bytes. As text it has escapes, and a string with hardly a byte that is
//! printable has more of them than a file can show or take. The bytes always fit.

use core::fmt::Write;

use kernel::prelude::*;
use kernel::str::Formatter;

use super::arguments;
use super::export::Export;
use super::kobject::Attribute;
use super::kobject::Binary;
use super::kobject::Node;
use crate::aoe::config::CAPACITY;
use crate::aoe::ConfigString;
use crate::blade::Change;
use crate::blade::ControlError;
use crate::wire::settings::Start;

pub(super) static CONFIG: Attribute<Export> = Attribute::new(
    Start::Config.file_name(),
    0o644,
    Some(config),
    Some(set_config),
);
pub(super) static CONFIG_RAW: Binary<Export> =
    Binary::new(c"config_raw", 0o644, config_raw, set_config_raw);

fn set(export: &Export, string: ConfigString) {
    export
        .blade()
        .change(|settings| settings.rules.config = string);
    export.blade().tell(Change::Config);
}

/// The string with its escapes. If there is no room for it there is an error, and no part of it.
fn config(export: &Export, text: &mut Formatter<'_>) -> Result {
    let settings = export.blade().settings().lock();
    Ok(writeln!(text, "{}", settings.rules.config)?)
}

fn set_config(export: &Node<Export>, text: &[u8]) -> Result {
    export.attempt(text, |text| {
        set(export, arguments::config(text)?);
        Ok(())
    })
}

fn config_raw(export: &Export, offset: usize, to: &mut [u8]) -> Result<usize> {
    let settings = export.blade().settings().lock();
    let rest = settings.rules.config.as_bytes().get(offset..);
    let rest = rest.unwrap_or_default();
    for (place, byte) in to.iter_mut().zip(rest) {
        *place = *byte;
    }
    Ok(rest.len().min(to.len()))
}

fn set_config_raw(export: &Node<Export>, offset: usize, bytes: &[u8]) -> Result {
    export.last_errors().attempt(|| {
        if offset != 0 {
            return Err(ControlError::new(
                EINVAL,
                format_args!("config_raw: the string must come in one write"),
            ));
        }
        let mut string = ConfigString::new();
        if !string.set(bytes) {
            return Err(ControlError::new(
                E2BIG,
                format_args!("config_raw: longer than {CAPACITY} bytes"),
            ));
        }
        set(export, string);
        Ok(())
    })
}
