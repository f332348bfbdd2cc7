// SPDX-License-Identifier: GPL-2.0

//! Writes configurations.

use toml::Value;

/// Writes tables of TOML, and comments.
#[derive(Default)]
pub(crate) struct Writer(String);

impl Writer {
    /// The text.
    pub(crate) fn finish(self) -> String {
        self.0
    }

    /// How long the text is.
    pub(crate) fn length(&self) -> usize {
        self.0.len()
    }

    /// An empty line.
    pub(crate) fn gap(&mut self) {
        self.line("");
    }

    /// A comment, of as many lines as it has.
    pub(crate) fn comment(&mut self, text: &str) {
        for line in text.lines() {
            // TOML has no control characters in comments.
            let mut shown = String::new();
            for character in line.chars() {
                match character {
                    '\t' => shown.push('\t'),
                    it if it.is_control() => shown.extend(it.escape_default()),
                    it => shown.push(it),
                }
            }
            self.line(format!("# {shown}").trim_end());
        }
    }

    /// The head of a table, after an empty line.
    pub(crate) fn table(&mut self, words: &[&str]) {
        if !self.0.is_empty() {
            self.line("");
        }
        let keys: Vec<String> = words.iter().map(|word| key(word)).collect();
        self.line(&format!("[{}]", keys.join(".")));
    }

    /// A value of the table.
    pub(crate) fn value(&mut self, name: &str, value: impl Into<Value>) {
        let value = value.into();
        self.line(&format!("{} = {value}", key(name)));
    }

    fn line(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }
}

/// A key, in quotes if it must be.
fn key(word: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !word.is_empty() && word.chars().all(bare) {
        word.to_owned()
    } else {
        Value::from(word).to_string()
    }
}
