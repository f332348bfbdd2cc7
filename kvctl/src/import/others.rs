// SPDX-License-Identifier: GPL-2.0

//! The tables that distributions have for vblade, and what the C module kvblade exports.

use std::fs;
use std::path::Path;

use super::blade::is_usable;
use super::blade::number;
use super::blade::source;
use super::blade::Blade;
use super::output::Output;
use super::shell::parse;
use super::shell::split;
use super::shell::Variables;
use super::table::At;
use super::table::Table;
use crate::state::Address;

/// Red Hat's and Yocto's `/etc/vblade.conf`: an export a line, which is INTERFACE SHELF SLOT FILE,
/// and perhaps the MAC addresses of those who may use it.
pub(super) fn redhat(output: &mut Output, path: &Path, text: &str) {
    for (number, line) in text.lines().enumerate() {
        let at = At::new(path, number + 1);
        let words = split(line);
        let first = words.first().map_or("#", String::as_str);
        if first.starts_with('#') {
            continue;
        }
        let line = match words.as_slice() {
            [interface, shelf, slot, file] => vec![shelf, slot, interface, file],
            [interface, shelf, slot, file, macs] => vec![shelf, slot, interface, file, macs],
            _ => {
                let what = format!("{line:?}: not INTERFACE SHELF SLOT FILE [MAC,...]");
                output.fail(&at, what);
                continue;
            }
        };
        let mut line: Vec<String> = line.into_iter().cloned().collect();
        if line.len() > 4 {
            line.insert(4, "-m".into());
        }
        // A file is no option, whatever it begins with.
        let dashed = line.iter().take(4).any(|word| word.starts_with('-'));
        let added = match dashed {
            true => Err(format!("{}: an option where none can be", line.join(" "))),
            false => Blade::parse(&line),
        };
        if let Err(what) = added.and_then(|blade| blade.add(output, &at, None, &[])) {
            output.fail(&at, what);
        }
    }
}

/// Gentoo's `/etc/conf.d/vblade`: an export a variable, `config_NAME="[OPTIONS] SHELF SLOT INTERFACE
/// FILE"`.
pub(super) fn gentoo(output: &mut Output, path: &Path, text: &str) {
    let commands = match parse(text) {
        Ok(commands) => commands,
        Err((line, what)) => return output.fail(&At::new(path, line), what),
    };
    let mut variables = Variables::default();
    // The last value of a variable counts.
    let mut exports: Vec<(String, At)> = Vec::new();
    for command in &commands {
        let at = At::new(path, command.line);
        if let Some(within) = command.within {
            output.fail(&at, format!("{within}: not understood"));
            continue;
        }
        let first = command.words.first().and_then(|word| word.plain());
        if !matches!(first, None | Some("export")) || command.conditional {
            let shown: Vec<String> = command.words.iter().map(|word| word.shown()).collect();
            output.fail(&at, format!("{}: not NAME=VALUE", shown.join(" ")));
            continue;
        }
        let exported = command.words.iter().filter_map(|word| word.assignment());
        for (name, word) in command.assignments.iter().cloned().chain(exported) {
            let assigned = variables.assign(&name, &word);
            match (name.strip_prefix("config_"), assigned) {
                (Some(_), Err(what)) => output.fail(&at, format!("{name}: {what}")),
                (Some(export), Ok(())) => {
                    exports.retain(|(known, _)| known != export);
                    exports.push((export.to_owned(), at.clone()));
                }
                (None, _) => output.skip(&at, format!("{name}: no export")),
            }
        }
    }
    for (name, at) in exports {
        let line = variables.get(&format!("config_{name}")).unwrap_or_default();
        let added =
            Blade::parse(&split(line)).and_then(|blade| blade.add(output, &at, Some(&name), &[]));
        if let Err(what) = added {
            output.fail(&at, format!("config_{name}: {what}"));
        }
    }
}

/// Whether a folder is that of a module, with directories `SHELF.SLOT@INTERFACE`.
pub(super) fn is_kvblade(folder: &Path) -> bool {
    folder.join("add").exists() && folder.join("del").exists()
}

/// What the C module exports now, by its folder in sysfs.
pub(super) fn kvblade(output: &mut Output, folder: &Path) -> Result<(), String> {
    if folder.join("error").exists() {
        let folder = folder.display();
        return Err(format!(
            "{folder}: kvblade_rs is what runs: kvctl export prints it"
        ));
    }
    let entries = folder
        .read_dir()
        .map_err(|error| format!("{}: {error}", folder.display()))?;
    let port = |name: &str| {
        let (address, interface) = name.split_once('@')?;
        Some((address.parse::<Address>().ok()?, interface.to_owned()))
    };
    let mut ports: Vec<(Address, String)> = entries
        .filter_map(|entry| port(entry.ok()?.file_name().to_str()?))
        .collect();
    ports.sort();
    for (address, interface) in ports {
        let folder = folder.join(address.on(&interface));
        let at = At::new(&folder, 0);
        let read = |name: &str| {
            let text = fs::read(folder.join(name));
            text.map(|text| {
                String::from_utf8_lossy(&text)
                    .trim()
                    .trim_matches('\0')
                    .to_owned()
            })
        };
        let path = match read("bpath") {
            Ok(path) => path,
            Err(error) => {
                output.fail(&at, format!("bpath: {error}"));
                continue;
            }
        };
        if let Err(what) = is_usable(&path) {
            output.fail(&at, what);
            continue;
        }
        let name = output.export_name(&format!("e{address}"));
        let mut table = Table::export(&at, &name);
        table.value("shelf", i64::from(address.shelf));
        table.value("slot", i64::from(address.slot));
        source(&mut table, &path);
        table.value("interfaces", vec![interface.as_str()]);
        // What clients know the disk by.
        for (file, key) in [("model", "model"), ("sn", "serial")] {
            if let Ok(text) = read(file) {
                if !text.is_empty() {
                    table.value(key, text);
                }
            }
        }
        output.add(table);
    }
    Ok(())
}

/// Whether a line could be one of Red Hat's table.
pub(super) fn is_redhat(line: &str) -> bool {
    match split(line).as_slice() {
        [_, shelf, slot, path] | [_, shelf, slot, path, _] => {
            number("", shelf).is_ok() && number("", slot).is_ok() && path.starts_with('/')
        }
        _ => false,
    }
}
