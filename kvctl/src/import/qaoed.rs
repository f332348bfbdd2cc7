// SPDX-License-Identifier: GPL-2.0

//! `qaoed.conf`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use toml::Value;

use super::flag;
use super::output::Output;
use super::qaoed_syntax::parse;
use super::qaoed_syntax::Block;
use super::source;
use super::usable_name;
use super::wrong;
use super::Entry;

/// The interface that qaoed uses if none is said.
const INTERFACE: &str = "eth0";

/// Imports the text of a file, with what it includes.
pub(super) fn import(path: &Path, text: &str) -> Result<String, String> {
    let mut importer = Importer {
        path,
        output: Output::new(&path.display().to_string()),
        loud: Vec::new(),
        names: BTreeMap::new(),
    };
    let mut file = parse(path, text)?;
    importer.include(&mut file)?;
    importer.globals(&file);
    let blocks = |name: &'static str| file.blocks.iter().filter(move |block| block.name == name);
    for block in blocks("logging") {
        let name = block.get("name").map_or("", |entry| &entry.value);
        importer.output.comment(&format!(
            "logging {name}: no counterpart, messages go to the kernel's log"
        ));
    }
    let known = ["logging", "interface", "default", "device", "access-list"];
    if let Some(block) = file
        .blocks
        .iter()
        .find(|it| !known.contains(&it.name.as_str()))
    {
        return Err(wrong(
            path,
            block.line,
            format!("{}: no block of qaoed", block.name),
        ));
    }
    blocks("interface").try_for_each(|block| importer.interface(block))?;
    blocks("access-list").try_for_each(|block| importer.list(block))?;
    let nothing = Block::default();
    let defaults = blocks("default").last().unwrap_or(&nothing);
    importer.allow(defaults, &["target"], false)?;
    let mut slot = match defaults.get("slot") {
        Some(entry) => importer.number(entry)?,
        None => 0,
    };
    for block in blocks("device") {
        importer.device(block, defaults, &mut slot)?;
    }
    Ok(importer.output.finish())
}

struct Importer<'a> {
    path: &'a Path,
    output: Output,
    /// Access lists whose decisions are logged.
    loud: Vec<String>,
    /// How often a name was given.
    names: BTreeMap<String, u32>,
}

impl Importer<'_> {
    fn fail<T>(&self, entry: &Entry, what: &str) -> Result<T, String> {
        let Entry { key, value, line } = entry;
        Err(wrong(self.path, *line, format!("{key} = {value}: {what}")))
    }

    fn number(&self, entry: &Entry) -> Result<i64, String> {
        entry
            .value
            .parse()
            .or_else(|_| self.fail(entry, "not a number"))
    }

    fn flag(&self, entry: &Entry) -> Result<bool, String> {
        flag(&entry.value).map_or_else(|| self.fail(entry, "not on or off"), Ok)
    }

    /// Appends the files that are included.
    fn include(&self, file: &mut Block) -> Result<(), String> {
        let patterns = file.entries.iter().filter(|entry| entry.key == "include");
        for entry in patterns.cloned().collect::<Vec<_>>() {
            let Ok(paths) = glob::glob(&entry.value) else {
                return self.fail(&entry, "not a pattern of file names");
            };
            for path in paths.flatten() {
                let text = fs::read_to_string(&path)
                    .map_err(|error| format!("{}: {error}", path.display()))?;
                let included = parse(&path, &text)?;
                file.blocks.extend(included.blocks);
            }
        }
        Ok(())
    }

    fn globals(&mut self, file: &Block) {
        for Entry { key, value, .. } in &file.entries {
            let reason = match key.as_str() {
                "include" => continue,
                "apisocket" => "no counterpart, there is no daemon",
                _ => "no counterpart, see log in the tables of exports",
            };
            self.output.without(key, value, reason);
        }
    }

    fn interface(&mut self, block: &Block) -> Result<(), String> {
        let Some(name) = block.get("interface") else {
            return Err(wrong(
                self.path,
                block.line,
                "interface: its name is missing",
            ));
        };
        self.output.table(&["interface", &name.value]);
        for entry in &block.entries {
            match (entry.key.as_str(), entry.value.as_str()) {
                ("interface", _) => {}
                ("mtu", "auto") => self.output.value("mtu", 0),
                ("mtu", _) => {
                    let mtu = self.number(entry)?;
                    self.output.value("mtu", mtu);
                }
                ("log" | "log-level", value) => {
                    self.output
                        .without(&entry.key, value, "no counterpart for interfaces");
                }
                _ => return self.fail(entry, "no option of an interface"),
            }
        }
        Ok(())
    }

    /// An access list. The first rule that matches decides, as with ours.
    fn list(&mut self, block: &Block) -> Result<(), String> {
        let Some(name) = block.get("name") else {
            return Err(wrong(
                self.path,
                block.line,
                "access-list: its name is missing",
            ));
        };
        self.output.table(&["access", &name.value]);
        let (mut rules, mut policy) = (Vec::new(), "deny");
        for entry in &block.entries {
            let value = entry.value.to_ascii_lowercase();
            match (entry.key.as_str(), value.as_str()) {
                ("name", _) => {}
                ("log", _) => self.loud.push(name.value.clone()),
                ("policy", "accept") => policy = "accept",
                ("policy", "reject") => policy = "deny",
                ("accept" | "reject", _) => {
                    let verdict = if entry.key == "accept" {
                        "accept"
                    } else {
                        "deny"
                    };
                    let rule = toml::Table::from_iter([(verdict.to_owned(), Value::from(value))]);
                    rules.push(Value::Table(rule));
                }
                _ => return self.fail(entry, "no option of an access list"),
            }
        }
        self.output.value("rules", rules);
        self.output.value("policy", policy);
        Ok(())
    }

    /// Refuses what a device's block cannot have.
    fn allow(&self, block: &Block, not: &[&str], is_device: bool) -> Result<(), String> {
        const KNOWN: [&str; 8] = [
            "shelf",
            "slot",
            "target",
            "interface",
            "writecache",
            "broadcast",
            "log",
            "log-level",
        ];
        for entry in &block.entries {
            let key = entry.key.as_str();
            if !KNOWN.contains(&key) || not.contains(&key) {
                return self.fail(entry, "no option here");
            }
        }
        match block.blocks.iter().find(|inner| inner.name != "acl") {
            Some(inner) => Err(wrong(
                self.path,
                inner.line,
                format!("{}: no block here", inner.name),
            )),
            None if is_device && block.get("target").is_none() => {
                Err(wrong(self.path, block.line, "device: target is missing"))
            }
            None => Ok(()),
        }
    }

    fn device(&mut self, block: &Block, defaults: &Block, next: &mut i64) -> Result<(), String> {
        self.allow(block, &[], true)?;
        let get = |key: &str| block.get(key).or_else(|| defaults.get(key));
        let shelf = get("shelf").map_or(Ok(0), |entry| self.number(entry))?;
        let slot = match block.get("slot") {
            Some(entry) => self.number(entry)?,
            None => {
                // The next one that qaoed would give.
                *next += 1;
                *next - 1
            }
        };
        let target = block.get("target").map_or("", |entry| &entry.value);
        let name = self.name(target);
        self.output.table(&["export", &name]);
        self.output.value("shelf", shelf);
        self.output.value("slot", slot);
        source(&mut self.output, target);
        let interface = get("interface").map_or(INTERFACE, |entry| &entry.value);
        self.output.value("interfaces", vec![interface]);
        if let Some(entry) = get("writecache") {
            let cache = self.flag(entry)?;
            self.output.value("write-cache", cache);
        }
        let access = self.access(block, defaults)?;
        let announce = match get("broadcast").map(|entry| self.flag(entry)).transpose()? {
            Some(false) => Some("none"),
            None if access.contains_key("discover") => Some("accepted"),
            _ => None,
        };
        if let Some(announce) = announce {
            self.output.value("announce", announce);
        }
        let is_loud = |list: &Value| {
            list.as_str()
                .is_some_and(|it| self.loud.iter().any(|l| l == it))
        };
        let log = match get("log-level").map(|entry| entry.value.as_str()) {
            _ if access.values().any(is_loud) => Some("access"),
            Some("none") => Some("quiet"),
            _ => None,
        };
        if let Some(log) = log {
            self.output.value("log", log);
        }
        if !access.is_empty() {
            self.output.value("access", Value::Table(access));
        }
        if let Some(entry) = get("log") {
            let reason = "no counterpart, messages go to the kernel's log";
            self.output.without("log", &entry.value, reason);
        }
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
                    _ => return self.fail(entry, "no option of acl"),
                };
                access.insert(right.to_owned(), Value::from(entry.value.as_str()));
            }
        }
        Ok(access)
    }

    /// Devices have no names with qaoed; the last part of the path does.
    fn name(&mut self, target: &str) -> String {
        let name = usable_name(target.rsplit('/').next().unwrap_or_default());
        let count = self.names.entry(name.clone()).or_default();
        *count += 1;
        match *count {
            1 => name,
            count => format!("{name}-{count}"),
        }
    }
}
