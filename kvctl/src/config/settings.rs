// SPDX-License-Identifier: GPL-2.0

//! The settings of the module as a table says them: whether each can be what it says.

use std::collections::BTreeMap;

use kvblade_wire::aoe::mac_list;
use kvblade_wire::aoe::ConfigString;
use kvblade_wire::aoe::Mac;
use kvblade_wire::ata::check_text;
use kvblade_wire::ata::Wwn;
use kvblade_wire::settings::Form;
use kvblade_wire::settings::Mode;
use kvblade_wire::settings::Number;
use kvblade_wire::settings::Setting;
use kvblade_wire::settings::Start;
use kvblade_wire::settings::Tunable;
use toml::Spanned;

use super::access::at;
use super::model::Tuned;
use super::size;
use super::table::ExportTable;
use super::table::Given;
use super::table::Size;
use super::values::Checker;

const SECTOR: u64 = 512;

/// The value of a setting.
#[derive(Clone)]
enum Value {
    /// A number, a flag or a word, as the module has it.
    Number(u32),
    Sectors(u64),
    Text(String),
    Config(Box<ConfigString>),
    Macs(Vec<Mac>),
}

/// What a value is, or else what is wrong with it and what was expected.
type Checked = Result<Value, (String, String)>;

/// The settings that are said.
#[derive(Clone, Default)]
pub(super) struct Values(BTreeMap<Setting, Value>);

impl Values {
    /// Checks those of a table.
    pub(super) fn new(table: &ExportTable, check: &mut Checker<'_>) -> Self {
        let mut values = BTreeMap::new();
        for (setting, given) in &table.settings {
            let checked = match given.get_ref() {
                Given::List(list) => Ok(Value::Macs(macs(setting.row().key, list, check))),
                given => one(*setting, given),
            };
            match checked {
                Ok(value) => drop(values.insert(*setting, value)),
                Err((message, expected)) => check.add(&at(check.file, given), message, expected),
            }
        }
        Self(values)
    }

    /// These, with what they do not say taken from `defaults`.
    pub(super) fn over(mut self, defaults: &Self) -> Self {
        for (setting, value) in &defaults.0 {
            self.0.entry(*setting).or_insert_with(|| value.clone());
        }
        self
    }

    pub(super) fn flag(&self, setting: Setting) -> bool {
        match self.0.get(&setting) {
            Some(Value::Number(number)) => *number != 0,
            _ => setting.row().default != 0,
        }
    }

    /// 0 unless it is said.
    pub(super) fn sectors(&self, mode: Mode) -> u64 {
        match self.0.get(&Setting::Mode(mode)) {
            Some(Value::Sectors(sectors)) => *sectors,
            _ => 0,
        }
    }

    pub(super) fn text(&self, start: Start) -> Option<String> {
        match self.0.get(&Setting::Start(start)) {
            Some(Value::Text(text)) => Some(text.clone()),
            _ => None,
        }
    }

    pub(super) fn config(&self) -> ConfigString {
        match self.0.get(&Setting::Start(Start::Config)) {
            Some(Value::Config(config)) => config.as_ref().clone(),
            _ => ConfigString::new(),
        }
    }

    pub(super) fn macs(&self, start: Start) -> Vec<Mac> {
        match self.0.get(&Setting::Start(start)) {
            Some(Value::Macs(macs)) => macs.clone(),
            _ => Vec::new(),
        }
    }

    pub(super) fn tuned(&self) -> Tuned {
        let tuned = Tunable::ALL.into_iter();
        let tuned = tuned.filter_map(|tunable| match self.0.get(&Setting::Tunable(tunable))? {
            Value::Number(number) => Some((tunable, *number)),
            _ => None,
        });
        Tuned(tuned.collect())
    }
}

fn one(setting: Setting, given: &Given) -> Checked {
    let row = setting.row();
    let key = row.key;
    match (row.form, given) {
        (Form::Opposite, Given::Flag(flag)) => Ok(Value::Number((!flag).into())),
        (_, Given::Flag(flag)) => Ok(Value::Number((*flag).into())),
        (_, Given::Word(place)) => Ok(Value::Number(*place)),
        (Form::Number(form), Given::Number(value)) => number(key, &form, *value).map(Value::Number),
        (_, Given::Size(size)) => sectors(key, size),
        (Form::Text(limit), Given::Text(it)) => text(key, it, limit),
        (Form::Wwn, Given::Text(text)) => match Wwn::parse(text) {
            Some(wwn) => Ok(Value::Text(wwn.to_string())),
            None => Err((
                format!("{key} \"{}\": not a world wide name", text.escape_debug()),
                "expected 16 hexadecimal digits, the first a 5".into(),
            )),
        },
        (Form::Config, Given::Text(text)) => match ConfigString::from_escaped(text.as_bytes()) {
            Some(string) => Ok(Value::Config(Box::new(string))),
            None => Err((
                format!("{key}: too long, or with a wrong escape"),
                "expected 1024 bytes at most; escapes are \\xNN \\n \\r \\t \\\\ \\\" \\'".into(),
            )),
        },
        // The reader has seen to it that there is nothing else.
        (_, Given::Number(_) | Given::Text(_) | Given::List(_)) => {
            Err((format!("{key}: of a wrong type"), String::new()))
        }
    }
}

/// A number that a setting takes.
pub(super) fn number(key: &str, form: &Number, value: i64) -> Result<u32, (String, String)> {
    let number = u32::try_from(value).ok().filter(|it| form.allows(*it));
    number.ok_or_else(|| {
        let message = format!("{key} {value}: out of range");
        (message, format!("expected {form}"))
    })
}

/// A number of bytes, as one of sectors.
fn sectors(key: &str, size: &Size) -> Checked {
    let (text, bytes) = match size {
        Size::Number(number) => (number.to_string(), u64::try_from(*number).ok()),
        Size::Text(text) => (format!("\"{text}\""), size::bytes(text)),
    };
    let expected = "expected a number of bytes like 1048576, or a text like \"1 GiB\" or \"1G\" \
                    (the same), or \"1 GB\" (powers of 1000)";
    let bytes = bytes.ok_or_else(|| {
        (
            format!("{key} {text}: not a number of bytes"),
            expected.into(),
        )
    })?;
    if bytes % SECTOR == 0 {
        Ok(Value::Sectors(bytes / SECTOR))
    } else {
        let message = format!("{key} {text}: not a whole number of sectors");
        Err((message, format!("expected a multiple of {SECTOR} bytes")))
    }
}

fn text(key: &str, text: &str, limit: usize) -> Checked {
    match check_text(text, limit) {
        Ok(()) => Ok(Value::Text(text.trim_end().to_owned())),
        Err(error) => Err((
            format!("{key} \"{}\": {error}", text.escape_debug()),
            format!("expected {limit} characters of ASCII at most"),
        )),
    }
}

fn macs(key: &str, entries: &[Spanned<String>], check: &mut Checker<'_>) -> Vec<Mac> {
    let mut macs: Vec<Mac> = Vec::new();
    for entry in entries {
        let name = entry.get_ref();
        match check.lists.card(name) {
            Some(mac) if macs.contains(&mac) => {}
            Some(mac) if macs.len() < mac_list::CAPACITY => macs.push(mac),
            Some(_) => {
                check.add(
                    &at(check.file, entry),
                    format!("{key}: too many addresses"),
                    format!("expected {} at most", mac_list::CAPACITY),
                );
                break;
            }
            None => check.add(
                &at(check.file, entry),
                format!(
                    "{key} \"{}\": not the address of a card",
                    name.escape_debug()
                ),
                "expected an address like 02:00:00:00:00:01, or a name in /etc/ethers",
            ),
        }
    }
    macs
}
