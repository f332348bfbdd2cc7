// SPDX-License-Identifier: GPL-2.0

//! What a table says of an export. What it does not say may be in `[defaults]`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use glob::Pattern;
use kvblade_wire::settings::Mode;
use kvblade_wire::settings::Setting;
use kvblade_wire::settings::Start;
use toml::Spanned;

use super::access::at;
use super::access::Lists;
use super::access::Set;
use super::model;
use super::model::Access;
use super::model::Export;
use super::model::Source;
use super::problem::Place;
use super::settings::Values;
use super::table::AccessChoice;
use super::table::ExportTable;
use super::table::Format;
use super::table::Persist;
use super::values::Checker;

/// Declares the fields once, with what it means to look elsewhere for those that are missing.
macro_rules! partial {
    ($($field:ident: $type:ty,)*) => {
        #[derive(Clone, Default)]
        pub(super) struct Partial {
            values: Values,
            $(pub(super) $field: Option<$type>,)*
        }

        impl Partial {
            /// This, with what it does not say taken from `defaults`.
            pub(super) fn over(self, defaults: &Self) -> Self {
                Self {
                    values: self.values.over(&defaults.values),
                    $($field: self.$field.or_else(|| defaults.$field.clone()),)*
                }
            }
        }
    };
}

partial! {
    shelf: u16,
    slot: u8,
    source: Source,
    format: Format,
    interfaces: Vec<Pattern>,
    persist: Vec<Persist>,
    discover_access: Set,
    config_access: Set,
    read_access: Set,
    write_access: Set,
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
        if let (Some(_), Some(format)) = (&table.device, &table.format) {
            check.add(
                &at(check.file, format),
                "format is given with device",
                "expected it with file = \"/...\" only; what a device has is served as it is",
            );
        }
        Self {
            shelf: check.shelf(table.shelf.as_ref()),
            slot: check.slot(table.slot.as_ref()),
            source: device.or(file),
            format: table.format.as_ref().map(|format| *format.get_ref()),
            interfaces: check.patterns(table.interfaces.as_ref()),
            persist: table.persist.clone(),
            discover_access,
            config_access,
            read_access,
            write_access,
            values: Values::new(table, lists, check),
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
        let values = &self.values;
        Some(Export {
            name: name.to_owned(),
            // Known to the one who has the files.
            file: PathBuf::new(),
            shelf: self.shelf?,
            slot: self.slot,
            source: self.source?,
            format: self.format,
            interfaces: self.interfaces?,
            read_only: values.flag(Setting::Mode(Mode::ReadOnly)),
            shared: values.flag(Setting::Mode(Mode::Shared)),
            offset: values.sectors(Mode::Offset),
            length: values.sectors(Mode::Length),
            tuned: values.tuned(),
            model: values.text(Start::Model),
            serial: values.text(Start::Serial),
            wwn: values.text(Start::Wwn),
            start: model::Start {
                config: values.config(),
                mask: values.macs(Start::Mask),
                reserve: values.macs(Start::Reserve),
                online: !values.flag(Setting::Start(Start::Offline)),
            },
            persist: self.persist.unwrap_or_default(),
            access: Access {
                discover: self.discover_access.unwrap_or(Set::ALL),
                config: self.config_access.unwrap_or(Set::ALL),
                read: self.read_access.unwrap_or(Set::ALL),
                write: self.write_access.unwrap_or(Set::ALL),
            },
            force: values.flag(Setting::Start(Start::Force)),
        })
    }
}
