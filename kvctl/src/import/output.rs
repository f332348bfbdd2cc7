// SPDX-License-Identifier: GPL-2.0

//! What is imported, as it grows.

use toml::Value;

use crate::writer::Writer;

/// Writes tables, with the comments on what has no counterpart.
#[derive(Default)]
pub(super) struct Output(Writer);

impl Output {
    pub(super) fn new(from: &str) -> Self {
        let mut output = Self::default();
        output.0.comment(&format!("Imported from {from}."));
        output
    }

    pub(super) fn table(&mut self, words: &[&str]) {
        self.0.table(words);
    }

    pub(super) fn value(&mut self, name: &str, value: impl Into<Value>) {
        self.0.value(name, value);
    }

    pub(super) fn comment(&mut self, text: &str) {
        self.0.comment(text);
    }

    /// What has no counterpart, and why it needs none.
    pub(super) fn without(&mut self, key: &str, value: &str, reason: &str) {
        self.0.comment(&format!("{key} = {value}: {reason}"));
    }

    pub(super) fn finish(self) -> String {
        self.0.finish()
    }
}
