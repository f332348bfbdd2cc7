// SPDX-License-Identifier: GPL-2.0

//! `ggaoed.conf`: sections in brackets.

use std::path::Path;

use kvblade_wire::aoe::Mac;
use toml::Value;

use super::flag;
use super::output::Output;
use super::source;
use super::usable_name;
use super::wrong;
use super::Entry;

/// Options that need no counterpart, and why.
const WITHOUT: [(&str, &str); 11] = [
    ("direct-io", "the module always goes past the page cache"),
    ("trace-io", "no counterpart, use the tracepoints of kvblade"),
    (
        "ring-buffer-size",
        "no counterpart, there are no packet sockets",
    ),
    (
        "send-buffer-size",
        "no counterpart, there are no packet sockets",
    ),
    (
        "receive-buffer-size",
        "no counterpart, there are no packet sockets",
    ),
    ("tx-ring-bug", "no counterpart, there are no packet sockets"),
    ("max-delay", "no counterpart, requests are not held back"),
    ("merge-delay", "no counterpart, requests are not held back"),
    ("pid-file", "no counterpart, there is no daemon"),
    ("control-socket", "no counterpart, there is no daemon"),
    ("state-directory", "no counterpart, it is /var/lib/kvblade"),
];

struct Section {
    name: String,
    line: usize,
    entries: Vec<Entry>,
}

impl Section {
    fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().rev().find(|entry| entry.key == key)
    }
}

/// Imports the text of a file.
pub(super) fn import(path: &Path, text: &str) -> Result<String, String> {
    let sections = sections(path, text)?;
    let mut importer = Importer {
        path,
        output: Output::new(&path.display().to_string()),
    };
    let named = |name: &str| sections.iter().find(move |section| section.name == name);
    importer.output.table(&["defaults"]);
    let defaults = named("defaults");
    if let Some(section) = defaults {
        importer.settings(section)?;
    }
    if defaults.is_none_or(|section| section.get("interfaces").is_none()) {
        // ggaoed uses all that there are.
        importer.output.value("interfaces", vec!["*"]);
    }
    // These it keeps over a restart, unasked.
    let kept = vec!["config-string", "mask", "reserve"];
    importer.output.value("persist", kept);
    if let Some(section) = named("acls") {
        importer.lists(section);
    }
    for section in &sections {
        match section.name.as_str() {
            "defaults" | "acls" => {}
            _ if section.get("shelf").is_some() => importer.device(section)?,
            _ => importer.interface(section)?,
        }
    }
    Ok(importer.output.finish())
}

fn sections(path: &Path, text: &str) -> Result<Vec<Section>, String> {
    let mut sections: Vec<Section> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let (line, number) = (line.trim(), number + 1);
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(rest) = line.strip_prefix('[') {
            let name = rest
                .strip_suffix(']')
                .ok_or_else(|| wrong(path, number, format!("{line}: no ] at the end")))?;
            sections.push(Section {
                name: name.trim().to_owned(),
                line: number,
                entries: Vec::new(),
            });
            continue;
        }
        let (key, value) = line.split_once('=').ok_or_else(|| {
            wrong(
                path,
                number,
                format!("{line}: neither [NAME] nor KEY = VALUE"),
            )
        })?;
        let section = sections
            .last_mut()
            .ok_or_else(|| wrong(path, number, format!("{line}: before the first [NAME]")))?;
        section.entries.push(Entry {
            key: key.trim().to_owned(),
            value: value.trim().trim_matches('"').to_owned(),
            line: number,
        });
    }
    Ok(sections)
}

struct Importer<'a> {
    path: &'a Path,
    output: Output,
}

impl Importer<'_> {
    fn number(&self, entry: &Entry) -> Result<i64, String> {
        let Entry { key, value, line } = entry;
        value
            .parse()
            .map_err(|_| wrong(self.path, *line, format!("{key} = {value}: not a number")))
    }

    fn flag(&self, entry: &Entry) -> Result<bool, String> {
        let Entry { key, value, line } = entry;
        flag(value).ok_or_else(|| {
            wrong(
                self.path,
                *line,
                format!("{key} = {value}: not true or false"),
            )
        })
    }

    /// Access lists, which are all of the kind that lets in those who are named.
    fn lists(&mut self, section: &Section) {
        for entry in &section.entries {
            self.output.table(&["access", &entry.key]);
            self.output.value("accept", names(&entry.value));
        }
    }

    fn interface(&mut self, section: &Section) -> Result<(), String> {
        if section.get("path").or(section.get("uuid")).is_some() {
            let what = format!("[{}]: a device without shelf", section.name);
            return Err(wrong(self.path, section.line, what));
        }
        self.output.table(&["interface", &section.name]);
        self.settings(section)
    }

    /// What may be in any section.
    fn settings(&mut self, section: &Section) -> Result<(), String> {
        for entry in &section.entries {
            let Entry { key, value, line } = entry;
            match key.as_str() {
                "queue-length" => {
                    let number = self.number(entry)?;
                    let count = number.clamp(2, 512);
                    if count != number {
                        self.output
                            .without(key, value, "from 2 to 512 can be had, the nearest is");
                    }
                    self.output.value("buffer-count", count);
                }
                "interfaces" => self.output.value("interfaces", names(value)),
                "mtu" => {
                    let mtu = self.number(entry)?;
                    self.output.value("mtu", mtu);
                }
                "read-only" => {
                    let read_only = self.flag(entry)?;
                    self.output.value("read-only", read_only);
                }
                "shelf" | "slot" | "path" | "uuid" | "accept" | "deny" | "broadcast" => {}
                _ => match WITHOUT.iter().find(|(name, _)| name == key) {
                    Some((_, reason)) => self.output.without(key, value, reason),
                    None => {
                        return Err(wrong(
                            self.path,
                            *line,
                            format!("{key}: no option of ggaoed"),
                        ))
                    }
                },
            }
        }
        Ok(())
    }

    fn device(&mut self, section: &Section) -> Result<(), String> {
        let missing = |what: &str| {
            let what = format!("[{}]: {what} is missing", section.name);
            wrong(self.path, section.line, what)
        };
        let shelf = section.get("shelf").ok_or_else(|| missing("shelf"))?;
        let slot = section.get("slot").ok_or_else(|| missing("slot"))?;
        let (shelf, slot) = (self.number(shelf)?, self.number(slot)?);
        let (path, uuid) = (section.get("path"), section.get("uuid"));
        if path.or(uuid).is_none() {
            return Err(missing("path or uuid"));
        }
        let name = usable_name(&section.name);
        let list = self.list_of(section, &name);
        self.output.table(&["export", &name]);
        self.output.value("shelf", shelf);
        self.output.value("slot", slot);
        match (uuid, path) {
            (Some(uuid), _) => self.output.value("device", format!("UUID={}", uuid.value)),
            (None, Some(path)) => source(&mut self.output, &path.value),
            (None, None) => {}
        }
        self.settings(section)?;
        if let Some(list) = list {
            let access = ["discover", "config", "read", "write"]
                .map(|right| (right.to_owned(), Value::from(list.as_str())));
            self.output
                .value("access", Value::Table(access.into_iter().collect()));
        }
        let broadcast = section
            .get("broadcast")
            .map(|it| self.flag(it))
            .transpose()?;
        if section.get("accept").is_some() && broadcast != Some(true) {
            self.output.value("announce", "accepted");
        }
        Ok(())
    }

    /// The access list that a device's accept and deny come to, defined if it must be.
    fn list_of(&mut self, section: &Section, name: &str) -> Option<String> {
        let (accept, deny) = (section.get("accept"), section.get("deny"));
        let listed = |entry: Option<&Entry>| entry.map(|entry| names(&entry.value));
        let (accept, deny) = (listed(accept), listed(deny));
        match (accept.as_deref(), &deny) {
            (None, None) => return None,
            (Some([one]), None) if Mac::parse(one).is_none() => return Some(one.clone()),
            _ => {}
        }
        let name = format!("{name}-clients");
        self.output.table(&["access", &name]);
        if let Some(accept) = accept {
            self.output.value("accept", accept);
        }
        if let Some(deny) = deny {
            self.output.value("deny", deny);
        }
        Some(name)
    }
}

/// The words of a list.
fn names(value: &str) -> Vec<String> {
    let separator = |c: char| c.is_whitespace() || c == ',' || c == ';';
    let words = value.split(separator).filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}
