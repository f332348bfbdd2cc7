// SPDX-License-Identifier: GPL-2.0

//! From the text of a file to its tables, and to all in them that is written in a wrong way.

use std::collections::BTreeMap;

use kvblade_wire::access::Right;
use toml::de::DeTable;
use toml::de::DeValue;
use toml::Spanned;

use super::keys;
use super::keys::Key;
use super::problem::Place;
use super::problem::Problems;
use super::problem::Source;
use super::reader::find;
use super::reader::in_order;
use super::reader::kind;
use super::reader::Name;
use super::reader::Reader;
use super::reader::Value;
use super::table::AccessChoice;
use super::table::AccessTable;
use super::table::Document;
use super::table::ExportTable;
use super::table::InterfaceTable;
use super::table::RuleTable;
use crate::suggest::suggestion;

const TABLES: [&str; 4] = ["defaults", "access", "interface", "export"];

/// Reads a file. Where it is no TOML, what there is besides is read.
pub(super) fn read(file: usize, source: &Source, problems: &mut Problems) -> Document {
    let (table, errors) = DeTable::parse_recoverable(&source.text);
    for error in &errors {
        let span = error.span().unwrap_or(0..0);
        let message = error.message();
        let (what, expected) = match message.split_once(", expected ") {
            Some((what, expected)) => (what, format!("expected {}", plainly(expected))),
            None => (message, String::new()),
        };
        let table = table_around(&source.text, span.start);
        problems.add(&Place { file, span }, format!("{table}{what}"), expected);
        // What is missing where a file cannot be read would only confuse.
        problems.incomplete = true;
    }
    let mut reader = Reader {
        file,
        owner: String::new(),
        words: None,
        problems,
    };
    reader.document(table.get_ref())
}

/// What the parser expects, for people.
fn plainly(expected: &str) -> &str {
    match expected {
        "literal string" => "a value: a number, true, false, or a text in quotes",
        other => other,
    }
}

/// The head of the table that a place of the text is in.
fn table_around(text: &str, place: usize) -> String {
    let before = text.get(..place).unwrap_or_default();
    let heads = before
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with('[') && line.trim_end_matches(|c| c != ']').ends_with(']'));
    let inner = |head: &str| Some(head.split(']').next()?.trim_start_matches('[').to_owned());
    match heads.last().and_then(inner) {
        Some(table) => format!("{}: ", table.replacen('.', " ", 1)),
        None => String::new(),
    }
}

pub(super) fn owned(name: &Name<'_>) -> Spanned<String> {
    Spanned::new(name.span(), name.get_ref().clone().into_owned())
}

impl Reader<'_> {
    fn document(&mut self, table: &DeTable<'_>) -> Document {
        let mut document = Document::default();
        for (name, value) in in_order(table) {
            match name.get_ref().as_ref() {
                "defaults" => {
                    if let Some(table) = self.table(name, value, "[defaults]") {
                        self.owner = "defaults".into();
                        let read = self.export(table);
                        document.defaults = Some(Spanned::new(name.span(), read));
                    }
                }
                "access" => document.access = self.named(name, value, Self::access),
                "interface" => document.interface = self.named(name, value, Self::interface),
                "export" => document.export = Some(self.exports(name, value)),
                other => {
                    let hint = suggestion(other, &TABLES);
                    let what = format!("unknown table or key {other}{hint}");
                    let expected = "expected [export.NAME], [defaults], [access.NAME] or \
                                    [interface.NAME]";
                    self.add(name, &what, expected.into());
                }
            }
            self.owner.clear();
        }
        document
    }

    /// A table of the file, or of tables.
    pub(super) fn table<'t, 'a>(
        &mut self,
        name: &Name<'a>,
        value: &'t Value<'a>,
        form: &str,
    ) -> Option<&'t DeTable<'a>> {
        match value.get_ref() {
            DeValue::Table(table) => Some(table),
            other => {
                let what = format!("{}: {}, not a table", name.get_ref(), kind(other));
                self.add(name, &what, format!("expected {form}"));
                None
            }
        }
    }

    /// The tables of one kind, by their names.
    fn named<T>(
        &mut self,
        name: &Name<'_>,
        value: &Value<'_>,
        read: impl Fn(&mut Self, &DeTable<'_>) -> T,
    ) -> BTreeMap<Spanned<String>, T> {
        let sort = name.get_ref();
        let form = format!("[{sort}.NAME]");
        let mut tables = BTreeMap::new();
        let Some(table) = self.table(name, value, &form) else {
            return tables;
        };
        for (name, value) in in_order(table) {
            self.owner = sort.clone().into_owned();
            if let Some(table) = self.table(name, value, &form) {
                self.owner = format!("{sort} {}", name.get_ref());
                tables.insert(owned(name), read(self, table));
            }
        }
        tables
    }

    fn interface(&mut self, table: &DeTable<'_>) -> InterfaceTable {
        let mut read = InterfaceTable::default();
        for (name, value) in in_order(table) {
            match find(&keys::INTERFACE, name) {
                Some(key) if key.name == "mtu" => {
                    let mtu = self.number(key, value);
                    read.mtu = mtu.map(|it| Spanned::new(value.span(), it));
                }
                Some(key) => read.require = self.word(key, value),
                None => self.unknown(name, &keys::INTERFACE),
            }
        }
        read
    }

    fn access(&mut self, table: &DeTable<'_>) -> AccessTable {
        let mut read = AccessTable::default();
        for (name, value) in in_order(table) {
            let Some(key) = find(&keys::ACCESS, name) else {
                self.unknown(name, &keys::ACCESS);
                continue;
            };
            match key.name {
                "accept" => read.accept = self.texts(key, value),
                "deny" => read.deny = self.texts(key, value),
                "rules" => read.rules = self.rules(key, value),
                _ => read.policy = self.word(key, value),
            }
        }
        read
    }

    fn rules(&mut self, key: &Key, value: &Value<'_>) -> Option<Vec<Spanned<RuleTable>>> {
        let DeValue::Array(values) = value.get_ref() else {
            self.wrong(key, value);
            return None;
        };
        let mut rules = Vec::new();
        for value in values.iter() {
            let DeValue::Table(table) = value.get_ref() else {
                let what = format!("rules: {} in a list of tables", kind(value.get_ref()));
                self.add(
                    value,
                    &what,
                    format!("expected a table, as in {}", key.example),
                );
                continue;
            };
            let mut rule = RuleTable::default();
            let mut right = true;
            for (name, value) in in_order(table) {
                let Some(key) = find(&keys::RULE, name) else {
                    self.unknown(name, &keys::RULE);
                    right = false;
                    continue;
                };
                let text = self.text(key, value);
                let text = text.map(|it| Spanned::new(value.span(), it));
                right &= text.is_some();
                match key.name {
                    "accept" => rule.accept = text,
                    _ => rule.deny = text,
                }
            }
            if right {
                rules.push(Spanned::new(value.span(), rule));
            }
        }
        Some(rules)
    }

    pub(super) fn choices(&mut self, key: &Key, value: &Value<'_>) -> Option<AccessChoice> {
        let DeValue::Table(table) = value.get_ref() else {
            self.wrong(key, value);
            return None;
        };
        let mut read = AccessChoice::default();
        for (name, value) in in_order(table) {
            let Some(key) = find(&keys::CHOICE, name) else {
                self.unknown(name, &keys::CHOICE);
                continue;
            };
            let right = Right::ALL.into_iter().find(|it| it.key() == key.name);
            let list = self.text(key, value);
            read.extend(right.zip(list.map(|it| Spanned::new(value.span(), it))));
        }
        Some(read)
    }

    pub(super) fn export(&mut self, table: &DeTable<'_>) -> ExportTable {
        let mut read = ExportTable::default();
        for (name, value) in in_order(table) {
            if self.words.is_some() && name.get_ref() == keys::EACH.name {
                continue;
            }
            let Some(key) = find(&keys::EXPORT, name) else {
                self.unknown(name, &keys::EXPORT);
                continue;
            };
            read.given.insert(key.name.to_owned());
            match key.setting {
                Some(setting) => {
                    let given = self.setting(key, value);
                    let given = given.map(|it| (setting, Spanned::new(value.span(), it)));
                    read.settings.extend(given);
                }
                None => read.own.read(self, key, value),
            }
        }
        read
    }
}
