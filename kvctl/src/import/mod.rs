// SPDX-License-Identifier: GPL-2.0

//! Configurations of other targets, as one of ours.
//!
//! Each file is understood as the program understands it for which it was written. What is not
//! understood is said in its place, as a comment if the program looks at it no more than we do, and
//! else as a failure, too.

mod blade;
mod ggaoed;
mod ggaoed_lists;
mod guess;
mod key_file;
mod others;
mod output;
mod patterns;
mod qaoed;
mod qaoed_include;
mod qaoed_syntax;
mod script;
mod shell;
mod shell_words;
mod table;
#[cfg(test)]
mod tests;
mod unit;
mod vblade;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use kvblade_wire::aoe::Mac;

use crate::cli::args::Format;
use output::Imported;
use output::Output;

/// Reads a configuration, and makes one of ours of it, with the names of cards that there are.
pub(crate) fn import(
    path: &Path,
    format: Option<Format>,
    ethers: &BTreeMap<String, Mac>,
) -> Result<Imported, String> {
    let in_file = |what: String| match what.contains(&*path.to_string_lossy()) {
        true => what,
        false => format!("{}: {what}", path.display()),
    };
    let mut output = Output::new(&path.display().to_string());
    let format = if path.is_dir() {
        folder(&mut output, path, format)?
    } else {
        let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let text = text_of(&bytes);
        if text
            .lines()
            .any(|line| line.trim_start().starts_with("[export."))
        {
            let path = path.display();
            return Err(format!(
                "{path}: one for kvblade_rs already, see kvblade.conf(5)"
            ));
        }
        let format = format
            .or_else(|| guess::format(path, &text))
            .ok_or_else(|| {
                format!(
                    "{}: of no program that is known, by its content; say --from",
                    path.display()
                )
            })?;
        file(&mut output, path, &text, format, ethers)?;
        format
    };
    // To ggaoed two groups of one address are an error.
    if format != Format::Ggaoed {
        output.join_paths();
        output.share();
    }
    output.finish(ethers).map_err(in_file)
}

fn file(
    output: &mut Output,
    path: &Path,
    text: &str,
    format: Format,
    ethers: &BTreeMap<String, Mac>,
) -> Result<(), String> {
    match format {
        Format::Ggaoed => return ggaoed::file(output, path, text, ethers),
        Format::Qaoed => return qaoed::file(output, path, text),
        Format::Vblade => vblade::file(output, path, text),
        Format::Redhat => others::redhat(output, path, text),
        Format::Gentoo => others::gentoo(output, path, text),
        Format::Systemd => unit::file(output, path, text),
        Format::Script => script::file(output, path, text),
        Format::Kvblade => return Err(format!("{}: a file, not a folder", path.display())),
    }
    Ok(())
}

/// Imports a folder, and tells what it was.
fn folder(output: &mut Output, path: &Path, format: Option<Format>) -> Result<Format, String> {
    let is_kvblade = format.is_none() && others::is_kvblade(path);
    let format = match format {
        None if is_kvblade => Format::Kvblade,
        None if files(path, "conf")?.is_empty() && !files(path, "service")?.is_empty() => {
            Format::Systemd
        }
        None => Format::Vblade,
        Some(format) => format,
    };
    let ending = match format {
        Format::Kvblade => {
            others::kvblade(output, path)?;
            return Ok(format);
        }
        Format::Vblade => "conf",
        Format::Systemd => "service",
        _ => return Err(format!("{}: a folder, not a file", path.display())),
    };
    let files = files(path, ending)?;
    if files.is_empty() {
        return Err(format!("{}: no files *.{ending} there", path.display()));
    }
    for file in files {
        match fs::read(&file) {
            Ok(bytes) if format == Format::Vblade => vblade::file(output, &file, &text_of(&bytes)),
            // Most units of a machine are of other things.
            Ok(bytes) if !unit::concerns(&text_of(&bytes)) => {}
            Ok(bytes) => unit::file(output, &file, &text_of(&bytes)),
            Err(error) => output.fail(&table::At::new(&file, 0), error),
        }
    }
    Ok(format)
}

/// The files of a folder whose names end so, in the order of their names.
fn files(folder: &Path, ending: &str) -> Result<Vec<PathBuf>, String> {
    let entries = folder
        .read_dir()
        .map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|it| it == ending))
        .filter(|path| {
            !path
                .file_name()
                .is_some_and(|it| it.as_encoded_bytes().starts_with(b"."))
        })
        .collect();
    files.sort();
    Ok(files)
}

/// The text of a file: without a byte order mark, and with a sign of its own for what is no text.
fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    String::from_utf8_lossy(bytes)
}
