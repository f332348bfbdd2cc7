// SPDX-License-Identifier: GPL-2.0

//! Units of systemd whose commands are `vblade`, `vbladed` or `kvadd`.

use std::path::Path;

use super::blade::kvadd;
use super::blade::Blade;
use super::output::Output;
use super::script::Line;
use super::table::At;

/// Whether vblade or kvadd is spoken of.
pub(super) fn concerns(text: &str) -> bool {
    ["vblade", "kvadd"].iter().any(|name| text.contains(name))
}

/// Imports a unit.
pub(super) fn file(output: &mut Output, path: &Path, text: &str) {
    let lines = lines(text);
    let settings: Vec<(usize, &str, &str)> = lines
        .iter()
        .filter_map(|(number, line)| {
            let (key, value) = line.split_once('=')?;
            Some((*number, key.trim(), value.trim()))
        })
        .filter(|(_, key, _)| key.starts_with("Exec"))
        .collect();
    for (number, key, value) in &settings {
        let (number, key, value) = (*number, *key, *value);
        let at = At::new(path, number);
        if value.is_empty() {
            continue;
        }
        // Without a value a key begins anew.
        let is_end = |it: &&(usize, &str, &str)| it.0 > number && it.1 == key && it.2.is_empty();
        if let Some((end, ..)) = settings.iter().find(is_end) {
            output.skip(
                &at,
                format!("{key}={value}: line {end} ends what is before it"),
            );
            continue;
        }
        let starts = matches!(key, "ExecStart" | "ExecStartPre" | "ExecStartPost");
        match command(output, &at, value, starts) {
            Ok(true) => {}
            Ok(false) => output.skip(&at, format!("{key}={value}: not imported")),
            Err(what) => output.fail(&at, format!("{key}: {what}")),
        }
    }
}

/// The lines that say something, each with the number of its first.
fn lines(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut continued = false;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with(['#', ';']) || (line.is_empty() && !continued) {
            continue;
        }
        let (part, more) = match line.strip_suffix('\\') {
            Some(part) => (part, true),
            None => (line, false),
        };
        match lines.last_mut().filter(|_| continued) {
            Some((_, whole)) => {
                whole.push(' ');
                whole.push_str(part);
            }
            None => lines.push((number + 1, part.to_owned())),
        }
        continued = more;
    }
    lines
}

/// Imports what a command line exports; whether it does.
fn command(output: &mut Output, at: &At, value: &str, starts: bool) -> Result<bool, String> {
    if !concerns(value) || !starts {
        return Ok(false);
    }
    let prefixes = value.trim_start_matches(['-', ':', '+', '!', '|', '@']);
    let renamed = value[..value.len() - prefixes.len()].contains('@');
    let mut found = false;
    for mut words in commands(prefixes)? {
        if renamed && words.len() > 1 {
            words.remove(1);
        }
        let added = match Line::find(&words, false)? {
            None => continue,
            Some(_) if words.iter().any(|word| word.contains(UNKNOWN)) => {
                Err("what systemd puts in for % and $ is not understood".to_owned())
            }
            Some(Line::Vblade(words)) => {
                Blade::parse(words).and_then(|blade| blade.add(output, at, None, &[]))
            }
            Some(Line::Kvadd(words)) => kvadd(output, at, words, &[]),
            Some(Line::Shell(_)) => Err("a shell within a unit is not understood".to_owned()),
        };
        added?;
        found = true;
    }
    Ok(found)
}

/// Stands for what cannot be told.
const UNKNOWN: char = '\u{fffe}';

/// The words of the commands of a line, as systemd.service(5) says.
fn commands(value: &str) -> Result<Vec<Vec<String>>, String> {
    let mut commands = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut bare = true;
    let mut rest = value.chars().peekable();
    while let Some(character) = rest.next() {
        match (character, quote) {
            (' ' | '\t', None) => {
                if let Some(word) = word.take() {
                    match (word.as_str(), bare, commands.last_mut()) {
                        (";", true, _) => commands.push(Vec::new()),
                        (_, _, Some(words)) => words.push(word),
                        _ => {}
                    }
                }
                bare = true;
            }
            ('"' | '\'', None) => {
                quote = Some(character);
                bare = false;
                word.get_or_insert_default();
            }
            (_, Some(end)) if character == end => quote = None,
            ('\\', _) => {
                bare = false;
                let escaped = match rest.next() {
                    Some('n') => '\n',
                    Some('t') => '\t',
                    Some('s') => ' ',
                    Some('x') => hexadecimal(&mut rest).ok_or("a wrong escape")?,
                    Some(it @ ('\\' | '"' | '\'' | ';')) => it,
                    _ => return Err("a wrong escape".into()),
                };
                word.get_or_insert_default().push(escaped);
            }
            ('%' | '$', _) => {
                let put_in = match rest.next_if_eq(&character) {
                    Some(it) => it,
                    None => UNKNOWN,
                };
                word.get_or_insert_default().push(put_in);
            }
            _ => word.get_or_insert_default().push(character),
        }
    }
    if quote.is_some() {
        return Err("a quote without end".into());
    }
    if let (Some(word), Some(words)) = (word, commands.last_mut()) {
        words.push(word);
    }
    Ok(commands)
}

/// The character of two hexadecimal digits.
fn hexadecimal(rest: &mut impl Iterator<Item = char>) -> Option<char> {
    let digits: String = rest.take(2).collect();
    u8::from_str_radix(&digits, 16).ok().map(char::from)
}
