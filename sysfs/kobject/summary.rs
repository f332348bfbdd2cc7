// SPDX-License-Identifier: GPL-2.0

//! What the files of a directory say, in one text: who watches thousands of exports would open, read and
//! close a file for each value.

use core::fmt::Write;

use kernel::prelude::*;
use kernel::str::Formatter;

use super::Attribute;
use super::Entries;
use super::LONGEST;

/// The longest value that has a line.
const SHORT: usize = 256;

/// Adds a line for each file of a directory but `but`: its name behind `folder`, a space, and its text.
/// A text of more than a line or of more than [`SHORT`] bytes is left out, and so is a file that cannot be
/// read, and what does not fit.
pub(in super::super) fn summarize<T: Entries>(
    folder: &str,
    entries: &T,
    but: Option<&'static Attribute<T>>,
    text: &mut Formatter<'_>,
) -> Result {
    for attribute in Iterator::chain(T::attributes().iter().copied(), T::table()) {
        if but.is_some_and(|but| core::ptr::eq(but, attribute)) {
            continue;
        }
        let mut buffer = [0; SHORT];
        let mut value = Formatter::new(&mut buffer);
        let shown = attribute.show(entries, &mut value);
        let length = value.bytes_written();
        let (Ok(()), Some(value)) = (shown, buffer.get(..length)) else {
            continue;
        };
        let line = value.strip_suffix(b"\n").unwrap_or(value);
        let name = attribute.name.to_str()?;
        let room = LONGEST.saturating_sub(text.bytes_written());
        let Ok(line) = core::str::from_utf8(line) else {
            continue;
        };
        if !line.contains('\n') && folder.len() + name.len() + line.len() + 2 <= room {
            writeln!(text, "{folder}{name} {line}")?;
        }
    }
    Ok(())
}
