// SPDX-License-Identifier: GPL-2.0

//! What administrators write: the words of `add` and `del`, and the values of settings.

use kernel::prelude::*;
use kernel::str::CString;

use crate::aoe::ConfigString;
use crate::aoe::MacList;
use crate::aoe::MacListError;
use crate::aoe::ShelfSlot;
use crate::ata::Text;
use crate::ata::Wwn;
use crate::blade::ControlError;
use crate::blade::NewExport;
use crate::blade::Policy;
use crate::blade::Settings;
use crate::block::OpenMode;
use crate::net::NetDevice;
use crate::wire::access::AccessList;
use crate::wire::access::AccessListError;
use crate::wire::interface::InterfaceName;
use crate::wire::settings::Keys;
use crate::wire::settings::Mode;
use crate::wire::settings::Refused;
use crate::wire::settings::Row;
use crate::wire::settings::Setting;
use crate::wire::settings::Start;
use crate::wire::settings::Tunable;

fn invalid(sentence: core::fmt::Arguments<'_>) -> ControlError {
    ControlError::new(EINVAL, sentence)
}

/// The text that was written.
pub(super) fn text(bytes: &[u8]) -> Result<&str, ControlError> {
    core::str::from_utf8(bytes).map_err(|_| invalid(format_args!("what was written is not text")))
}

/// An export as it is named: `SHELF SLOT INTERFACE`.
pub(super) struct ExportName {
    pub(super) address: ShelfSlot,
    pub(super) interface: InterfaceName,
}

impl ExportName {
    /// Parses the three words; the third is an interface in the way that `interface_of` knows.
    fn parse<'a>(
        words: &mut impl Iterator<Item = &'a str>,
        interface_of: impl FnOnce(ShelfSlot, &str) -> Option<InterfaceName>,
    ) -> Result<Self, ControlError> {
        let mut operand = |name: &str| {
            words
                .next()
                .ok_or_else(|| invalid(format_args!("{name} is missing")))
        };
        let shelf = number(operand("shelf")?, "shelf", 65534)?;
        let slot = number(operand("slot")?, "slot", 254)?;
        let interface = operand("interface")?;
        let address =
            ShelfSlot::new(shelf, slot).map_err(|error| invalid(format_args!("{error}")))?;
        let interface = interface_of(address, interface)
            .or_else(|| InterfaceName::new(interface))
            .ok_or_else(|| {
                ControlError::new(ENODEV, format_args!("{interface}: no such interface"))
            })?;
        Ok(Self { address, interface })
    }

    /// Parses what is written to `del`. The interface of an export goes by the name that it had
    /// when it was added, whatever has that name now.
    pub(super) fn to_remove(
        bytes: &[u8],
        is_exported: impl FnOnce(ShelfSlot, &InterfaceName) -> bool,
    ) -> Result<Self, ControlError> {
        let mut words = text(bytes)?.split_ascii_whitespace();
        let export = Self::parse(&mut words, |address, word| {
            InterfaceName::new(word)
                .filter(|name| is_exported(address, name))
                .or_else(|| NetDevice::resolve(word))
        })?;
        match words.next() {
            None => Ok(export),
            Some(word) => Err(invalid(format_args!("{word}: one argument too many"))),
        }
    }
}

fn number(word: &str, operand: &str, most: u32) -> Result<u32, ControlError> {
    word.parse().map_err(|_| {
        invalid(format_args!(
            "{operand} {word}: not a number from 0 to {most}"
        ))
    })
}

/// Parses what is written to `add`: `SHELF SLOT INTERFACE PATH [KEY=VALUE...]`.
pub(super) fn new_export(bytes: &[u8]) -> Result<NewExport, ControlError> {
    let mut words = text(bytes)?.split_ascii_whitespace();
    let ExportName { address, interface } =
        ExportName::parse(&mut words, |_, word| NetDevice::resolve(word))?;
    let path = words
        .next()
        .ok_or_else(|| invalid(format_args!("path is missing")))?;
    if !path.starts_with('/') {
        return Err(invalid(format_args!("{path}: not an absolute path")));
    }
    let mut new = NewExport {
        address,
        interface,
        path: CString::try_from_fmt(format_args!("{path}"))?,
        mode: OpenMode::default(),
        policy: Policy::new(),
        settings: None,
        force: false,
    };
    for word in words {
        let (key, value) = word
            .split_once('=')
            .ok_or_else(|| invalid(format_args!("{word}: not an option of the form key=value")))?;
        set_option(&mut new, key, value)?;
    }
    Ok(new)
}

fn set_option(new: &mut NewExport, key: &str, value: &str) -> Result<(), ControlError> {
    let setting = Setting::of_add(key)
        .ok_or_else(|| invalid(format_args!("{key}: no such option (there are {Keys})")))?;
    match setting {
        Setting::Mode(mode) => match mode {
            Mode::ReadOnly => new.mode.read_only = flag(setting, value)?,
            Mode::Shared => new.mode.shared = flag(setting, value)?,
            Mode::Offset => new.mode.offset = sectors(key, value)?,
            Mode::Length => new.mode.length = Some(sectors(key, value)?).filter(|it| *it != 0),
        },
        Setting::Tunable(it) => new.policy.set(it, tunable(it, value)?),
        Setting::Start(start) => match start {
            Start::Force => new.force = flag(setting, value)?,
            Start::Offline => settings(new)?.rules.offline = flag(setting, value)?,
            Start::Model => settings(new)?.model = ata_text(key, value)?,
            Start::Serial => settings(new)?.serial = ata_text(key, value)?,
            Start::Wwn => settings(new)?.wwn = wwn(value)?,
            Start::Config => settings(new)?.rules.config = config(value)?,
            Start::Mask => settings(new)?.rules.mask = macs(key, value)?,
            Start::Reserve => settings(new)?.rules.reservation = macs(key, value)?,
        },
    }
    Ok(())
}

/// The settings of an export to be made, which are said to differ from what follows from the rest.
fn settings(new: &mut NewExport) -> Result<&mut Settings, ControlError> {
    let settings = match new.settings.take() {
        Some(settings) => settings,
        None => KBox::new(Settings::new(new.address), GFP_KERNEL)?,
    };
    Ok(new.settings.insert(settings))
}

/// What a text says of a setting that may change while the export runs.
pub(super) fn tunable(tunable: Tunable, text: &str) -> Result<u32, ControlError> {
    number_of(tunable.row(), text)
}

fn flag(setting: Setting, text: &str) -> Result<bool, ControlError> {
    Ok(number_of(setting.row(), text)? != 0)
}

fn number_of(row: &'static Row, text: &str) -> Result<u32, ControlError> {
    let value = row.form.parse(text);
    value.ok_or_else(|| invalid(format_args!("{}", Refused { row, text })))
}

fn sectors(key: &str, value: &str) -> Result<u64, ControlError> {
    value
        .parse()
        .map_err(|_| invalid(format_args!("{key} {value}: not a number of sectors")))
}

/// A model or serial number.
pub(super) fn ata_text<const N: usize>(key: &str, value: &str) -> Result<Text<N>, ControlError> {
    Text::new(value).map_err(|error| invalid(format_args!("{key} {value}: {error}")))
}

/// A world wide name, or none.
pub(super) fn wwn(value: &str) -> Result<Option<Wwn>, ControlError> {
    if value.is_empty() {
        return Ok(None);
    }
    let name = Wwn::parse(value).ok_or_else(|| {
        invalid(format_args!(
            "wwn {value}: not 16 hexadecimal digits that begin with a 5"
        ))
    })?;
    Ok(Some(name))
}

/// A config string, with escapes for bytes that are not printable.
pub(super) fn config(value: &str) -> Result<ConfigString, ControlError> {
    ConfigString::from_escaped(value.as_bytes()).ok_or_else(|| {
        invalid(format_args!(
            "config: longer than 1024 bytes, or with an escape that is none of \\xNN, \\n, \\r, \
             \\t, \\\\, \\' and \\\""
        ))
    })
}

/// A list of addresses between commas or white space.
pub(super) fn macs(key: &str, value: &str) -> Result<MacList, ControlError> {
    MacList::parse(value).map_err(|error| wrong_list(key, error))
}

fn wrong_list(key: &str, error: MacListError<'_>) -> ControlError {
    match error {
        MacListError::Word(_) => invalid(format_args!("{key} {error}")),
        MacListError::Full => ControlError::new(ENOSPC, format_args!("{key}: {error}")),
    }
}

/// An access list: `all`, `none`, `only MAC...` or `all but MAC...`.
pub(super) fn access_list(text: &str) -> Result<AccessList, ControlError> {
    let text = text.trim_ascii();
    AccessList::parse(text).map_err(|error| match error {
        AccessListError::Macs(error) => wrong_list("access list", error),
        AccessListError::Empty => {
            invalid(format_args!("access list {text}: an address is missing"))
        }
        AccessListError::Form => invalid(format_args!(
            "access list {text}: not all, none, only MAC... or all but MAC..."
        )),
    })
}
