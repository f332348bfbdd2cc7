// SPDX-License-Identifier: GPL-2.0

//! What a table says of an export. What it does not say may be in `[defaults]`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use glob::Pattern;
use kvblade_wire::aoe::mac_list;
use kvblade_wire::aoe::ConfigString;
use kvblade_wire::aoe::Mac;
use toml::Spanned;

use super::access::at;
use super::access::Lists;
use super::access::Set;
use super::model::Access;
use super::model::Export;
use super::model::Source;
use super::model::Start;
use super::problem::Place;
use super::table::AccessChoice;
use super::table::Announce;
use super::table::ExportTable;
use super::table::Log;
use super::table::OnConflict;
use super::table::Persist;
use super::values::Checker;

/// Declares the fields once, with what it means to look elsewhere for those that are missing.
macro_rules! partial {
    ($($field:ident: $type:ty,)*) => {
        #[derive(Clone, Default)]
        pub(super) struct Partial { $(pub(super) $field: Option<$type>,)* }

        impl Partial {
            /// This, with what it does not say taken from `defaults`.
            pub(super) fn over(self, defaults: &Self) -> Self {
                Self { $($field: self.$field.or_else(|| defaults.$field.clone()),)* }
            }
        }
    };
}

partial! {
    shelf: u16,
    slot: u8,
    source: Source,
    interfaces: Vec<Pattern>,
    read_only: bool,
    shared: bool,
    offset: u64,
    length: u64,
    buffer_count: u16,
    write_cache: bool,
    mtu: u32,
    model: String,
    serial: String,
    wwn: String,
    announce: Announce,
    announce_every: u32,
    single_writer: bool,
    log: Log,
    on_conflict: OnConflict,
    conflict_check: u32,
    config: ConfigString,
    mask: Vec<Mac>,
    reserve: Vec<Mac>,
    persist: Vec<Persist>,
    discover_access: Set,
    config_access: Set,
    read_access: Set,
    write_access: Set,
    online: bool,
    force: bool,
}

impl Partial {
    /// Checks all values of a table.
    pub(super) fn new(table: &ExportTable, lists: &Lists<'_>, check: &mut Checker<'_>) -> Self {
        let access = table.access.as_ref();
        let mut list = |pick: fn(&AccessChoice) -> &Option<Spanned<String>>| {
            let name = pick(access?).as_ref()?;
            let place = at(check.file, name);
            Some(lists.of_export(name.get_ref(), &place, check.problems))
        };
        let discover_access = list(|access| &access.discover);
        let config_access = list(|access| &access.config);
        let read_access = list(|access| &access.read);
        let write_access = list(|access| &access.write);
        let device = check.device(table.device.as_ref());
        let file = check.regular_file(table.file.as_ref());
        if let (Some(_), Some(file)) = (&table.device, &table.file) {
            check.add(
                &at(check.file, file),
                "both device and file are given",
                "expected one of the two",
            );
        }
        Self {
            shelf: check.shelf(table.shelf.as_ref()),
            slot: check.slot(table.slot.as_ref()),
            source: device.or(file),
            interfaces: check.patterns(table.interfaces.as_ref()),
            read_only: table.read_only,
            shared: table.shared,
            offset: check.size("offset", table.offset.as_ref()),
            length: check.size("length", table.length.as_ref()),
            buffer_count: check.buffer_count(table.buffer_count.as_ref()),
            write_cache: table.write_cache,
            mtu: check.mtu(table.mtu.as_ref()),
            model: check.model(table.model.as_ref()),
            serial: check.serial(table.serial.as_ref()),
            wwn: check.wwn(table.wwn.as_ref()),
            announce: table.announce,
            announce_every: check.announce_every(table.announce_every.as_ref()),
            single_writer: table.single_writer,
            log: table.log,
            on_conflict: table.on_conflict,
            conflict_check: check.conflict_check(table.conflict_check.as_ref()),
            config: check.config_string(table.config_string.as_ref()),
            mask: macs("mask", table.mask.as_ref(), lists, check),
            reserve: macs("reserve", table.reserve.as_ref(), lists, check),
            persist: table.persist.clone(),
            discover_access,
            config_access,
            read_access,
            write_access,
            online: table.online,
            force: table.force,
        }
    }

    /// The export, unless something is missing that it cannot be without.
    pub(super) fn finish(
        self,
        name: &str,
        place: &Place,
        table: &ExportTable,
        defaults: &BTreeSet<String>,
        check: &mut Checker<'_>,
    ) -> Option<Export> {
        let mut missing = |what: &str, expected: &str| {
            let message = format!("{}: {what} is missing", check.owner);
            let expected = format!("expected {expected} in this table");
            check.problems.add_missing(place, message, expected);
        };
        // What is there but wrong has been told already.
        let given = |key: &str| table.given.contains(key) || defaults.contains(key);
        if self.shelf.is_none() && !given("shelf") {
            missing("shelf", "shelf = 0 to 65534, here or in [defaults],");
        }
        if self.source.is_none() && !given("device") && !given("file") {
            missing("the device", "device = \"/dev/...\" or file = \"/...\"");
        }
        if self.interfaces.is_none() && !given("interfaces") {
            missing(
                "interfaces",
                "interfaces = [\"eth0\"], here or in [defaults],",
            );
        }
        Some(Export {
            name: name.to_owned(),
            // Known to the one who has the files.
            file: PathBuf::new(),
            shelf: self.shelf?,
            slot: self.slot,
            source: self.source?,
            interfaces: self.interfaces?,
            read_only: self.read_only.unwrap_or(false),
            shared: self.shared.unwrap_or(false),
            offset: self.offset.unwrap_or(0),
            length: self.length.unwrap_or(0),
            buffer_count: self.buffer_count.unwrap_or(64),
            write_cache: self.write_cache.unwrap_or(false),
            mtu: self.mtu.unwrap_or(0),
            announce: self.announce.unwrap_or(Announce::All),
            announce_every: self.announce_every.unwrap_or(0),
            single_writer: self.single_writer.unwrap_or(false),
            log: self.log.unwrap_or(Log::Normal),
            on_conflict: self.on_conflict.unwrap_or(OnConflict::Report),
            conflict_check: self.conflict_check.unwrap_or(10),
            model: self.model,
            serial: self.serial,
            wwn: self.wwn,
            start: Start {
                config: self.config.unwrap_or_else(ConfigString::new),
                mask: self.mask.unwrap_or_default(),
                reserve: self.reserve.unwrap_or_default(),
                online: self.online.unwrap_or(true),
            },
            persist: self.persist.unwrap_or_default(),
            access: Access {
                discover: self.discover_access.unwrap_or(Set::ALL),
                config: self.config_access.unwrap_or(Set::ALL),
                read: self.read_access.unwrap_or(Set::ALL),
                write: self.write_access.unwrap_or(Set::ALL),
            },
            force: self.force.unwrap_or(false),
        })
    }
}

fn macs(
    key: &str,
    value: Option<&Vec<Spanned<String>>>,
    lists: &Lists<'_>,
    check: &mut Checker<'_>,
) -> Option<Vec<Mac>> {
    let mut macs: Vec<Mac> = Vec::new();
    for entry in value? {
        let name = entry.get_ref();
        match lists.card(name) {
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
    Some(macs)
}
