// SPDX-License-Identifier: GPL-2.0

//! `include = PATTERN;` of qaoed: the files' statements stand behind all of the file that includes
//! them, as if they were its own. Included files may include others.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use glob::MatchOptions;

use super::qaoed_syntax::parse;
use super::qaoed_syntax::Block;
use super::qaoed_syntax::Entry;
use super::text_of;

/// As glob(3): a slash is not among what a pattern matches, nor a dot at the beginning of a name.
const OPTIONS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

/// Reads a file with all that it includes.
pub(super) fn read(path: &Path, text: &str) -> Result<Block, String> {
    follow(path, text, &mut Vec::new())
}

/// Reads a file that is included by those `above`.
fn follow(path: &Path, text: &str, above: &mut Vec<PathBuf>) -> Result<Block, String> {
    let mut file = parse(path, text)?;
    above.push(fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()));
    let patterns: Vec<Entry> = file
        .entries
        .iter()
        .filter(|it| it.key == "include")
        .cloned()
        .collect();
    for entry in patterns {
        let fail = |what: &str| format!("{}: {}", entry.at, entry.wrong(what));
        for path in files(&entry).map_err(|what| fail(&what))? {
            let whole = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
            if above.contains(&whole) {
                return Err(fail("a file that includes itself"));
            }
            let bytes = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            let included = follow(&path, &text_of(&bytes), above)?;
            file.entries.extend(included.entries);
            file.blocks.extend(included.blocks);
        }
    }
    above.pop();
    Ok(file)
}

/// The files that a pattern matches, from the folder in which this runs.
fn files(entry: &Entry) -> Result<Vec<PathBuf>, String> {
    let pattern = &entry.value;
    if pattern.contains('\\') {
        return Err("a pattern with a backslash is not understood".into());
    }
    // Several stars mean one.
    let mut plain = pattern.clone();
    while plain.contains("**") {
        plain = plain.replace("**", "*");
    }
    let found = glob::glob_with(&plain, OPTIONS)
        .map_err(|error| format!("not a pattern of file names: {}", error.msg))?;
    let files = found
        .collect::<Result<Vec<PathBuf>, _>>()
        .map_err(|error| error.to_string())?;
    if files.is_empty() {
        let hint = match Path::new(pattern).is_absolute() {
            true => "",
            false => {
                "; it is looked for from the folder in which qaoed was started, run this there"
            }
        };
        return Err(format!("no such file, and qaoed refuses that{hint}"));
    }
    Ok(files)
}
