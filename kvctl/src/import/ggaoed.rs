// SPDX-License-Identifier: GPL-2.0

//! `ggaoed.conf`: a key file with groups for defaults, access lists, interfaces and devices.

use std::collections::BTreeMap;
use std::path::Path;

use kvblade_wire::aoe::Mac;

use super::blade::is_usable;
use super::blade::source;
use super::ggaoed_lists::Lists;
use super::key_file::parse;
use super::key_file::Entry;
use super::key_file::Group;
use super::output::Output;
use super::patterns;
use super::table::At;
use super::table::Table;
use crate::suggest::suggestion;

/// Options that need no counterpart, and why.
const WITHOUT: [(&str, &str); 12] = [
    ("direct-io", "the module always goes past the page cache"),
    ("trace-io", "no counterpart, use the tracepoints of kvblade"),
    ("ring-buffer-size", SOCKETS),
    ("send-buffer-size", SOCKETS),
    ("receive-buffer-size", SOCKETS),
    ("tx-ring-bug", SOCKETS),
    ("buffers", "obsolete with ggaoed, too"),
    ("max-delay", "no counterpart, requests are not held back"),
    ("merge-delay", "no counterpart, requests are not held back"),
    ("pid-file", DAEMON),
    ("control-socket", DAEMON),
    ("state-directory", "no counterpart, it is /var/lib/kvblade"),
];
const SOCKETS: &str = "no counterpart, there are no packet sockets";
const DAEMON: &str = "no counterpart, there is no daemon";

const DEFAULTS: [&str; 3] = ["queue-length", "interfaces", "mtu"];
const INTERFACE: [&str; 1] = ["mtu"];
const DEVICE: [&str; 10] = [
    "path",
    "uuid",
    "shelf",
    "slot",
    "queue-length",
    "read-only",
    "interfaces",
    "accept",
    "deny",
    "broadcast",
];

/// Imports the text of a file. It fails if ggaoed would take nothing of it.
pub(super) fn file(
    output: &mut Output,
    path: &Path,
    text: &str,
    ethers: &BTreeMap<String, Mac>,
) -> Result<(), String> {
    let groups = parse(&path.display().to_string(), text)?;
    let named = |name: &str| groups.iter().find(|group| group.name == name);
    let nothing = Group {
        name: "defaults".into(),
        at: At::new(path, 0),
        entries: Vec::new(),
    };
    let mut importer = Importer {
        output,
        defaults: named("defaults").unwrap_or(&nothing),
        lists: Lists::new(named("acls"), ethers)?,
    };
    importer.defaults()?;
    importer.lists.write(importer.output);
    for group in &groups {
        let is_device = group.get("shelf").is_some();
        let done = match group.name.as_str() {
            "defaults" | "acls" => Ok(()),
            _ if is_device => importer.device(group),
            _ => importer.interface(group),
        };
        if let Err(what) = done {
            let what = format!("[{}]: {what}", group.name);
            importer.output.fail(&group.at, what);
        }
    }
    Ok(())
}

struct Importer<'a> {
    output: &'a mut Output,
    defaults: &'a Group,
    lists: Lists<'a>,
}

impl Importer<'_> {
    /// What holds for all exports.
    fn defaults(&mut self) -> Result<(), String> {
        let group = self.defaults;
        let mut table = Table::new(&group.at, &["defaults"]);
        let fail = |what| format!("{}: {what}", group.at);
        let of = |entry: &Entry, what| format!("{}: {what}", entry.at);
        for entry in &group.entries {
            match entry.key.as_str() {
                "queue-length" => queue_length(&mut table, entry).map_err(|it| of(entry, it))?,
                "mtu" => table.value("mtu", entry.integer().map_err(|it| of(entry, it))?),
                "interfaces" => {}
                _ => unused(&mut table, entry, &DEFAULTS),
            }
        }
        let interfaces = self.patterns(group).map_err(fail)?;
        // Without any ggaoed uses all that there are.
        let all = vec!["*".to_owned()];
        table.value("interfaces", patterns::ours(&interfaces.unwrap_or(all)));
        // These it keeps over a restart, unasked.
        table.value("persist", vec!["config-string", "mask", "reserve"]);
        self.output.add(table);
        Ok(())
    }

    /// The patterns of interfaces that a group has, if it has any.
    fn patterns(&self, group: &Group) -> Result<Option<Vec<String>>, String> {
        let Some(entry) = group
            .get("interfaces")
            .filter(|entry| !entry.raw.is_empty())
        else {
            return Ok(None);
        };
        let list = entry.list()?;
        if list.is_empty() {
            return Err(entry.wrong("names no interface"));
        }
        Ok(Some(list))
    }

    fn interface(&mut self, group: &Group) -> Result<(), String> {
        if group.get("path").or(group.get("uuid")).is_some() {
            return Err("a device without shelf, ggaoed takes it for an interface".into());
        }
        let mut table = Table::new(&group.at, &["interface", &patterns::ours_of(&group.name)]);
        for entry in &group.entries {
            match entry.key.as_str() {
                "mtu" => {
                    let mtu = entry.integer()?;
                    let all = self.defaults.get("mtu").and_then(|it| it.integer().ok());
                    let more = |all: &i64| *all != 0 && (mtu == 0 || mtu > *all);
                    if let Some(all) = all.filter(more) {
                        table.comment(format!(
                            "with ggaoed this wins over mtu = {all} of [defaults]; here the least counts"
                        ));
                    }
                    table.value("mtu", mtu);
                }
                _ => unused(&mut table, entry, &INTERFACE),
            }
        }
        self.output.add(table);
        Ok(())
    }

    fn device(&mut self, group: &Group) -> Result<(), String> {
        let need = |key: &str| group.get(key).ok_or(format!("{key} is missing"));
        let (shelf, slot) = (need("shelf")?.integer()?, need("slot")?.integer()?);
        let path = match (group.get("path"), group.get("uuid")) {
            (Some(_), Some(_)) => return Err("both path and uuid, which ggaoed refuses".into()),
            (None, None) => return Err("path or uuid is missing".into()),
            (Some(path), None) => path.string()?,
            (None, Some(uuid)) => format!("UUID={}", uuid.string()?),
        };
        if group.get("uuid").is_none() {
            is_usable(&path)?;
        }
        let mut rest = Table::export(&group.at, "");
        for entry in &group.entries {
            match entry.key.as_str() {
                "queue-length" => queue_length(&mut rest, entry)?,
                "read-only" => rest.value("read-only", entry.boolean()?),
                "interfaces" => {}
                key if DEVICE.contains(&key) => {}
                _ => unused(&mut rest, entry, &DEVICE),
            }
        }
        if let Some(own) = self.patterns(group)? {
            let interfaces = match self.patterns(self.defaults)? {
                None => own,
                Some(all) => patterns::both(&own, &all)?,
            };
            rest.value("interfaces", patterns::ours(&interfaces));
        }
        let broadcast = group.get("broadcast").map(Entry::boolean).transpose()?;
        let clients = self.lists.of_device(group, &mut rest)?;
        let name = self.output.export_name(&group.name);
        if let Some(clients) = &clients {
            if clients.accepts() && broadcast != Some(true) {
                rest.value("announce", "accepted");
            }
            let list = clients.list(self.output, &group.at, &name);
            rest.access(&list);
        }
        let mut table = Table::export(&group.at, &name);
        table.value("shelf", shelf);
        table.value("slot", slot);
        match group.get("uuid") {
            Some(_) => table.value("device", path),
            None => source(&mut table, &path),
        }
        table.append(rest);
        self.output.add(table);
        Ok(())
    }
}

fn queue_length(table: &mut Table, entry: &Entry) -> Result<(), String> {
    let number = entry.integer()?;
    let count = number.clamp(2, 512);
    if count != number {
        let reason = "from 2 to 512 can be had, the nearest is";
        table.without(&entry.key, &entry.raw, reason);
    }
    table.value("buffer-count", count);
    Ok(())
}

/// Notes an option that comes to nothing.
fn unused(table: &mut Table, entry: &Entry, known: &[&str]) {
    let Entry { key, raw, .. } = entry;
    match WITHOUT.iter().find(|(name, _)| name == key) {
        Some((_, reason)) => table.without(key, raw, reason),
        None => {
            let hint = suggestion(key, known);
            let reason = format!("no option of ggaoed here, which does not look at it{hint}");
            table.without(key, raw, &reason);
        }
    }
}
