// SPDX-License-Identifier: GPL-2.0

//! Changes for now only: what runs is another than what the files say.

use toml_edit::Item;

use super::from_command_line;
use super::place::find;
use super::place::of_template;
use super::place::Configured;
use super::said;
use super::text;
use super::write_table;
use super::Change;
use super::Editor;
use crate::config;
use crate::config::problem::Source;
use crate::state::record::Lock;
use crate::state::Record;

impl Editor<'_> {
    /// Changes what runs, until the next apply or the machine's next start.
    pub(crate) fn change_running(
        &self,
        name: &str,
        change: &Change,
    ) -> Result<Vec<String>, String> {
        let _name = self.lock(name)?;
        let interrupted = || format!("{name}: interrupted; nothing has changed");
        let lock = Lock::take_unless(&self.paths.run, self.interrupted)?;
        let _lock = lock.ok_or_else(interrupted)?;
        let mut record = Record::load(&self.paths.run)?;
        let mut sources = config::sources(self.paths).map_err(|refused| refused.text(false))?;
        let own = record.exports.get(name).and_then(|made| made.table.clone());
        let configured = find(&sources, name);
        let is_configured = configured.is_some();
        let is_removal = matches!(change, Change::Remove);
        let mut table = None;
        match (change, &own, configured) {
            (Change::Add(_), _, Some(Configured { place, .. })) => {
                return Err(format!("{name}: configured already: {place}"));
            }
            (
                Change::Set(_),
                None,
                Some(Configured {
                    is_entry: true,
                    place,
                    ..
                }),
            ) => {
                return Err(of_template(name, &place));
            }
            (Change::Add(_), Some(_), None) => return Err(format!("{name}: there already")),
            (Change::Add(settings), None, None) => {
                table = Some(write_table(name, text::new_table(settings)?)?);
            }
            (Change::Set(settings), Some(own), None) => {
                let mut document = text::document(own)?;
                let mut item = text::take(&mut document, name).ok_or("damaged")?;
                text::apply(&mut item, settings)?;
                table = Some(write_table(name, item)?);
            }
            (Change::Set(settings), _, Some(Configured { file, .. })) => {
                edit(&mut sources, file, name, |item| text::apply(item, settings))?;
            }
            (Change::Remove, _, Some(Configured { file, is_entry, .. })) => {
                let source = sources.get_mut(file).ok_or("damaged")?;
                let mut document = text::document(&source.text)?;
                if is_entry {
                    text::take_entry(&mut document, name);
                } else {
                    text::take(&mut document, name);
                }
                source.text = document.to_string();
            }
            (Change::Remove, Some(_), None) => {}
            // What the configuration had, or what an earlier removal has left.
            (Change::Remove, None, None) if record.exports.contains_key(name) => {}
            (_, None, None) => return Err(format!("{name}: no such export")),
        }
        if let Some(made) = record.exports.get_mut(name) {
            made.table = None;
        }
        sources.extend(table.as_deref().map(from_command_line));
        let config = config::of(self.paths, sources).map_err(|refused| refused.text(false))?;
        let names = [name.to_owned()];
        let (lines, failures) =
            self.run(&config, &names, record, self.interrupted, |record, _| {
                // What a removal has left is for now, as before.
                let left = own.filter(|_| is_removal);
                match record.exports.get_mut(name) {
                    Some(made) => made.table = table.or(left),
                    // It stays away until someone wants it back.
                    None if is_removal && is_configured => {
                        record.removed.insert(name.to_owned());
                    }
                    None => {}
                }
            })?;
        match failures.is_empty() {
            true => Ok(lines),
            false => Err(said(&failures, name).join("; ")),
        }
    }
}

/// Changes the table of an export in one of the texts.
fn edit(
    sources: &mut [Source],
    number: usize,
    name: &str,
    change: impl FnOnce(&mut Item) -> Result<(), String>,
) -> Result<(), String> {
    let source = sources.get_mut(number).ok_or("damaged")?;
    let mut document = text::document(&source.text)?;
    let exports = document.get_mut("export").and_then(Item::as_table_like_mut);
    let item = exports.and_then(|exports| exports.get_mut(name));
    change(item.ok_or("damaged")?)?;
    source.text = document.to_string();
    Ok(())
}
