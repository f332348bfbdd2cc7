// SPDX-License-Identifier: GPL-2.0

//! Exports that differ in some words only, as those of many machines that have a disk each: one table with
//! a list, `each`. An entry of it is one export, and its words are put where the placeholders are.

use std::collections::BTreeMap;
use std::fmt;

use toml::de::DeTable;
use toml::Spanned;

use super::document::owned;
use super::keys;
use super::reader::in_order;
use super::reader::Name;
use super::reader::Reader;
use super::reader::Value;
use super::table::ExportTable;

/// The words of an entry: `{}` and `{1}` are the first, `{2}` the second.
pub(super) struct Words(Vec<String>);

impl Words {
    fn new(entry: &str) -> Self {
        Self(entry.split_whitespace().map(str::to_owned).collect())
    }

    /// The text with words in place of its placeholders.
    ///
    /// # Errors
    ///
    /// A placeholder for which there is no word.
    pub(super) fn fill(&self, text: &str) -> Result<String, String> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            match after.split_once('}') {
                Some((number, after)) if number.bytes().all(|byte| byte.is_ascii_digit()) => {
                    let place = match number {
                        "" => Some(0),
                        number => number
                            .parse::<usize>()
                            .ok()
                            .and_then(|it| it.checked_sub(1)),
                    };
                    let word = place.and_then(|place| self.0.get(place));
                    filled.push_str(word.ok_or_else(|| format!("{{{number}}}"))?);
                    rest = after;
                }
                _ => {
                    filled.push('{');
                    rest = after;
                }
            }
        }
        filled.push_str(rest);
        Ok(filled)
    }

    /// The placeholders that there are words for, for people.
    pub(super) fn placeholders(&self) -> String {
        let further = (2..=self.0.len()).map(|number| format!(" or {{{number}}}"));
        format!("{{}}{}", further.collect::<String>())
    }
}

/// The name of the export that an entry makes of the template of this name.
///
/// # Errors
///
/// A placeholder for which the entry has no word.
pub(crate) fn name_of(template: &str, entry: &str) -> Result<String, String> {
    Words::new(entry).fill(template)
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

impl Reader<'_> {
    /// The tables `[export.NAME]`, of which templates are several.
    pub(super) fn exports(
        &mut self,
        name: &Name<'_>,
        value: &Value<'_>,
    ) -> BTreeMap<Spanned<String>, ExportTable> {
        let mut exports = BTreeMap::new();
        let Some(table) = self.table(name, value, "[export.NAME]") else {
            return exports;
        };
        for (name, value) in in_order(table) {
            self.owner = "export".into();
            let Some(table) = self.table(name, value, "[export.NAME]") else {
                continue;
            };
            self.owner = format!("export {}", name.get_ref());
            match table.get(keys::EACH.name) {
                Some(each) => self.template(name, each, table, &mut exports),
                None => {
                    let read = self.export(table);
                    self.keep(owned(name), read, &mut exports);
                }
            }
        }
        exports
    }

    fn template(
        &mut self,
        name: &Name<'_>,
        each: &Value<'_>,
        table: &DeTable<'_>,
        exports: &mut BTreeMap<Spanned<String>, ExportTable>,
    ) {
        let Some(entries) = self.texts(&keys::EACH, each) else {
            return;
        };
        if entries.is_empty() {
            let expected = "expected a text for each export; without any, take this table out";
            self.add(each, "each: nothing in the list", expected.into());
        }
        for entry in entries {
            let words = Words::new(entry.get_ref());
            match words.fill(name.get_ref()) {
                Ok(full) if full != *name.get_ref() => {
                    self.words = Some(words);
                    self.owner = format!("export {full}");
                    let told = self.problems.found.len();
                    let read = self.export(table);
                    self.words = None;
                    if self.problems.found.len() > told {
                        // The same is wrong of all others, for all that is known.
                        self.problems.incomplete = true;
                        return;
                    }
                    self.keep(Spanned::new(entry.span(), full), read, exports);
                    self.owner = format!("export {}", name.get_ref());
                }
                Ok(_) => {
                    let what = "each: all of them would have this name";
                    let expected = format!(
                        "expected a placeholder in it: [export.\"{}-{{}}\"]",
                        name.get_ref()
                    );
                    return self.add(name, what, expected);
                }
                Err(placeholder) => {
                    let what = format!("each: \"{words}\" has no word for {placeholder}");
                    self.add(
                        &entry,
                        &what,
                        "expected a word for each placeholder of the name".into(),
                    );
                }
            }
        }
    }

    /// Keeps an export, unless the file has one of its name already.
    fn keep(
        &mut self,
        name: Spanned<String>,
        table: ExportTable,
        exports: &mut BTreeMap<Spanned<String>, ExportTable>,
    ) {
        if exports.contains_key(&name) {
            let expected = "expected another name than one that a template of this file makes";
            return self.add(&name, "defined twice", expected.into());
        }
        exports.insert(name, table);
    }
}
