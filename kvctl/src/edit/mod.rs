// SPDX-License-Identifier: GPL-2.0

//! `kvctl add`, `remove` and `set`: what runs and what is configured, changed together. The
//! configuration is changed in a file of kvctl's own; those of the administrator stay as they are.
//!
//! Two locks guard it. That of the files is held while they are read, changed and written, which takes
//! no time. That of what runs is held while something is done, which takes a second, since the module
//! asks on the segment whether an address is free: whoever gets it does what all others are waiting to
//! have done, so that a hundred at a time take no longer than a few. It is taken before that of the
//! files. A third is held for an export from the change of the file to its end, so that a change that
//! fails takes back what is its own.

mod place;
mod run;
mod running;
mod settings;
#[cfg(test)]
mod tests;
mod text;

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use toml_edit::DocumentMut;
use toml_edit::Item;

use crate::config;
use crate::config::problem::Source;
use crate::paths::Paths;
use crate::paths::OWN_FILE;
use crate::plan::host::Machine;
use crate::state::file;
use crate::state::record::Lock;
use crate::state::Kernel;
use crate::state::Record;
use place::find;
use place::of_template;
use place::Configured;
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
    /// Set when this is to end before its time.
    pub(crate) interrupted: &'a AtomicBool,
}

/// Tables before and after a change, and the texts of the whole file.
struct Changed {
    before: Option<String>,
    after: Option<String>,
    /// None: there was no file.
    old: Option<String>,
    new: String,
}

/// Whether what runs is to be as a change has it, or as before, with the table that was for now only.
enum Aim {
    Changed,
    Undone(Option<String>),
}

/// What was done, and what could not be, of one export.
type Done = (Vec<String>, Vec<String>);

impl Editor<'_> {
    /// Changes an export in kvctl's file, and what runs of it; both, or neither. Returns what was
    /// done.
    pub(crate) fn change(&self, name: &str, change: &Change) -> Result<Vec<String>, String> {
        let _name = self.lock(name)?;
        let mut record = Record::load(&self.paths.run)?;
        let table = record.exports.remove(name).and_then(|made| made.table);
        let changed = self.edit_file(name, change)?;
        let run = &self.paths.run;
        let lock = match Lock::take_unless(run, self.interrupted) {
            Ok(Some(lock)) => Ok(lock),
            Ok(None) => {
                let files = Lock::of_files(run)?;
                if fs::remove_file(pending(self.paths).join(name)).is_ok() {
                    // Nobody has begun to do it.
                    let undone = self.undo(name, &changed, &files);
                    return Err(told(vec![format!("{name}: interrupted")], undone));
                }
                drop(files);
                Lock::take(run)
            }
            Err(reason) => Err(reason),
        };
        let done = lock.and_then(|lock| self.make_it_so(name, &lock, &Aim::Changed));
        let (lines, failures) = match done {
            Ok(done) => done,
            Err(reason) => (Vec::new(), vec![reason]),
        };
        if failures.is_empty() {
            return Ok(lines);
        }
        // Nothing may stay that was said to have failed.
        let files = Lock::of_files(run)?;
        let undone = self.undo(name, &changed, &files);
        drop(files);
        let undone = undone.and_then(|()| {
            let lock = Lock::take(run)?;
            self.make_it_so(name, &lock, &Aim::Undone(table))
        });
        Err(told(failures, undone.map(|_| ())))
    }

    fn own_file(&self) -> PathBuf {
        self.paths.config_folder.join(OWN_FILE)
    }

    /// Waits until nobody else changes this export.
    fn lock(&self, name: &str) -> Result<Option<Lock>, String> {
        // What is no name is told later, with what is wanted.
        match config::is_name(name) {
            true => Lock::of_name(&self.paths.run, name).map(Some),
            false => Ok(None),
        }
    }

    /// Changes the file, if the configuration is right then.
    fn edit_file(&self, name: &str, change: &Change) -> Result<Changed, String> {
        let _lock = Lock::of_files(&self.paths.run)?;
        let mut sources = config::sources(self.paths).map_err(|refused| refused.text(false))?;
        let file = self.own_file();
        let number = sources.iter().position(|source| source.path == file);
        let old = number.and_then(|number| Some(sources.get(number)?.text.clone()));
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
            (Some(Configured { place, .. }), Change::Add(_)) => {
                return Err(format!("{name}: there already: {place}"));
            }
            (
                Some(Configured {
                    is_entry: true,
                    place,
                    ..
                }),
                Change::Set(_),
            ) => {
                return Err(of_template(name, place));
            }
            (
                Some(Configured {
                    file,
                    is_entry,
                    place,
                }),
                _,
            ) if *is_entry || *file != number => {
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
            Change::Remove => text::remove(&mut document, name),
        }
        let after = table_text(&document, name);
        let new = header.to_owned() + &document.to_string();
        source.text.clone_from(&new);
        config::of(self.paths, sources).map_err(|refused| refused.text(false))?;
        let folder = pending(self.paths);
        let pending = folder.join(name);
        fs::create_dir_all(&folder)
            .and_then(|()| fs::write(&pending, ""))
            .map_err(|error| format!("{}: {error}", folder.display()))?;
        if let Err(reason) = write(&file, &new) {
            drop(fs::remove_file(&pending));
            return Err(reason);
        }
        Ok(Changed {
            before,
            after,
            old,
            new,
        })
    }

    /// Makes what runs of an export, and of those that others wait for, what the files say, under the
    /// lock.
    fn make_it_so(&self, name: &str, _lock: &Lock, aim: &Aim) -> Result<Done, String> {
        let (mut names, mut sources) = self.take_pending()?;
        names.push(name.to_owned());
        names.sort();
        names.dedup();
        let mut record = Record::load(&self.paths.run)?;
        let mut before = Vec::new();
        for other in &names {
            // What was for now only is for good, or goes. Of another's only the former is certain:
            // he may have been ended before he has changed the file.
            let own = other == name && matches!(aim, Aim::Changed);
            if let Some(made) = record.exports.get_mut(other) {
                if own || find(&sources, other).is_some() {
                    before.extend(made.table.take().map(|table| (other.clone(), table)));
                }
            }
        }
        let mut again = None;
        if let Aim::Undone(Some(table)) = aim {
            if find(&sources, name).is_none() {
                sources.push(from_command_line(table));
                again = Some(table);
            }
        }
        let config = config::of(self.paths, sources).map_err(|refused| refused.text(false))?;
        let never = AtomicBool::new(false);
        let interrupted = match aim {
            Aim::Changed => self.interrupted,
            Aim::Undone(_) => &never,
        };
        let (lines, failures) =
            self.run(&config, &names, record, interrupted, |record, failed| {
                for (name, table) in before {
                    let made = record.exports.get_mut(&name);
                    if let Some(made) = made.filter(|_| failed.iter().any(|(of, _)| *of == name)) {
                        made.table = Some(table);
                    }
                }
                if let (Some(made), Some(table)) = (record.exports.get_mut(name), again) {
                    made.table = Some(table.clone());
                }
            })?;
        let own = format!("{name}: ");
        let lines = lines.into_iter().filter(|line| line.starts_with(&own));
        Ok((lines.collect(), said(&failures, name)))
    }

    /// The names of the exports that others wait for, and the files that say what they wait for.
    fn take_pending(&self) -> Result<(Vec<String>, Vec<Source>), String> {
        let files = Lock::of_files(&self.paths.run)?;
        let sources = config::sources(self.paths).map_err(|refused| refused.text(false))?;
        Ok((claim_pending(self.paths, &files), sources))
    }

    /// Takes a change of the file back, unless someone has changed it since by hand.
    fn undo(&self, name: &str, changed: &Changed, _files: &Lock) -> Result<(), String> {
        let file = self.own_file();
        let in_file = |what: String| format!("{}: {what}", file.display());
        let now = fs::read_to_string(&file).map_err(|error| in_file(error.to_string()))?;
        if now == changed.new {
            return match &changed.old {
                Some(old) => write(&file, old),
                None => fs::remove_file(&file).map_err(|error| in_file(error.to_string())),
            };
        }
        let (header, now) = split_header(&now);
        let mut document = text::document(now).map_err(in_file)?;
        if table_text(&document, name) != changed.after {
            return Err(in_file(format!(
                "export {name} was changed there meanwhile, and stays so"
            )));
        }
        match &changed.before {
            None => text::remove(&mut document, name),
            Some(before) => {
                let mut before = text::document(before)?;
                let item = text::take(&mut before, name).ok_or("damaged")?;
                text::put(&mut document, name, item)?;
            }
        }
        write(&file, &(header.to_owned() + &document.to_string()))
    }
}

/// A folder with a file for each change that is written, and nobody has begun to do.
fn pending(paths: &Paths) -> PathBuf {
    paths.run.join("pending")
}

/// Begins to do what others wait for, with what the files say now, and tells the names.
pub(crate) fn claim_pending(paths: &Paths, _files: &Lock) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(pending(paths)).into_iter().flatten().flatten() {
        names.extend(entry.file_name().into_string().ok());
        drop(fs::remove_file(entry.path()));
    }
    names
}

/// Why a change has failed, and that it was taken back.
fn told(mut failures: Vec<String>, undone: Result<(), String>) -> String {
    failures.push(match undone {
        Ok(()) => "nothing has changed".into(),
        Err(reason) => format!("and to take it back has failed: {reason}"),
    });
    failures.join("; ")
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

/// The table of an export that is for now only, as if it were in a file.
fn from_command_line(table: &str) -> Source {
    Source {
        path: PathBuf::from("command line"),
        text: table.to_owned(),
    }
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

/// Replaces the file, which everybody may read, where it really is.
fn write(file: &Path, text: &str) -> Result<(), String> {
    let place = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    file::replace_readable(&place, text)
}
