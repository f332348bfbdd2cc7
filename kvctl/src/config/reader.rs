// SPDX-License-Identifier: GPL-2.0

//! Values of a file: whether each is of the type that its key wants.

use std::borrow::Cow;

use kvblade_wire::settings::Form;
use toml::de::DeTable;
use toml::de::DeValue;
use toml::Spanned;

use super::access::at;
use super::keys;
use super::keys::Key;
use super::problem::Problems;
use super::table::Choice;
use super::table::Given;
use super::table::Size;
use super::template::Words;
use crate::suggest::suggestion;

pub(super) type Name<'a> = Spanned<Cow<'a, str>>;
pub(super) type Value<'a> = Spanned<DeValue<'a>>;

/// What a value is, for people.
pub(super) fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a point",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// The entries of a table in the order of the file.
pub(super) fn in_order<'t, 'a>(table: &'t DeTable<'a>) -> Vec<(&'t Name<'a>, &'t Value<'a>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    entries
}

pub(super) fn find<'k>(keys: &'k [Key], name: &Name<'_>) -> Option<&'k Key> {
    keys.iter().find(|key| key.name == name.get_ref().as_ref())
}

/// Reads tables of one file.
pub(super) struct Reader<'p> {
    pub(super) file: usize,
    /// Whose values these are.
    pub(super) owner: String,
    /// What placeholders of the table stand for, if it is a template.
    pub(super) words: Option<Words>,
    pub(super) problems: &'p mut Problems,
}

impl Reader<'_> {
    /// Notes what is wrong with a place.
    pub(super) fn add<T>(&mut self, place: &Spanned<T>, what: &str, expected: String) {
        let owner = match self.owner.as_str() {
            "" => String::new(),
            owner => format!("{owner}: "),
        };
        self.problems
            .add(&at(self.file, place), owner + what, expected);
    }

    /// A value that is not what its key wants.
    pub(super) fn wrong(&mut self, key: &Key, value: &Value<'_>) {
        let Key { name, wants, .. } = key;
        let what = format!("{name}: {}, not {wants}", kind(value.get_ref()));
        let example = meant(key, value.get_ref());
        self.add(
            value,
            &what,
            format!("expected {wants}: {name} = {example}"),
        );
    }

    /// A key that is none.
    pub(super) fn unknown(&mut self, name: &Name<'_>, keys: &[Key]) {
        let names = keys::names(keys);
        let hint = suggestion(name.get_ref(), &names);
        let what = format!("unknown key {}{hint}", name.get_ref());
        let expected = match names.as_slice() {
            [only] => format!("expected {only}"),
            names => format!("expected one of {}", names.join(", ")),
        };
        self.add(name, &what, expected);
    }

    /// A text, with words in place of its placeholders if the table is a template.
    fn filled(&mut self, key: &Key, value: &Value<'_>, text: &str) -> Option<String> {
        let Some(words) = &self.words else {
            return Some(text.to_owned());
        };
        match words.fill(text) {
            Ok(text) => Some(text),
            Err(placeholder) => {
                let what = format!("{}: \"{words}\" has no word for {placeholder}", key.name);
                self.add(value, &what, format!("expected {}", words.placeholders()));
                None
            }
        }
    }

    pub(super) fn number(&mut self, key: &Key, value: &Value<'_>) -> Option<i64> {
        if let (DeValue::String(text), Some(_)) = (value.get_ref(), &self.words) {
            let text = self.filled(key, value, text)?;
            let number = text.parse().ok();
            if number.is_none() {
                let what = format!("{} \"{text}\": not a whole number", key.name);
                let expected = "expected words in each that are numbers where one is wanted";
                self.add(value, &what, expected.into());
            }
            return number;
        }
        if let DeValue::Integer(number) = value.get_ref() {
            match i64::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) => return Some(number),
                Err(_) => {
                    let what = format!("{} {number}: out of range", key.name);
                    self.add(value, &what, "expected a smaller number".into());
                    return None;
                }
            }
        }
        self.wrong(key, value);
        None
    }

    pub(super) fn flag(&mut self, key: &Key, value: &Value<'_>) -> Option<bool> {
        if let DeValue::Boolean(flag) = value.get_ref() {
            return Some(*flag);
        }
        self.wrong(key, value);
        None
    }

    pub(super) fn text(&mut self, key: &Key, value: &Value<'_>) -> Option<String> {
        if let DeValue::String(text) = value.get_ref() {
            return self.filled(key, value, text);
        }
        self.wrong(key, value);
        None
    }

    pub(super) fn size(&mut self, key: &Key, value: &Value<'_>) -> Option<Size> {
        Some(match value.get_ref() {
            DeValue::String(text) => Size::Text(self.filled(key, value, text)?),
            DeValue::Integer(_) => Size::Number(self.number(key, value)?),
            _ => {
                self.wrong(key, value);
                return None;
            }
        })
    }

    /// What is right of a list; what is not has been told.
    pub(super) fn texts(&mut self, key: &Key, value: &Value<'_>) -> Option<Vec<Spanned<String>>> {
        let DeValue::Array(values) = value.get_ref() else {
            self.wrong(key, value);
            return None;
        };
        let mut texts = Vec::new();
        for value in values.iter() {
            match value.get_ref() {
                DeValue::String(text) => {
                    let text = self.filled(key, value, text);
                    texts.extend(text.map(|text| Spanned::new(value.span(), text)));
                }
                other => {
                    let what = format!("{}: {} in a list of texts", key.name, kind(other));
                    self.add(
                        value,
                        &what,
                        format!("expected a text, as in {}", key.example),
                    );
                }
            }
        }
        Some(texts)
    }

    /// The value of a setting, if its form takes what is there.
    pub(super) fn setting(&mut self, key: &Key, value: &Value<'_>) -> Option<Given> {
        Some(match key.setting?.row().form {
            Form::Flag | Form::Opposite | Form::Switch(_) => Given::Flag(self.flag(key, value)?),
            Form::Number(_) => Given::Number(self.number(key, value)?),
            Form::Sectors => Given::Size(self.size(key, value)?),
            Form::Word(words) => {
                let word = Spanned::new(value.span(), self.text(key, value)?);
                Given::Word(u32::try_from(self.place(key, &word, words)?).ok()?)
            }
            Form::Text(_) | Form::Wwn | Form::Config => Given::Text(self.text(key, value)?),
            Form::Macs => Given::List(self.texts(key, value)?),
        })
    }

    /// Where a word is among those that there are.
    fn place(&mut self, key: &Key, value: &Spanned<String>, known: &[&str]) -> Option<usize> {
        let word = value.get_ref();
        let found = known.iter().position(|known| known == word);
        if found.is_none() {
            let hint = suggestion(word, known);
            let what = format!(
                "{} \"{}\": no such word{hint}",
                key.name,
                word.escape_debug()
            );
            let known: Vec<String> = known.iter().map(|word| format!("\"{word}\"")).collect();
            self.add(
                value,
                &what,
                format!("expected one of {}", known.join(", ")),
            );
        }
        found
    }

    fn choice<T: Choice>(&mut self, key: &Key, value: &Spanned<String>) -> Option<T> {
        let known: Vec<&str> = T::ALL.iter().map(|(word, _)| *word).collect();
        let place = self.place(key, value, &known)?;
        T::ALL.get(place).map(|(_, choice)| *choice)
    }

    pub(super) fn word<T: Choice>(&mut self, key: &Key, value: &Value<'_>) -> Option<T> {
        let word = Spanned::new(value.span(), self.text(key, value)?);
        self.choice(key, &word)
    }

    pub(super) fn words<T: Choice>(&mut self, key: &Key, value: &Value<'_>) -> Option<Vec<T>> {
        let words = self.texts(key, value)?;
        let choices = words.iter().filter_map(|word| self.choice(key, word));
        Some(choices.collect())
    }
}

/// How a value was meant, as far as one can tell; or else an example.
fn meant(key: &Key, value: &DeValue<'_>) -> String {
    let quoted = |text: &str| toml::Value::from(text).to_string();
    let wanted = key.example;
    match value {
        DeValue::String(text) if wanted.starts_with("[\"") => {
            let words = text.split([',', ' ']).filter(|word| !word.is_empty());
            let words: Vec<String> = words.map(quoted).collect();
            format!("[{}]", words.join(", "))
        }
        DeValue::String(text) if wanted.starts_with('{') => {
            format!("{{ read = {0}, write = {0} }}", quoted(text))
        }
        DeValue::String(text) => match (text.trim(), wanted) {
            (word @ ("true" | "false"), "true" | "false") => word.to_owned(),
            ("yes" | "on" | "1", "true" | "false") => "true".to_owned(),
            ("no" | "off" | "0", "true" | "false") => "false".to_owned(),
            (number, wanted) if wanted.parse::<i64>().is_ok() && number.parse::<i64>().is_ok() => {
                number.to_owned()
            }
            _ => wanted.to_owned(),
        },
        DeValue::Integer(number) if matches!(wanted, "true" | "false") => match number.as_str() {
            "0" => "false".to_owned(),
            _ => "true".to_owned(),
        },
        DeValue::Integer(number) if wanted.starts_with('"') && !wanted.contains('/') => {
            quoted(number.as_str())
        }
        DeValue::Array(values) if wanted.starts_with('"') => match values.iter().next() {
            Some(only) if values.iter().count() == 1 => match only.get_ref() {
                DeValue::String(text) => quoted(text),
                _ => wanted.to_owned(),
            },
            _ => wanted.to_owned(),
        },
        _ => wanted.to_owned(),
    }
}
