// SPDX-License-Identifier: GPL-2.0

//! The files of an export by which the administrator sees how it is served, and changes it.

use core::fmt::Write;

use kernel::prelude::*;
use kernel::str::Formatter;

use super::arguments;
use super::export::Export;
use super::kobject::Attribute;
use super::kobject::Node;
use crate::blade::Follows;
use crate::blade::Policy;
use crate::wire::settings::Mode;
use crate::wire::settings::Tunable;

const COUNT: usize = Mode::COUNT + Tunable::COUNT;

/// Those of what was said when the device was opened, and of what may change while the export runs.
pub(super) static FILES: [Attribute<Export>; COUNT] = {
    let mut files = [const { Attribute::of_row(c"", 0, 0, show_mode, None) }; COUNT];
    let mut number = 0;
    while number < COUNT {
        files[number] = if number < Mode::COUNT {
            let name = Mode::ALL[number].file_name();
            Attribute::of_row(name, 0o444, number, show_mode, None)
        } else {
            let row = number - Mode::COUNT;
            let name = Tunable::ALL[row].file_name();
            Attribute::of_row(name, 0o644, row, show_tunable, Some(set_tunable))
        };
        number += 1;
    }
    files
};

fn show_mode(export: &Export, row: usize, text: &mut Formatter<'_>) -> Result {
    let mode = export.mode();
    let value = match Mode::ALL.get(row).ok_or(EIO)? {
        Mode::ReadOnly => mode.read_only.into(),
        Mode::Shared => mode.shared.into(),
        Mode::Offset => mode.offset,
        Mode::Length => mode.length.unwrap_or(0),
    };
    Ok(writeln!(text, "{value}")?)
}

fn show_tunable(export: &Export, row: usize, text: &mut Formatter<'_>) -> Result {
    let tunable = *Tunable::ALL.get(row).ok_or(EIO)?;
    let value = export.policy().get(tunable);
    Ok(writeln!(text, "{}", tunable.row().form.shown(value))?)
}

fn set_tunable(export: &Node<Export>, row: usize, text: &[u8]) -> Result {
    let tunable = *Tunable::ALL.get(row).ok_or(EIO)?;
    export.attempt(text, |text| {
        let value = arguments::tunable(tunable, text)?;
        export.policy().set(tunable, value);
        match Policy::follows(tunable) {
            Follows::Nothing => {}
            Follows::Announcement => export.announce(),
            Follows::NewWriter => export.blade().initiators().writers().forget(),
        }
        Ok(())
    })
}
