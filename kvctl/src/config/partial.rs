// SPDX-License-Identifier: GPL-2.0

//! What a table says of an export. What it does not say may be in `[defaults]`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use kvblade_wire::settings::Mode;
use kvblade_wire::settings::Setting;
use kvblade_wire::settings::Start;

use super::access::at;
use super::model;
use super::model::Export;
use super::own::Own;
use super::own::OwnTable;
use super::problem::Place;
use super::settings::Values;
use super::table::ExportTable;
use super::values::Checker;

/// What a table says, with nothing wrong in it.
#[derive(Clone, Default)]
pub(super) struct Partial {
    values: Values,
    own: Own,
}

impl Partial {
    /// Checks all values of a table.
    pub(super) fn new(table: &ExportTable, check: &mut Checker<'_>) -> Self {
        let OwnTable {
            device,
            file,
            format,
            ..
        } = &table.own;
        if let (Some(_), Some(file)) = (device, file) {
            check.add(
                &at(check.file, file),
                "both device and file are given",
                "expected one of the two",
            );
        }
        if let (Some(_), Some(format)) = (device, format) {
            check.add(
                &at(check.file, format),
                "format is given with device",
                "expected it with file = \"/...\" only; what a device has is served as it is",
            );
        }
        Self {
            values: Values::new(table, check),
            own: Own::new(&table.own, check),
        }
    }

    /// This, with what it does not say taken from `defaults`.
    pub(super) fn over(self, defaults: &Self) -> Self {
        Self {
            values: self.values.over(&defaults.values),
            own: self.own.over(&defaults.own),
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
        if self.own.shelf.is_none() && !given("shelf") {
            missing("shelf", "shelf = 0 to 65534, here or in [defaults],");
        }
        let source = self.own.device.as_ref().or(self.own.file.as_ref());
        if source.is_none() && !given("device") && !given("file") {
            missing("the device", "device = \"/dev/...\" or file = \"/...\"");
        }
        if self.own.interfaces.is_none() && !given("interfaces") {
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
            shelf: self.own.shelf?,
            source: source?.clone(),
            interfaces: self.own.interfaces.clone()?,
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
            force: values.flag(Setting::Start(Start::Force)),
            own: self.own,
        })
    }
}
