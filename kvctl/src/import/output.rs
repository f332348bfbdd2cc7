// SPDX-License-Identifier: GPL-2.0

//! What is imported, as it grows: tables and comments, in their order.
//!
//! What comes out has been through the checks of `kvctl check`. A table that does not pass them
//! becomes a comment that says why, and the import has failed as far as that.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use kvblade_wire::aoe::Mac;

use super::table::At;
use super::table::Table;
use crate::config::parse;
use crate::config::problem::Problem;
use crate::config::problem::Source;
use crate::writer::Writer;

/// A configuration that was imported.
#[derive(Debug, Default)]
pub(crate) struct Imported {
    pub(crate) text: String,
    /// What could not be imported; the text says it in its place, too.
    pub(crate) failures: Vec<String>,
}

enum Item {
    Comment(String),
    Table(Table),
}

/// Tables and comments.
pub(super) struct Output {
    items: Vec<Item>,
    failures: Vec<String>,
    skipped: Vec<String>,
    exports: BTreeSet<String>,
    lists: BTreeSet<String>,
    /// Lists made for exports, by what they say.
    generated: Vec<(Vec<String>, Vec<String>, String)>,
}

impl Output {
    pub(super) fn new(from: &str) -> Self {
        Self {
            items: vec![Item::Comment(format!("Imported from {from}."))],
            failures: Vec::new(),
            skipped: Vec::new(),
            exports: BTreeSet::new(),
            lists: BTreeSet::new(),
            generated: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, table: Table) {
        self.items.push(Item::Table(table));
    }

    /// What is not imported and need not be.
    pub(super) fn comment(&mut self, text: impl Into<String>) {
        self.items.push(Item::Comment(text.into()));
    }

    /// What is not imported, at this place, and need not be.
    pub(super) fn skip(&mut self, at: &At, what: impl fmt::Display) {
        let skipped = format!("{at}: {what}");
        self.comment(skipped.as_str());
        self.skipped.push(skipped);
    }

    /// What should be imported, and cannot be.
    pub(super) fn fail(&mut self, at: &At, what: impl fmt::Display) {
        let failure = format!("{at}: {what}");
        self.comment(format!("NOT IMPORTED: {failure}"));
        self.failures.push(failure);
    }

    /// A name for an export, of characters that names may have, which no other has.
    pub(super) fn export_name(&mut self, text: &str) -> String {
        let usable = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let name: String = text
            .chars()
            .map(|c| if usable(c) { c } else { '-' })
            .collect();
        let name = match name.trim_start_matches(['.', '-']) {
            "" => "export",
            name => name,
        };
        let name = unique(name, 64, |name| self.exports.contains(name));
        self.exports.insert(name.clone());
        name
    }

    /// A name for an access list, which no other has, and which means nothing else.
    pub(super) fn list_name(&mut self, text: &str) -> String {
        let has_meaning = matches!(text, "all" | "none") || Mac::parse(text).is_some();
        let text = match has_meaning {
            true => format!("list-{text}"),
            false => text.to_owned(),
        };
        let name = unique(&text, usize::MAX, |name| self.lists.contains(name));
        self.lists.insert(name.clone());
        name
    }

    /// An access list for an export; what another says already is not said once more.
    pub(super) fn list(
        &mut self,
        at: &At,
        owner: &str,
        accept: Option<Vec<String>>,
        deny: Option<Vec<String>>,
    ) -> String {
        let says = (
            accept.clone().unwrap_or_default(),
            deny.clone().unwrap_or_default(),
        );
        let mut known = self.generated.iter();
        if let Some((_, _, name)) =
            known.find(|(accept, deny, _)| (accept, deny) == (&says.0, &says.1))
        {
            return name.clone();
        }
        let name = self.list_name(&format!("{owner}-clients"));
        let mut table = Table::new(at, &["access", &name]);
        if let Some(accept) = accept {
            table.value("accept", accept);
        }
        if let Some(deny) = deny {
            table.value("deny", deny);
        }
        self.add(table);
        self.generated.push((says.0, says.1, name.clone()));
        name
    }

    /// One export of what is one export on several interfaces.
    pub(super) fn join_paths(&mut self) {
        let mut items: Vec<Item> = Vec::new();
        for item in std::mem::take(&mut self.items) {
            let Item::Table(table) = &item else {
                items.push(item);
                continue;
            };
            let joined = items.iter_mut().any(|known| match known {
                Item::Table(known) => known.join(table),
                Item::Comment(_) => false,
            });
            if joined {
                let at = &table.at;
                items.push(Item::Comment(format!(
                    "{at}: the same export on another interface"
                )));
            } else {
                items.push(item);
            }
        }
        self.items = items;
    }

    /// Lets exports share a device, which programs let them do that do not claim it.
    pub(super) fn share(&mut self) {
        let mut users: BTreeMap<String, usize> = BTreeMap::new();
        for table in self.tables().filter(|table| table.is_export()) {
            if let Some(backing) = table.backing() {
                *users.entry(backing.to_string()).or_default() += 1;
            }
        }
        for item in &mut self.items {
            let Item::Table(table) = item else {
                continue;
            };
            let backing = table.backing().map(ToString::to_string);
            let others = backing.and_then(|backing| users.get(&backing));
            if table.is_export() && others.is_some_and(|count| *count > 1) {
                table.comment("another export has the device, too");
                table.value("shared", true);
            }
        }
    }

    fn tables(&self) -> impl Iterator<Item = &Table> {
        self.items.iter().filter_map(|item| match item {
            Item::Table(table) => Some(table),
            Item::Comment(_) => None,
        })
    }

    /// The text, and where in it each of the items is.
    fn compose(&self) -> (String, Vec<Range<usize>>) {
        let mut writer = Writer::default();
        let mut places = Vec::new();
        for (number, item) in self.items.iter().enumerate() {
            let start = writer.length();
            match item {
                Item::Table(table) => table.write(&mut writer),
                Item::Comment(text) => {
                    let after_table = number.checked_sub(1).and_then(|it| self.items.get(it));
                    if matches!(after_table, Some(Item::Table(_))) {
                        writer.gap();
                    }
                    writer.comment(text);
                }
            }
            places.push(start..writer.length());
        }
        (writer.finish(), places)
    }

    /// The configuration, as far as `kvctl check` takes it.
    pub(super) fn finish(mut self, ethers: &BTreeMap<String, Mac>) -> Result<Imported, String> {
        self.drop_undecodable();
        // Each time at least one table goes.
        loop {
            let (text, places) = self.compose();
            let source = Source {
                path: "imported".into(),
                text: text.clone(),
            };
            let problems = match parse(&[source], ethers) {
                Ok(config) if config.exports.is_empty() => {
                    let mut said = self.failures;
                    said.append(&mut self.skipped);
                    said.push("no export is in there".to_owned());
                    return Err(said.join("\n"));
                }
                Ok(_) => {
                    return Ok(Imported {
                        text,
                        failures: self.failures,
                    })
                }
                Err(problems) => problems,
            };
            if !self.drop_wrong(&problems, &places) {
                let said: Vec<&str> = problems.iter().map(|it| it.message.as_str()).collect();
                return Err(format!(
                    "cannot be said in a configuration: {}",
                    said.join("; ")
                ));
            }
        }
    }

    /// Turns tables into comments that say what is not text: bytes that are no UTF-8.
    fn drop_undecodable(&mut self) {
        for number in 0..self.items.len() {
            let undecodable = match self.items.get(number) {
                Some(Item::Table(table)) => table.is_undecodable(),
                _ => false,
            };
            if undecodable {
                self.drop(number, "a name or a value is not UTF-8");
            }
        }
    }

    /// Turns a table into a comment; whether it could be.
    fn drop(&mut self, number: usize, why: &str) -> bool {
        let Some(item) = self.items.get_mut(number) else {
            return false;
        };
        let failure = match item {
            // What it says is said of all exports.
            Item::Table(table) if !table.is_defaults() => format!("{}: {why}", table.at),
            _ => return false,
        };
        *item = Item::Comment(format!("NOT IMPORTED: {failure}"));
        self.failures.push(failure);
        true
    }

    /// Turns tables with problems into comments; whether there was any.
    fn drop_wrong(&mut self, problems: &[Problem], places: &[Range<usize>]) -> bool {
        let mut wrong: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        for problem in problems {
            let start = problem.place.span.start;
            if let Some(number) = places.iter().position(|place| place.contains(&start)) {
                let Problem {
                    message, expected, ..
                } = problem;
                let said = match expected.as_str() {
                    "" => message.clone(),
                    expected => format!("{message}: {expected}"),
                };
                wrong.entry(number).or_default().push(said);
            }
        }
        let mut dropped = false;
        for (number, said) in wrong {
            dropped |= self.drop(number, &said.join("; "));
        }
        dropped
    }
}

/// A name that is not taken, which begins like this one.
fn unique(name: &str, longest: usize, is_taken: impl Fn(&str) -> bool) -> String {
    let cut = |length: usize| name.chars().take(length).collect::<String>();
    let mut number = 1_usize;
    loop {
        let end = match number {
            1 => String::new(),
            number => format!("-{number}"),
        };
        let candidate = cut(longest.saturating_sub(end.len())) + &end;
        if !is_taken(&candidate) {
            return candidate;
        }
        number += 1;
    }
}
