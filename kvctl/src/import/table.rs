// SPDX-License-Identifier: GPL-2.0

//! A table of the configuration that is made of what is imported.

use std::fmt;
use std::path::Path;

use kvblade_wire::access::Right;
use toml::Value;

use crate::writer::Writer;

/// A place in a file of the other program, for people.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct At {
    pub(super) file: String,
    pub(super) line: usize,
}

impl At {
    /// A line of a file; 0: the file.
    pub(super) fn new(path: &Path, line: usize) -> Self {
        Self {
            file: path.display().to_string(),
            line,
        }
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.file),
            line => write!(f, "{}:{line}", self.file),
        }
    }
}

/// What a table says.
#[derive(Clone, Debug, PartialEq)]
enum Line {
    Value(String, Value),
    Comment(String),
}

/// A table to be.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) at: At,
    head: Vec<String>,
    lines: Vec<Line>,
}

impl Table {
    /// A table that an entry at this place comes to.
    pub(super) fn new(at: &At, head: &[&str]) -> Self {
        Self {
            at: at.clone(),
            head: head.iter().map(ToString::to_string).collect(),
            lines: Vec::new(),
        }
    }

    /// An export.
    pub(super) fn export(at: &At, name: &str) -> Self {
        Self::new(at, &["export", name])
    }

    /// Gives an export its name.
    pub(super) fn name(&mut self, name: &str) {
        self.head = vec!["export".into(), name.to_owned()];
    }

    /// A value. Of several of one name the last counts.
    pub(super) fn value(&mut self, name: &str, value: impl Into<Value>) {
        self.lines
            .retain(|line| !matches!(line, Line::Value(known, _) if known == name));
        self.lines.push(Line::Value(name.to_owned(), value.into()));
    }

    pub(super) fn comment(&mut self, text: impl Into<String>) {
        self.lines.push(Line::Comment(text.into()));
    }

    /// What has no counterpart, and why it needs none.
    pub(super) fn without(&mut self, key: &str, value: &str, reason: &str) {
        self.comment(format!("{key} = {value}: {reason}"));
    }

    /// All that another table says.
    pub(super) fn append(&mut self, other: Self) {
        self.lines.extend(other.lines);
    }

    /// The same list for all rights.
    pub(super) fn access(&mut self, list: &str) {
        let access = Right::ALL.map(|right| (right.key().to_owned(), Value::from(list)));
        self.value("access", Value::Table(access.into_iter().collect()));
    }

    fn get(&self, key: &str) -> Option<&Value> {
        let value = |line: &'_ Line| matches!(line, Line::Value(name, _) if name == key);
        match self.lines.iter().rev().find(|line| value(line)) {
            Some(Line::Value(_, value)) => Some(value),
            _ => None,
        }
    }

    /// Whether it is one of an export.
    pub(super) fn is_export(&self) -> bool {
        self.head.first().is_some_and(|word| word == "export")
    }

    /// Whether it holds for all exports.
    pub(super) fn is_defaults(&self) -> bool {
        self.head.first().is_some_and(|word| word == "defaults")
    }

    /// Whether there is something in it that was no text.
    pub(super) fn is_undecodable(&self) -> bool {
        let lost = |text: &str| text.contains(char::REPLACEMENT_CHARACTER);
        let in_line = |line: &Line| match line {
            Line::Value(_, value) => lost(&value.to_string()),
            Line::Comment(_) => false,
        };
        self.head.iter().any(|word| lost(word)) || self.lines.iter().any(in_line)
    }

    /// What it says but for the interfaces.
    fn rest(&self) -> Vec<&Line> {
        let other = |line: &&Line| matches!(line, Line::Value(name, _) if name != "interfaces");
        self.lines.iter().filter(other).collect()
    }

    /// What it exports.
    pub(super) fn backing(&self) -> Option<&Value> {
        self.get("device").or_else(|| self.get("file"))
    }

    fn interfaces(&self) -> Vec<Value> {
        let interfaces = self.get("interfaces").and_then(Value::as_array);
        interfaces.cloned().unwrap_or_default()
    }

    /// Takes the interfaces of another table, if it is the same export on others: to the programs
    /// that serve one interface each, those are two.
    pub(super) fn join(&mut self, other: &Self) -> bool {
        let (mut own, theirs) = (self.interfaces(), other.interfaces());
        let apart =
            !own.is_empty() && !theirs.is_empty() && theirs.iter().all(|it| !own.contains(it));
        let same = self.is_export() && other.is_export() && self.rest() == other.rest();
        if !(apart && same) {
            return false;
        }
        own.extend(theirs);
        for line in &mut self.lines {
            if let Line::Value(name, value) = line {
                if name == "interfaces" {
                    *value = Value::Array(own.clone());
                }
            }
        }
        true
    }

    /// Writes it.
    pub(super) fn write(&self, writer: &mut Writer) {
        let head: Vec<&str> = self.head.iter().map(String::as_str).collect();
        writer.table(&head);
        for line in &self.lines {
            match line {
                Line::Value(name, value) => writer.value(name, value.clone()),
                Line::Comment(text) => writer.comment(text),
            }
        }
    }
}
