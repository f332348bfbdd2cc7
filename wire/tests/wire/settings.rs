// SPDX-License-Identifier: GPL-2.0

//! The table of settings.

use std::collections::BTreeSet;

use kvblade_wire::settings::Form;
use kvblade_wire::settings::Keys;
use kvblade_wire::settings::Mode;
use kvblade_wire::settings::Refused;
use kvblade_wire::settings::Row;
use kvblade_wire::settings::Setting;
use kvblade_wire::settings::Tunable;

fn refused(tunable: Tunable, text: &str) -> String {
    let row = tunable.row();
    assert_eq!(row.form.parse(text), None, "{text}");
    Refused { row, text }.to_string()
}

#[test]
fn no_two_settings_have_the_same_name() {
    let names: [fn(&Row) -> &'static str; 3] = [|row| row.add, |row| row.key, |row| row.file];
    for name in names {
        let mut seen = BTreeSet::new();
        let named = Setting::all().map(|it| name(it.row()));
        for name in named.filter(|name| !name.is_empty()) {
            assert!(seen.insert(name), "{name}");
        }
    }
}

#[test]
fn c_has_the_names_of_files() {
    for row in Setting::all().map(Setting::row) {
        assert_eq!(row.file_name.to_str(), Ok(row.file));
    }
}

#[test]
fn what_holds_unless_it_is_said_can_be_said() {
    for row in Tunable::ALL.map(Tunable::row) {
        let shown = row.form.shown(row.default).to_string();
        assert_eq!(row.form.parse(&shown), Some(row.default), "{}", row.add);
    }
}

#[test]
fn what_is_refused_is_told_with_what_would_do() {
    for (tunable, text, told) in [
        (
            Tunable::BufferCount,
            "1",
            "bufcnt 1: not a number from 2 to 512",
        ),
        (
            Tunable::BufferCount,
            "513",
            "bufcnt 513: not a number from 2 to 512",
        ),
        (
            Tunable::MtuMax,
            "1059",
            "mtu 1059: not a number of bytes from 1060 on, or 0 for what the interface has",
        ),
        (
            Tunable::AnnounceEvery,
            "3601",
            "announce_every 3601: not a number of seconds up to 3600, or 0 for never",
        ),
        (Tunable::Cache, "on", "cache on: not one of: through back"),
        (Tunable::Log, "", "log : not one of: normal quiet access"),
        (
            Tunable::SingleWriter,
            "yes",
            "single_writer=yes: the value must be 0 or 1",
        ),
    ] {
        assert_eq!(refused(tunable, text), told);
    }
}

#[test]
fn numbers_at_the_ends_are_taken() {
    for (tunable, text, number) in [
        (Tunable::BufferCount, "2", 2),
        (Tunable::BufferCount, "512", 512),
        (Tunable::MtuMax, "0", 0),
        (Tunable::MtuMax, "1060", 1060),
        (Tunable::ConflictCheck, "0", 0),
        (Tunable::ConflictCheck, "3600", 3600),
        (Tunable::OnConflict, "silent", 2),
    ] {
        assert_eq!(tunable.row().form.parse(text), Some(number), "{text}");
    }
}

#[test]
fn settings_are_found_and_listed_by_the_keys_of_add() {
    let setting = Setting::of_add("ro");
    assert_eq!(setting, Some(Setting::Mode(Mode::ReadOnly)));
    assert_eq!(Setting::of_add("read-only"), None);
    let keys = Keys.to_string();
    assert!(keys.starts_with("ro, shared, offset, "), "{keys}");
    assert!(keys.ends_with(", mask and reserve"), "{keys}");
    for setting in Setting::all() {
        assert_eq!(Setting::of_add(setting.row().add), Some(setting));
    }
}

#[test]
fn only_the_administrators_words_are_numbers() {
    for form in [
        Form::Sectors,
        Form::Text(20),
        Form::Wwn,
        Form::Config,
        Form::Macs,
    ] {
        assert_eq!(form.parse("1"), None);
    }
}
