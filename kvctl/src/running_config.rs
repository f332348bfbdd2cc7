// SPDX-License-Identifier: GPL-2.0

//! What runs, as a configuration.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use kvblade_wire::access::AccessList;
use kvblade_wire::access::Right;
use kvblade_wire::aoe::Mac;
use kvblade_wire::aoe::MacList;
use kvblade_wire::settings::Form;
use kvblade_wire::settings::Row;
use kvblade_wire::settings::Setting;
use toml::Value;

use crate::plan::is_image;
use crate::state::running::Target;
use crate::state::Address;
use crate::state::Record;
use crate::writer::Writer;

/// The exports as they run, as a configuration that makes them so.
pub(crate) fn text(
    targets: &BTreeMap<Address, Target>,
    record: &Record,
    loops: &BTreeMap<PathBuf, PathBuf>,
) -> String {
    let mut writer = Writer::default();
    let mut lists: Vec<String> = Vec::new();
    for target in targets.values() {
        for right in Right::ALL {
            let list = target.value(right.file()).to_owned();
            if !matches!(list.as_str(), "all" | "none") && !lists.contains(&list) {
                lists.push(list);
            }
        }
    }
    for (number, list) in lists.iter().enumerate() {
        writer.table(&["access", &list_name(number)]);
        // Of a list that is not known here nobody is let in.
        let list = AccessList::parse(list).unwrap_or(AccessList::only(MacList::new()));
        let key = match list.named() {
            Some(_) => "accept",
            None => "deny",
        };
        let macs: Vec<String> = list.listed().iter().map(Mac::to_string).collect();
        writer.value(key, macs);
    }
    let owners = record.names();
    for (address, target) in targets {
        let name = owners.get(address).map(|name| (*name).to_owned());
        let name = name.unwrap_or_else(|| unnamed(*address, record));
        writer.table(&["export", &name]);
        let file = loops.get(Path::new(&target.path));
        match file.and_then(|file| file.to_str()) {
            Some(file) => {
                writer.value("file", file);
                let made = record.exports.get(&name);
                // What looks like an image in a format would be refused.
                if made.is_some_and(|it| it.raw) || is_image(Path::new(file)) {
                    writer.value("format", "raw");
                }
            }
            None => writer.value("device", target.path.as_str()),
        }
        export(&mut writer, *address, target, &lists);
    }
    writer.finish()
}

/// A name for an export that has none, which none has.
fn unnamed(address: Address, record: &Record) -> String {
    let mut name = format!("e{address}");
    while record.exports.contains_key(&name) {
        name.push('-');
    }
    name
}

fn list_name(number: usize) -> String {
    format!("list{}", number + 1)
}

fn export(writer: &mut Writer, address: Address, target: &Target, lists: &[String]) {
    writer.value("shelf", i64::from(address.shelf));
    writer.value("slot", i64::from(address.slot));
    let interfaces: Vec<&str> = target.ports.keys().map(String::as_str).collect();
    writer.value("interfaces", interfaces);
    for setting in Setting::all() {
        let row = setting.row();
        let said = value(row, target.value(row.file));
        if let Some(said) = said.filter(|_| !row.file.is_empty()) {
            writer.value(row.key, said);
        }
    }
    let mut access = toml::Table::new();
    for right in Right::ALL {
        let list = target.value(right.file());
        let number = lists.iter().position(|it| it == list);
        let name = number.map_or_else(|| list.to_owned(), list_name);
        if name != "all" {
            access.insert(right.key().to_owned(), Value::from(name));
        }
    }
    if !access.is_empty() {
        writer.value("access", Value::Table(access));
    }
    if target.is_offline() {
        writer.value("online", false);
    }
}

/// What a file of sysfs shows, as a configuration says it; nothing if that is so unless it is said.
fn value(row: &Row, shown: &str) -> Option<Value> {
    let number = row.form.parse(shown);
    let number = || number.filter(|number| *number != row.default);
    let text = || Some(shown).filter(|it| !it.is_empty());
    Some(match row.form {
        Form::Flag | Form::Switch(_) => Value::from(number()? != 0),
        Form::Opposite => Value::from(number()? == 0),
        Form::Number(_) => Value::from(number()?),
        Form::Word(_) => {
            number()?;
            Value::from(shown)
        }
        Form::Sectors => {
            let sectors = shown.parse::<i64>().ok().filter(|it| *it != 0)?;
            Value::from(sectors.saturating_mul(512))
        }
        Form::Text(_) | Form::Wwn | Form::Config => Value::from(text()?),
        Form::Macs => Value::from(words(text()?)),
    })
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_that_is_a_disk_whatever_it_looks_like_is_exported_as_that() {
        let folder = tempfile::tempdir().unwrap();
        let mut targets = BTreeMap::new();
        let mut loops = BTreeMap::new();
        let mut record = Record::default();
        for (number, name) in ["plain", "said", "image"].into_iter().enumerate() {
            let file = folder.path().join(name);
            fs::write(&file, if name == "image" { "QED\0" } else { "" }).unwrap();
            let device = PathBuf::from(format!("/dev/loop{number}"));
            let address: Address = format!("1.{number}").parse().unwrap();
            let target = Target {
                path: device.display().to_string(),
                ports: [("eth0".to_owned(), "up".to_owned())].into(),
                ..Target::default()
            };
            targets.insert(address, target);
            loops.insert(device, file);
            let made = serde_json::json!({
                "address": address, "interfaces": ["eth0"], "loop_device": null, "model": "",
                "serial": "", "start": {}, "persist": [], "raw": name == "said",
            });
            let made = serde_json::from_value(made).unwrap();
            record.exports.insert(name.to_owned(), made);
        }
        let text = text(&targets, &record, &loops);
        let tables: toml::Table = toml::from_str(&text).unwrap();
        let format = |name: &str| tables["export"][name].get("format").and_then(Value::as_str);
        assert_eq!(format("plain"), None, "{text}");
        assert_eq!(format("said"), Some("raw"), "{text}");
        assert_eq!(format("image"), Some("raw"), "{text}");
    }
}
