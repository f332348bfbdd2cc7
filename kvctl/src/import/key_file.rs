// SPDX-License-Identifier: GPL-2.0

//! Files as GKeyFile of GLib reads them: groups in brackets, which may be in several pieces, and
//! `KEY = VALUE` lines.

use super::table::At;

/// A group: all that stands under one name.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) at: At,
    /// Each key once, with its last value.
    pub(super) entries: Vec<Entry>,
}

/// A key and its value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) key: String,
    /// As it stands in the file.
    pub(super) raw: String,
    pub(super) at: At,
}

impl Group {
    pub(super) fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }
}

impl Entry {
    /// An error that names it.
    pub(super) fn wrong(&self, what: &str) -> String {
        format!("{} = {}: {what}", self.key, self.raw)
    }

    /// The value as a text.
    pub(super) fn string(&self) -> Result<String, String> {
        let mut pieces = pieces(&self.raw, None).ok_or_else(|| self.wrong("a wrong escape"))?;
        Ok(pieces.pop().unwrap_or_default())
    }

    /// The value as a list, split at commas; blanks around its words do not count, nor do words that
    /// are empty.
    pub(super) fn list(&self) -> Result<Vec<String>, String> {
        let pieces = pieces(&self.raw, Some(',')).ok_or_else(|| self.wrong("a wrong escape"))?;
        let words = pieces.iter().map(|piece| piece.trim().to_owned());
        Ok(words.filter(|word| !word.is_empty()).collect())
    }

    /// The value as a whole number: what stands behind a blank is not looked at.
    pub(super) fn integer(&self) -> Result<i64, String> {
        let number = self.raw.split([' ', '\t']).next().unwrap_or_default();
        let parsed = number.parse::<i32>().map(i64::from);
        parsed.map_err(|_| self.wrong("not a number"))
    }

    /// The value as yes or no.
    pub(super) fn boolean(&self) -> Result<bool, String> {
        match self.raw.as_str() {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => Err(self.wrong("not true or false")),
        }
    }
}

/// The groups of a file, in the order in which they begin.
pub(super) fn parse(file: &str, text: &str) -> Result<Vec<Group>, String> {
    let mut groups: Vec<Group> = Vec::new();
    let mut current: Option<usize> = None;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        let at = At {
            file: file.to_owned(),
            line: number + 1,
        };
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = group_name(line) {
            let known = groups.iter().position(|group| group.name == name);
            current = Some(known.unwrap_or(groups.len()));
            if known.is_none() {
                groups.push(Group {
                    name: name.to_owned(),
                    at,
                    entries: Vec::new(),
                });
            }
            continue;
        }
        let (key, value) = match line.split_once('=') {
            Some((key, value)) => (key.trim_end(), value.trim_start()),
            None if line.starts_with('[') => return Err(format!("{at}: {line}: no ] at the end")),
            None => return Err(format!("{at}: {line}: neither [NAME] nor KEY = VALUE")),
        };
        // A key may have a language in brackets; those are other keys.
        let plain = key.strip_suffix(']').and_then(|key| key.split_once('['));
        let plain = plain.map_or(key, |(key, _)| key);
        if plain.is_empty() || plain.contains(['[', ']']) {
            return Err(format!("{at}: {line}: not a usable key"));
        }
        let group = current.and_then(|current| groups.get_mut(current));
        let group = group.ok_or_else(|| format!("{at}: {line}: before the first [NAME]"))?;
        group.entries.retain(|entry| entry.key != key);
        group.entries.push(Entry {
            key: key.to_owned(),
            raw: value.to_owned(),
            at,
        });
    }
    Ok(groups)
}

/// What stands in brackets: blanks within them count.
fn group_name(line: &str) -> Option<&str> {
    let (name, behind) = line.strip_prefix('[')?.split_once(']')?;
    let usable = !name.is_empty() && !name.contains('[');
    (usable && behind.trim().is_empty()).then_some(name)
}

/// The value without escapes, in pieces where there is a separator.
fn pieces(raw: &str, separator: Option<char>) -> Option<Vec<String>> {
    let mut pieces = Vec::new();
    let mut piece = String::new();
    let mut characters = raw.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => piece.push(match characters.next()? {
                's' => ' ',
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                '\\' => '\\',
                it if Some(it) == separator => it,
                _ => return None,
            }),
            it if Some(it) == separator => pieces.push(std::mem::take(&mut piece)),
            it => piece.push(it),
        }
    }
    pieces.push(piece);
    Some(pieces)
}
