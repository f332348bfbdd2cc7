// SPDX-License-Identifier: GPL-2.0

//! Configurations of other targets, as one of ours.

mod ggaoed;
mod output;
mod qaoed;
mod qaoed_syntax;
#[cfg(test)]
mod tests;
mod vblade;

use std::fs;
use std::path::Path;

use crate::cli::args::Format;
use output::Output;

/// A line of what is imported: a key, its value, and where it is.
#[derive(Clone, Debug, PartialEq)]
struct Entry {
    key: String,
    value: String,
    line: usize,
}

/// What is wrong with a line.
fn wrong(path: &Path, line: usize, what: impl std::fmt::Display) -> String {
    format!("{}:{line}: {what}", path.display())
}

/// Reads a configuration, and writes it as one of ours.
pub(crate) fn import(path: &Path, format: Option<Format>) -> Result<String, String> {
    let read = |path: &Path| {
        fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
    };
    if path.is_dir() {
        return match format {
            None | Some(Format::Vblade) => vblade::folder(path, read),
            Some(_) => Err(format!("{}: a folder, not a file", path.display())),
        };
    }
    let text = read(path)?;
    let format = format.or_else(|| guess(&text)).ok_or_else(|| {
        format!(
            "{}: neither of ggaoed nor of qaoed nor of vblade by its content; say --from",
            path.display()
        )
    })?;
    match format {
        Format::Ggaoed => ggaoed::import(path, &text),
        Format::Qaoed => qaoed::import(path, &text),
        Format::Vblade => vblade::file(path, &text),
    }
}

/// Whose configuration a text is: they look quite different.
fn guess(text: &str) -> Option<Format> {
    let lines = || text.lines().map(str::trim);
    let block = |line: &str| {
        let word = line.split(|c: char| c.is_whitespace() || c == '{').next();
        let word = word.unwrap_or_default();
        ["device", "default", "interface", "logging", "access-list"].contains(&word)
    };
    let assigned = |line: &str| {
        let key = line.split('=').next().unwrap_or_default().trim();
        line.contains('=') && ["netif", "filename"].contains(&key)
    };
    if lines().any(|line| line.starts_with('[')) {
        Some(Format::Ggaoed)
    } else if text.contains('{') && lines().any(block) {
        Some(Format::Qaoed)
    } else if lines().any(assigned) {
        Some(Format::Vblade)
    } else {
        None
    }
}

/// Whether a word says yes or no.
fn flag(word: &str) -> Option<bool> {
    match word.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Some(true),
        "false" | "no" | "off" | "0" => Some(false),
        _ => None,
    }
}

/// A path to export: whether it is a device or a file is told by where it is.
fn source(output: &mut Output, path: &str) {
    if path.starts_with("/dev/") {
        output.value("device", path);
    } else {
        output.value("file", path);
    }
}

/// A name for an export, of characters that names may have.
fn usable_name(text: &str) -> String {
    let usable = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let name: String = text
        .chars()
        .map(|c| if usable(c) { c } else { '-' })
        .take(64)
        .collect();
    let name = name.trim_start_matches(['.', '-']);
    if name.is_empty() {
        "export".into()
    } else {
        name.to_owned()
    }
}
