// SPDX-License-Identifier: GPL-2.0

//! `kvctl add`, `remove` and `set`: what runs and what is configured, changed together. The
//! configuration is changed in a file of kvctl's own; those of the administrator stay as they are.
//!
//! Two locks guard it. That of the files is held while they are read, changed and written, which takes
//! no time. That of what runs is held while something is done, which takes a second, since the module
//! asks on the segment whether an address is free: whoever gets it does what all others are waiting to
//! have done, so that a hundred at a time take no longer than a few.

mod settings;
#[cfg(test)]
mod tests;
mod text;

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use toml_edit::DocumentMut;
use toml_edit::Item;

use crate::config;
use crate::config::problem::Source;
use crate::config::Config;
use crate::paths::Paths;
use crate::plan;
use crate::plan::machine::Machine;
use crate::plan::Failures;
use crate::state::file;
use crate::state::record::Lock;
use crate::state::saved::keep;
use crate::state::saved::Saved;
use crate::state::slots::Slots;
use crate::state::Kernel;
use crate::state::Record;
pub(crate) use settings::parse as parse_settings;
pub(crate) use text::Setting;

/// What a new file begins with.
const HEADER: &str = "# Written by kvctl add, set and remove. Comments stay.\n";

/// What is to be done.
pub(crate) enum Change {
    Add(Vec<Setting>),
    Set(Vec<Setting>),
    Remove,
}

/// Where it is done.
pub(crate) struct Editor<'a> {
    pub(crate) paths: &'a Paths,
    pub(crate) kernel: &'a dyn Kernel,
    pub(crate) machine: &'a dyn Machine,
}

/// Tables before and after a change.
struct Changed {
    before: Option<String>,
    after: Option<String>,
}

impl Editor<'_> {
    /// Changes an export in kvctl's file, and what runs of it; both, or neither. Returns what was
    /// done.
    pub(crate) fn change(&self, name: &str, change: &Change) -> Result<Vec<String>, String> {
        let pending = self.pending().join(name);
        let changed = self.edit_file(name, change, &pending)?;
        let done = self.make_it_so(name);
        let (lines, failures) = match done {
            Ok(done) => done,
            Err(reason) => (Vec::new(), vec![reason]),
        };
        if failures.is_empty() {
            return Ok(lines);
        }
        // Nothing may stay that was said to have failed.
        let undone = self.undo(name, &changed).and_then(|undone| match undone {
            true => self.make_it_so(name).map(|_| ()),
            false => Ok(()),
        });
        let mut said: Vec<String> = failures;
        said.push(match undone {
            Ok(()) => "nothing has changed".into(),
            Err(reason) => format!("and to take it back has failed: {reason}"),
        });
        Err(said.join("; "))
    }

    /// Changes what runs, until the next apply or the machine's next start.
    pub(crate) fn change_running(
        &self,
        name: &str,
        change: &Change,
    ) -> Result<Vec<String>, String> {
        let _lock = Lock::take(&self.paths.run)?;
        let mut record = Record::load(&self.paths.run)?;
        let mut sources = config::sources(self.paths).map_err(|refused| refused.text(false))?;
        let own = record.exports.get(name).and_then(|made| made.table.clone());
        let configured = find(&sources, name);
        let mut table = None;
        match (change, &own, configured) {
            (Change::Add(_), _, Some((_, place))) => {
                return Err(format!("{name}: configured already: {place}"));
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
            (Change::Set(settings), _, Some((number, _))) => {
                edit(&mut sources, number, name, |item| {
                    text::apply(item, settings)
                })?;
            }
            (Change::Remove, _, Some((number, _))) => {
                let source = sources.get_mut(number).ok_or("damaged")?;
                let mut document = text::document(&source.text)?;
                text::take(&mut document, name);
                source.text = document.to_string();
            }
            (Change::Remove, Some(_), None) => {}
            (_, None, None) => return Err(format!("{name}: no such export")),
        }
        if let Some(made) = record.exports.get_mut(name) {
            made.table = None;
        }
        sources.extend(table.iter().map(|table| Source {
            path: PathBuf::from("command line"),
            text: table.clone(),
        }));
        let config = config::of(self.paths, sources).map_err(|refused| refused.text(false))?;
        let names = [name.to_owned()];
        let (lines, failures) = self.run(&config, &names, record, |record| {
            if let Some(made) = record.exports.get_mut(name) {
                made.table.clone_from(&table);
            }
        })?;
        match failures.is_empty() {
            true => Ok(lines),
            false => Err(said(&failures, name).join("; ")),
        }
    }

    /// A folder with a file for each change that is written, and not done yet.
    fn pending(&self) -> PathBuf {
        self.paths.run.join("pending")
    }

    fn own_file(&self) -> PathBuf {
        self.paths.config_folder.join("kvctl.conf")
    }

    /// Changes the file, if the configuration is right then.
    fn edit_file(&self, name: &str, change: &Change, pending: &Path) -> Result<Changed, String> {
        let _lock = Lock::of_files(&self.paths.run)?;
        let mut sources = config::sources(self.paths).map_err(|refused| refused.text(false))?;
        let file = self.own_file();
        let number = sources.iter().position(|source| source.path == file);
        let number = number.unwrap_or_else(|| {
            let text = HEADER.to_owned();
            sources.push(Source {
                path: file.clone(),
                text,
            });
            sources.len() - 1
        });
        let place = find(&sources, name);
        match (&place, change) {
            (Some((_, place)), Change::Add(_)) => {
                return Err(format!("{name}: there already: {place}"));
            }
            (Some((other, place)), _) if *other != number => {
                return Err(format!(
                    "{name}: in a file that is yours: {place}; change it there, or say --runtime"
                ));
            }
            (None, Change::Set(_) | Change::Remove) => {
                let record = Record::load(&self.paths.run)?;
                let hint = match record.exports.contains_key(name) {
                    true => "; it runs until the machine's next start, say --runtime",
                    false => "",
                };
                return Err(format!("{name}: not configured{hint}"));
            }
            _ => {}
        }
        let source = sources.get_mut(number).ok_or("damaged")?;
        let in_file = |what: String| format!("{}: {what}", file.display());
        let (header, text) = split_header(&source.text);
        let mut document = text::document(text).map_err(in_file)?;
        let before = table_text(&document, name);
        match change {
            Change::Add(settings) => {
                text::put(&mut document, name, text::new_table(settings)?)?;
            }
            Change::Set(settings) => {
                let exports = document.get_mut("export").and_then(Item::as_table_like_mut);
                let item = exports.and_then(|exports| exports.get_mut(name));
                text::apply(item.ok_or("damaged")?, settings)?;
            }
            Change::Remove => {
                text::take(&mut document, name);
            }
        }
        let after = table_text(&document, name);
        let new = header.to_owned() + &document.to_string();
        source.text.clone_from(&new);
        config::of(self.paths, sources).map_err(|refused| refused.text(false))?;
        let folder = self.pending();
        fs::create_dir_all(&folder)
            .and_then(|()| fs::write(pending, ""))
            .map_err(|error| format!("{}: {error}", folder.display()))?;
        write(&file, &new)?;
        Ok(Changed { before, after })
    }

    /// Makes what runs of an export, and of those that others wait for, what the files say.
    fn make_it_so(&self, name: &str) -> Result<(Vec<String>, Vec<String>), String> {
        let _lock = Lock::take(&self.paths.run)?;
        let mut names = vec![name.to_owned()];
        for entry in fs::read_dir(self.pending()).into_iter().flatten().flatten() {
            names.extend(entry.file_name().into_string().ok());
        }
        names.sort();
        names.dedup();
        let sources = config::sources(self.paths).map_err(|refused| refused.text(false))?;
        let config = config::of(self.paths, sources).map_err(|refused| refused.text(false))?;
        let mut record = Record::load(&self.paths.run)?;
        for name in &names {
            // What was for now only is for good, or goes.
            if let Some(made) = record.exports.get_mut(name) {
                made.table = None;
            }
        }
        let (lines, failures) = self.run(&config, &names, record, |_| ())?;
        for name in &names {
            // Whoever waits for it finds it done.
            drop(fs::remove_file(self.pending().join(name)));
        }
        let own = format!("{name}: ");
        let lines = lines.into_iter().filter(|line| line.starts_with(&own));
        Ok((lines.collect(), said(&failures, name)))
    }

    /// Does what there is to do for some exports.
    fn run(
        &self,
        config: &Config,
        names: &[String],
        record: Record,
        note: impl FnOnce(&mut Record),
    ) -> Result<(Vec<String>, Failures), String> {
        let paths = self.paths;
        let slots = Slots::load(&paths.lib)?;
        let mut state = plan::look(self.kernel, record, slots.clone())?;
        let saved = |name: &str| Saved::load(&paths.lib, name);
        let plan = plan::plan(config, names, &mut state, self.machine, saved);
        if state.slots != slots {
            state.slots.store(&paths.lib)?;
        }
        let keep = |name: &str, made: &_| keep(self.kernel, &paths.lib, name, made);
        let (mut record, failures) = plan.run(self.kernel, self.machine, state.record, keep)?;
        note(&mut record);
        record.store(&paths.run)?;
        Ok((plan.lines, failures))
    }

    /// Takes a change of the file back, unless someone has changed it since; whether it has.
    fn undo(&self, name: &str, changed: &Changed) -> Result<bool, String> {
        let _lock = Lock::of_files(&self.paths.run)?;
        let file = self.own_file();
        let now = fs::read_to_string(&file).map_err(|error| error.to_string())?;
        let (header, now) = split_header(&now);
        let mut document = text::document(now)?;
        if table_text(&document, name) != changed.after {
            return Ok(false);
        }
        text::take(&mut document, name);
        if let Some(before) = &changed.before {
            let mut before = text::document(before)?;
            let item = text::take(&mut before, name).ok_or("damaged")?;
            text::put(&mut document, name, item)?;
        }
        write(&file, &(header.to_owned() + &document.to_string()))?;
        Ok(true)
    }
}

/// The header of the file, which belongs to no table, and the rest.
fn split_header(text: &str) -> (&str, &str) {
    match text.starts_with(HEADER) {
        true => text.split_at(HEADER.len()),
        false => ("", text),
    }
}

/// What is said of one export.
fn said(failures: &[(String, String)], name: &str) -> Vec<String> {
    let own = failures.iter().filter(|(of, _)| of == name);
    own.map(|(name, why)| format!("{name}: {why}")).collect()
}

/// Which of the files has an export, and where.
fn find(sources: &[Source], name: &str) -> Option<(usize, String)> {
    sources.iter().enumerate().find_map(|(number, source)| {
        let document = source.text.parse::<toml_edit::Document<String>>().ok()?;
        let exports = document.get("export")?.as_table_like()?;
        let (key, item) = exports.get_key_value(name)?;
        let start = key.span().or(item.span()).map_or(0, |span| span.start);
        let before = source.text.get(..start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        Some((number, format!("{}:{line}", source.path.display())))
    })
}

/// A table of an export alone, as text.
fn table_text(document: &DocumentMut, name: &str) -> Option<String> {
    let item = text::table(document, name)?.clone();
    write_table(name, item).ok()
}

fn write_table(name: &str, item: Item) -> Result<String, String> {
    let mut document = DocumentMut::new();
    text::put(&mut document, name, item)?;
    Ok(document.to_string())
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

/// Replaces the file, which everybody may read, where it really is.
fn write(file: &Path, text: &str) -> Result<(), String> {
    let place = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    file::replace_readable(&place, text)
}
