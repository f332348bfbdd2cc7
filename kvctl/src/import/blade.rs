// SPDX-License-Identifier: GPL-2.0

//! The command lines of vblade and of kvadd: what they export, wherever they were found.

use std::fs;
use std::os::unix::fs::FileTypeExt;

use kvblade_wire::aoe::Mac;
use kvblade_wire::settings::Form;
use kvblade_wire::settings::Setting;
use toml::Value;

use super::output::Output;
use super::table::At;
use super::table::Table;
use crate::clib::atoi;
use crate::clib::getopt;
use crate::clib::parseether;
use crate::clib::strtoll;
use crate::clib::Word;

/// As getopt(3) has them.
const OPTIONS: &str = "b:dsrm:o:l:";

/// A line of vblade.
#[derive(Debug)]
pub(super) struct Blade {
    operands: [String; 4],
    read_only: bool,
    buffers: Option<i64>,
    offset: Option<i64>,
    length: Option<i64>,
    clients: Vec<String>,
    comments: Vec<String>,
}

impl Blade {
    /// Reads the words behind the program's name.
    pub(super) fn parse(words: &[String]) -> Result<Self, String> {
        let found = getopt(words, OPTIONS)?;
        let mut operands = Vec::new();
        let mut blade = Self {
            operands: Default::default(),
            read_only: false,
            buffers: None,
            offset: None,
            length: None,
            clients: Vec::new(),
            comments: Vec::new(),
        };
        for word in found {
            match word {
                Word::Operand(operand) => operands.push(operand.to_owned()),
                Word::Flag(flag) => blade.flag(flag),
                Word::Option(option, argument) => blade
                    .option(option, argument)
                    .map_err(|what| format!("-{option} {argument}: {what}"))?,
            }
        }
        blade.operands = operands.try_into().map_err(|operands: Vec<String>| {
            let found = operands.join(" ");
            format!("not SHELF SLOT INTERFACE FILE, which vblade takes, but \"{found}\"")
        })?;
        Ok(blade)
    }

    fn flag(&mut self, flag: char) {
        let comment = match flag {
            'r' => {
                self.read_only = true;
                return;
            }
            'd' => "option -d: the module always goes past the page cache",
            _ => "option -s: a write is always on the medium when it is answered",
        };
        self.comments.push(comment.to_owned());
    }

    fn option(&mut self, option: char, argument: &str) -> Result<(), String> {
        let parsed = match option {
            'b' => atoi(argument),
            'o' | 'l' => strtoll(argument, 0),
            _ => return self.mask(argument),
        };
        let (number, rest) = parsed.ok_or("not a number")?;
        if !rest.is_empty() {
            let comment = format!("option -{option} {argument}: vblade reads {number}");
            self.comments.push(comment);
        }
        match option {
            'b' if number < 1 => return Err("vblade takes 1 and more".into()),
            'b' => {
                let count = number.clamp(2, 512);
                if count != number {
                    let comment = format!("option -b {number}: from 2 to 512 can be had");
                    self.comments.push(comment);
                }
                self.buffers = Some(count);
            }
            'l' if number < 1 => return Err("vblade takes 1 and more".into()),
            _ if number < 0 => return Err("vblade takes 0 and more".into()),
            _ => {
                let bytes = number.checked_mul(512).ok_or("more than a disk can have")?;
                let place = if option == 'o' {
                    &mut self.offset
                } else {
                    &mut self.length
                };
                *place = Some(bytes);
            }
        }
        Ok(())
    }

    fn mask(&mut self, argument: &str) -> Result<(), String> {
        for text in argument.split(',') {
            let whole = parseether(text).filter(|(_, rest)| rest.is_empty());
            let (mac, _) = whole.ok_or_else(|| format!("{text}: no MAC address"))?;
            if mac.is_group() {
                let comment = format!("option -m {text}: the address of a group, no card has it");
                self.comments.push(comment);
            } else if !self.clients.contains(&mac.to_string()) {
                self.clients.push(mac.to_string());
            }
        }
        if self.clients.is_empty() {
            return Err("no card has such an address".into());
        }
        Ok(())
    }

    /// The export, with a name that begins like this one, or the address.
    pub(super) fn add(
        &self,
        output: &mut Output,
        at: &At,
        name: Option<&str>,
        comments: &[String],
    ) -> Result<(), String> {
        let [shelf, slot, interface, path] = &self.operands;
        let (shelf, slot) = (number("shelf", shelf)?, number("slot", slot)?);
        is_usable(path)?;
        is_interface(interface)?;
        let address = format!("e{shelf}.{slot}");
        let name = output.export_name(name.unwrap_or(&address));
        let list = (!self.clients.is_empty())
            .then(|| output.list(at, &name, Some(self.clients.clone()), None));
        let mut table = Table::export(at, &name);
        table.value("shelf", shelf);
        table.value("slot", slot);
        source(&mut table, path);
        table.value("interfaces", vec![interface.as_str()]);
        if self.read_only {
            table.value("read-only", true);
        }
        let numbers = [
            ("buffer-count", self.buffers),
            ("offset", self.offset.filter(|it| *it != 0)),
            ("length", self.length),
        ];
        for (key, number) in numbers {
            if let Some(number) = number {
                table.value(key, number);
            }
        }
        if let Some(list) = list {
            table.access(&list);
        }
        for comment in self.comments.iter().chain(comments) {
            table.comment(comment);
        }
        output.add(table);
        Ok(())
    }
}

/// A shelf or a slot. To vblade a word without digits is 0; here it is none.
pub(super) fn number(what: &str, text: &str) -> Result<i64, String> {
    match atoi(text) {
        Some((number, rest)) if rest.trim().is_empty() => Ok(number),
        _ => Err(format!("{what} {text}: not a number")),
    }
}

/// A path to export: whether it is a device or a file is told by what is there, or else by where.
pub(super) fn source(table: &mut Table, path: &str) {
    let is_device = match fs::metadata(path).map(|found| found.file_type()) {
        Ok(found) if found.is_block_device() => true,
        Ok(found) if found.is_file() => false,
        _ => path.starts_with("/dev/") && !path.starts_with("/dev/shm/"),
    };
    table.value(if is_device { "device" } else { "file" }, path);
}

/// Whether a word names one interface; ours may be patterns for several.
pub(super) fn is_interface(name: &str) -> Result<(), String> {
    match name.contains(['*', '?', '[']) {
        true => Err(format!(
            "interface {name}: the name of an interface, not a pattern"
        )),
        false => Ok(()),
    }
}

/// Whether a path can be exported.
pub(super) fn is_usable(path: &str) -> Result<(), String> {
    if !path.starts_with('/') {
        return Err(format!(
            "{path}: a path that depends on where the program was started"
        ));
    }
    let has_blank = path.contains(|c: char| c.is_whitespace() || c.is_control());
    if path.starts_with("/dev/") && has_blank {
        return Err(format!(
            "{path:?}: a device whose path has blanks cannot be exported, make a symbolic link"
        ));
    }
    Ok(())
}

/// A line of kvadd, or what was written to the file `add` of the module: the words.
pub(super) fn kvadd(
    output: &mut Output,
    at: &At,
    words: &[String],
    comments: &[String],
) -> Result<(), String> {
    let [shelf, slot, interface, path, options @ ..] = words else {
        let found = words.join(" ");
        return Err(format!(
            "not SHELF SLOT INTERFACE PATH, which kvadd takes, but \"{found}\""
        ));
    };
    let (shelf, slot) = (number("shelf", shelf)?, number("slot", slot)?);
    is_usable(path)?;
    is_interface(interface)?;
    let name = output.export_name(&format!("e{shelf}.{slot}"));
    let mut table = Table::export(at, &name);
    table.value("shelf", shelf);
    table.value("slot", slot);
    table.value("device", path.as_str());
    table.value("interfaces", vec![interface.as_str()]);
    for option in options {
        let (key, value) = option
            .split_once('=')
            .ok_or_else(|| format!("{option}: not KEY=VALUE"))?;
        kvadd_option(&mut table, key, value).ok_or_else(|| format!("{option}: not understood"))?;
    }
    for comment in comments {
        table.comment(comment);
    }
    output.add(table);
    Ok(())
}

fn kvadd_option(table: &mut Table, key: &str, value: &str) -> Option<()> {
    let flag = |value: &str| match value {
        "1" => Some(true),
        "0" => Some(false),
        _ => None,
    };
    let macs = |value: &str| -> Option<Vec<String>> {
        let macs = value.split(',').filter(|text| !text.is_empty());
        macs.map(|text| Mac::parse(text).map(|mac| mac.to_string()))
            .collect()
    };
    let row = Setting::of_add(key)?.row();
    let value: Value = match row.form {
        Form::Flag => flag(value)?.into(),
        Form::Opposite => (!flag(value)?).into(),
        // Whether it is one that can be is told by who checks all of it.
        Form::Number(_) => value.parse::<i64>().ok()?.into(),
        Form::Sectors => value.parse::<i64>().ok()?.checked_mul(512)?.into(),
        Form::Switch(_) => (row.form.parse(value)? != 0).into(),
        Form::Word(_) | Form::Text(_) | Form::Wwn | Form::Config => value.into(),
        Form::Macs => macs(value)?.into(),
    };
    table.value(row.key, value);
    Some(())
}
