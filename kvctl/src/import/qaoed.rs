// SPDX-License-Identifier: GPL-2.0

//! `qaoed.conf`.

use std::path::Path;

use toml::Value;

use super::blade::is_interface;
use super::blade::is_usable;
use super::blade::number;
use super::blade::source;
use super::output::Output;
use super::qaoed_include::read;
use super::qaoed_syntax::Block;
use super::qaoed_syntax::Entry;
use super::table::At;
use super::table::Table;
use crate::clib::scan_mac;
use crate::suggest::suggestion;

const BLOCKS: [&str; 5] = ["logging", "interface", "default", "device", "access-list"];
const DEVICE: [&str; 8] = [
    "shelf",
    "slot",
    "target",
    "interface",
    "writecache",
    "broadcast",
    "log",
    "log-level",
];
const LOGGED: &str = "no counterpart, messages go to the kernel's log";

/// Imports the text of a file, with what it includes.
pub(super) fn file(output: &mut Output, path: &Path, text: &str) -> Result<(), String> {
    let file = read(path, text)?;
    if let Some(block) = file
        .blocks
        .iter()
        .find(|it| !BLOCKS.contains(&it.name.as_str()))
    {
        let hint = suggestion(&block.name, &BLOCKS);
        return Err(format!(
            "{}: {}: no block of qaoed{hint}",
            block.at, block.name
        ));
    }
    let mut importer = Importer {
        output,
        loud: Vec::new(),
        interfaces: Vec::new(),
        lists: Vec::new(),
        defaults: Block::new("default", At::new(path, 0)),
        slot: 0,
    };
    let blocks = |name: &'static str| file.blocks.iter().filter(move |block| block.name == name);
    importer.globals(&file)?;
    for block in blocks("logging") {
        let name = block.get("name").map_or("", |entry| &entry.value);
        importer.output.comment(format!("logging {name}: {LOGGED}"));
    }
    blocks("interface").try_for_each(|block| importer.interface(block))?;
    blocks("access-list").try_for_each(|block| importer.list(block))?;
    importer.default(blocks("default"))?;
    for block in blocks("device") {
        if let Err(what) = importer.device(block) {
            importer.output.fail(&block.at, format!("device: {what}"));
        }
    }
    Ok(())
}

struct Importer<'a> {
    output: &'a mut Output,
    /// Access lists whose decisions are logged.
    loud: Vec<String>,
    /// Interfaces that have a table.
    interfaces: Vec<String>,
    /// Access lists, by qaoed's name and ours.
    lists: Vec<(String, String)>,
    defaults: Block,
    /// The next one that is given.
    slot: i64,
}

fn fail<T>(entry: &Entry, what: &str) -> Result<T, String> {
    Err(format!("{}: {}", entry.at, entry.wrong(what)))
}

fn count(entry: &Entry) -> Result<i64, String> {
    number(&entry.key, &entry.value).or_else(|_| fail(entry, "not a number"))
}

fn flag(entry: &Entry) -> Result<bool, String> {
    match entry.value.as_str() {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => fail(entry, "not on or off"),
    }
}

impl Importer<'_> {
    fn globals(&mut self, file: &Block) -> Result<(), String> {
        for entry in &file.entries {
            let reason = match entry.key.as_str() {
                "include" => continue,
                "apisocket" => "no counterpart, there is no daemon",
                "log-level" => "no counterpart, see log in the tables of exports",
                _ => return fail(entry, "no option of qaoed here"),
            };
            self.output.comment(entry.wrong(reason));
        }
        Ok(())
    }

    fn interface(&mut self, block: &Block) -> Result<(), String> {
        let Some(name) = block.get("interface") else {
            return Err(format!("{}: interface: its name is missing", block.at));
        };
        is_interface(&name.value).map_err(|what| format!("{}: {what}", block.at))?;
        let mut table = Table::new(&block.at, &["interface", &name.value]);
        for entry in &block.entries {
            match (entry.key.as_str(), entry.value.as_str()) {
                ("interface", _) => {}
                ("mtu", "auto") => table.value("mtu", 0),
                ("mtu", _) => table.value("mtu", count(entry)?),
                ("log" | "log-level", _) => {
                    table.comment(entry.wrong("no counterpart for interfaces"));
                }
                _ => return fail(entry, "no option of an interface"),
            }
        }
        if self.interfaces.contains(&name.value) {
            let what = format!(
                "interface {}: qaoed uses the first of this name",
                name.value
            );
            self.output.skip(&block.at, what);
        } else {
            self.interfaces.push(name.value.clone());
            self.output.add(table);
        }
        Ok(())
    }

    /// An access list. The first rule that matches decides, as with ours.
    fn list(&mut self, block: &Block) -> Result<(), String> {
        let Some(name) = block.get("name").map(|entry| entry.value.clone()) else {
            return Err(format!("{}: access-list: its name is missing", block.at));
        };
        let known = self.lists.iter().any(|(known, _)| *known == name);
        if known {
            let what = format!("access-list {name}: qaoed uses the first of this name");
            self.output.skip(&block.at, what);
            return Ok(());
        }
        let ours = self.output.list_name(&name);
        let mut table = Table::new(&block.at, &["access", &ours]);
        let (mut rules, mut policy) = (Vec::new(), "deny");
        for entry in &block.entries {
            match (entry.key.as_str(), entry.value.as_str()) {
                ("name", _) => {}
                ("log", _) => self.loud.push(ours.clone()),
                ("policy", "accept") => policy = "accept",
                ("policy", "reject") => policy = "deny",
                ("accept" | "reject", value) => {
                    let Some((mac, _)) = scan_mac(value).filter(|(_, rest)| rest.trim().is_empty())
                    else {
                        return fail(entry, "no MAC address");
                    };
                    if mac.is_group() {
                        table.comment(entry.wrong("the address of a group, no card has it"));
                        continue;
                    }
                    let accepts = entry.key == "accept";
                    let verdict = if accepts { "accept" } else { "deny" };
                    let rule = (verdict.to_owned(), Value::from(mac.to_string()));
                    rules.push(Value::Table(toml::Table::from_iter([rule])));
                }
                _ => return fail(entry, "no option of an access list"),
            }
        }
        table.value("rules", rules);
        table.value("policy", policy);
        self.lists.push((name, ours));
        self.output.add(table);
        Ok(())
    }

    /// The block of defaults: the first that there is.
    fn default<'b>(&mut self, mut blocks: impl Iterator<Item = &'b Block>) -> Result<(), String> {
        if let Some(block) = blocks.next() {
            self.allow(block)?;
            if let Some(entry) = block.get("target") {
                return fail(entry, "no option here");
            }
            if let Some(entry) = block.get("slot") {
                self.slot = count(entry)?;
            }
            self.defaults = block.clone();
        }
        for block in blocks {
            self.output.skip(&block.at, "default: qaoed uses the first");
        }
        Ok(())
    }

    /// Refuses what a device's block cannot have.
    fn allow(&self, block: &Block) -> Result<(), String> {
        for entry in &block.entries {
            if !DEVICE.contains(&entry.key.as_str()) {
                let hint = suggestion(&entry.key, &DEVICE);
                return fail(entry, &format!("no option here{hint}"));
            }
        }
        match block.blocks.iter().find(|inner| inner.name != "acl") {
            Some(inner) => Err(format!("{}: {}: no block here", inner.at, inner.name)),
            None => Ok(()),
        }
    }

    fn device(&mut self, block: &Block) -> Result<(), String> {
        self.allow(block)?;
        let defaults = self.defaults.clone();
        let get = |key: &str| block.get(key).or_else(|| defaults.get(key));
        // What is given is given, whatever comes of the device.
        let slot = match block.get("slot") {
            Some(entry) => count(entry)?,
            None => {
                self.slot += 1;
                self.slot - 1
            }
        };
        let shelf = get("shelf").map_or(Ok(0), count)?;
        let target = block.get("target").ok_or("target is missing")?;
        is_usable(&target.value)?;
        let Some(interface) = get("interface") else {
            return Err("interface is missing, and qaoed refuses that".into());
        };
        is_interface(&interface.value)?;
        let access = self.access(block, &defaults)?;
        let announce = match get("broadcast").map(flag).transpose()? {
            Some(false) => Some("none"),
            // Those alone are told who are let in.
            _ if access.contains_key("discover") => Some("accepted"),
            _ => None,
        };
        let is_loud = |list: &Value| {
            list.as_str()
                .is_some_and(|it| self.loud.iter().any(|l| l == it))
        };
        let log = match get("log-level").map(|entry| entry.value.as_str()) {
            _ if access.values().any(is_loud) => Some("access"),
            Some("none") => Some("quiet"),
            _ => None,
        };
        // Devices have no names with qaoed; the last part of the path does.
        let last = target.value.rsplit('/').next().unwrap_or_default();
        let mut table = Table::export(&block.at, "");
        table.value("shelf", shelf);
        table.value("slot", slot);
        source(&mut table, &target.value);
        table.value("interfaces", vec![interface.value.as_str()]);
        match get("writecache") {
            Some(entry) => table.value("write-cache", flag(entry)?),
            None => table.comment("writecache is on with qaoed unless it is said; here it is off"),
        }
        for (key, value) in [("announce", announce), ("log", log)] {
            if let Some(value) = value {
                table.value(key, value);
            }
        }
        if !access.is_empty() {
            table.value("access", Value::Table(access));
        }
        if let Some(entry) = get("log") {
            table.comment(entry.wrong(LOGGED));
        }
        let name = self.output.export_name(last);
        table.name(&name);
        self.output.add(table);
        Ok(())
    }

    /// The lists for each right, those of the device before those of the defaults.
    fn access(&self, block: &Block, defaults: &Block) -> Result<toml::Table, String> {
        let mut access = toml::Table::new();
        for acl in defaults.blocks.iter().chain(&block.blocks) {
            for entry in &acl.entries {
                let right = match entry.key.as_str() {
                    "cfgread" | "discover" => "discover",
                    "cfgset" => "config",
                    "read" => "read",
                    "write" => "write",
                    _ => return fail(entry, "no option of acl"),
                };
                let Some((_, ours)) = self.lists.iter().find(|(name, _)| *name == entry.value)
                else {
                    return fail(
                        entry,
                        "no such access list, and qaoed lets in everybody then",
                    );
                };
                access.insert(right.to_owned(), Value::from(ours.as_str()));
            }
            if let Some(inner) = acl.blocks.first() {
                return Err(format!("{}: {}: no block here", inner.at, inner.name));
            }
        }
        Ok(access)
    }
}
