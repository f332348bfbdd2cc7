// SPDX-License-Identifier: GPL-2.0

//! The arguments written to `add` and `del`: words between white space.

use kernel::prelude::*;
use kernel::str::CString;

use crate::aoe::ShelfSlot;
use crate::net::InterfaceName;
use crate::target::Options;
use crate::target::Refusal;

/// An export as it is named: `SHELF SLOT INTERFACE`.
pub(super) struct Export {
    pub(super) address: ShelfSlot,
    pub(super) interface: InterfaceName,
}

/// An export to be made: `SHELF SLOT INTERFACE PATH [KEY=VALUE...]`.
pub(super) struct NewExport {
    pub(super) export: Export,
    pub(super) path: CString,
    pub(super) options: Options,
}

fn invalid(sentence: core::fmt::Arguments<'_>) -> Refusal {
    Refusal::new(EINVAL, sentence)
}

fn words(text: &[u8]) -> Result<impl Iterator<Item = &str>, Refusal> {
    let text =
        core::str::from_utf8(text).map_err(|_| invalid(format_args!("arguments are not text")))?;
    Ok(text.split_ascii_whitespace())
}

impl Export {
    fn parse<'a>(words: &mut impl Iterator<Item = &'a str>) -> Result<Self, Refusal> {
        let mut operand = |name: &str| {
            words
                .next()
                .ok_or_else(|| invalid(format_args!("{name} is missing")))
        };
        let shelf = number(operand("shelf")?, "shelf")?;
        let slot = number(operand("slot")?, "slot")?;
        let interface = operand("interface")?;
        let address =
            ShelfSlot::new(shelf, slot).map_err(|error| invalid(format_args!("{error}")))?;
        let interface = InterfaceName::new(interface)
            .ok_or_else(|| invalid(format_args!("{interface}: no interface can have this name")))?;
        Ok(Self { address, interface })
    }

    /// Parses what is written to `del`.
    pub(super) fn to_remove(text: &[u8]) -> Result<Self, Refusal> {
        let mut words = words(text)?;
        let export = Self::parse(&mut words)?;
        match words.next() {
            None => Ok(export),
            Some(word) => Err(invalid(format_args!("{word}: one argument too many"))),
        }
    }
}

impl NewExport {
    /// Parses what is written to `add`.
    pub(super) fn parse(text: &[u8]) -> Result<Self, Refusal> {
        let mut words = words(text)?;
        let export = Export::parse(&mut words)?;
        let path = words
            .next()
            .ok_or_else(|| invalid(format_args!("path is missing")))?;
        if !path.starts_with('/') {
            return Err(invalid(format_args!("{path}: not an absolute path")));
        }
        let mut options = Options {
            read_only: false,
            shared: false,
            offline: false,
        };
        for word in words {
            set_option(&mut options, word)?;
        }
        Ok(Self {
            export,
            path: CString::try_from_fmt(format_args!("{path}"))?,
            options,
        })
    }
}

fn number(word: &str, operand: &str) -> Result<u32, Refusal> {
    word.parse()
        .map_err(|_| invalid(format_args!("{operand} {word}: not a number")))
}

fn set_option(options: &mut Options, word: &str) -> Result<(), Refusal> {
    let Some((key, value)) = word.split_once('=') else {
        return Err(invalid(format_args!(
            "{word}: not an option of the form key=value"
        )));
    };
    let option = match key {
        "ro" => &mut options.read_only,
        "shared" => &mut options.shared,
        "offline" => &mut options.offline,
        _ => {
            return Err(invalid(format_args!(
                "{key}: no such option (there are ro, shared and offline)"
            )));
        }
    };
    *option = match value {
        "0" => false,
        "1" => true,
        _ => {
            return Err(invalid(format_args!(
                "{key}={value}: the value must be 0 or 1"
            )))
        }
    };
    Ok(())
}
