// SPDX-License-Identifier: GPL-2.0

//! Which devices and files the configuration names, whatever else is wrong with it.

use std::fs;
use std::path::PathBuf;

use toml::Table;
use toml::Value;

use crate::config::device_path;
use crate::config::files;
use crate::paths::Paths;

/// What an export with no name of its own is called.
const UNKNOWN: &str = "unknown";

/// What says that others may use the device too.
const SHARED: &str = "shared";

/// The name of an export, and a device or a file.
pub(super) type Named = (String, PathBuf);

/// What the files of the configuration name.
pub(super) fn named(paths: &Paths) -> Vec<Named> {
    let files = files(paths).unwrap_or_default();
    // A byte that is no text, in a comment for example, leaves no disk to the machine.
    let texts = files.iter().filter_map(|file| fs::read(file).ok());
    texts
        .flat_map(|text| named_in(&String::from_utf8_lossy(&text)))
        .collect()
}

/// What is shared is not the clients' alone. A text that is no TOML may be a configuration that is
/// being changed.
fn named_in(text: &str) -> Vec<Named> {
    let Ok(table) = text.parse::<Table>() else {
        return named_in_broken(text);
    };
    let shared = |table: &Value| table.get(SHARED).and_then(Value::as_bool);
    let usually = table.get("defaults").and_then(shared).unwrap_or(false);
    let exports = table.get("export").and_then(Value::as_table);
    let paths = |(name, export): (&String, &Value)| {
        let text = |key| export.get(key).and_then(Value::as_str);
        let device = text("device").and_then(device_path);
        let paths = device.into_iter().chain(text("file").and_then(file_path));
        paths.map(|path| (name.clone(), path)).collect::<Vec<_>>()
    };
    let exports = exports.into_iter().flatten();
    exports
        .filter(|(_, export)| !shared(export).unwrap_or(usually))
        .flat_map(paths)
        .collect()
}

/// Each path in quotes counts, but for those of tables that say that they are shared.
fn named_in_broken(text: &str) -> Vec<Named> {
    let mut tables: Vec<Vec<&str>> = vec![Vec::new()];
    let lines = text.lines().map(str::trim_start);
    for line in lines.filter(|line| !line.starts_with('#')) {
        if line.starts_with('[') {
            tables.push(Vec::new());
        }
        if let Some(table) = tables.last_mut() {
            table.push(line);
        }
    }
    let of_defaults = |line: &str| line.starts_with("defaults.");
    let usually = tables.iter().any(|lines| {
        let head = lines.first().is_some_and(|it| it.starts_with("[defaults]"));
        let own = lines.iter().filter(|it| head || of_defaults(it));
        own.filter_map(|line| is_shared(line)).any(|it| it)
    });
    let is_clients = |lines: &&Vec<&str>| {
        let own = lines.iter().filter(|it| !of_defaults(it));
        let said: Vec<bool> = own.filter_map(|line| is_shared(line)).collect();
        match said.is_empty() {
            true => !usually,
            false => !said.contains(&true),
        }
    };
    let lines = tables.iter().filter(is_clients).flatten();
    let words = lines.flat_map(|line| line.split(['"', '\'']));
    let paths = words.filter_map(|word| file_path(word).or_else(|| device_path(word)));
    paths.map(|path| (UNKNOWN.to_owned(), path)).collect()
}

/// What a line says of the key, if it has it.
fn is_shared(line: &str) -> Option<bool> {
    let is_word = |it: char| it.is_alphanumeric() || matches!(it, '-' | '_');
    line.match_indices(SHARED).find_map(|(at, _)| {
        let (before, after) = (line.get(..at)?, line.get(at + SHARED.len()..)?);
        let value = after
            .trim_start_matches(['"', '\'', ' ', '\t'])
            .strip_prefix('=')?;
        let is_key = !before.ends_with(is_word);
        is_key.then(|| !value.trim_start().starts_with("false"))
    })
}

fn file_path(text: &str) -> Option<PathBuf> {
    Some(PathBuf::from(text)).filter(|path| path.is_absolute())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<(String, String)> {
        let text_of = |(name, path): Named| (name, path.display().to_string());
        named_in(text).into_iter().map(text_of).collect()
    }

    fn pair(name: &str, path: &str) -> (String, String) {
        (name.into(), path.into())
    }

    #[test]
    fn all_ways_to_write_it() {
        let text = "
            export.b.file = \"/srv/b\"
            export.c = { device = '/dev/c', colour = 1 }
            [export.a]
            device = 'ID=a'
            [defaults]
            device = '/dev/nobody'
        ";
        assert_eq!(
            names(text),
            [
                pair("a", "/dev/disk/by-id/a"),
                pair("b", "/srv/b"),
                pair("c", "/dev/c")
            ]
        );
    }

    #[test]
    fn what_is_shared_is_for_the_machine_too() {
        let text = "[export]
            a = { device = '/dev/a', shared = true }
            b = { device = '/dev/b', shared = false }
            c = { device = '/dev/c' }
        ";
        let (a, b, c) = (
            pair("a", "/dev/a"),
            pair("b", "/dev/b"),
            pair("c", "/dev/c"),
        );
        assert_eq!(names(text), [b.clone(), c]);
        assert_eq!(names(&format!("defaults.shared = true\n{text}")), [b]);
        assert!(!names(text).contains(&a));
        // Beside a fault too, as far as tables can be told apart.
        assert_eq!(names(&format!("{text}\n=")), []);
        let broken = "[export.a]\ndevice = '/dev/a'\nshared = true # ours\n\
                      [export.b]\ndevice = '/dev/b'\nmodel = 'shared'\n# shared = true\n\
                      [export.c]\ndevice = '/dev/c'\nshared = false\nslot = \n";
        let (b, c) = (pair(UNKNOWN, "/dev/b"), pair(UNKNOWN, "/dev/c"));
        assert_eq!(names(broken), [b, c.clone()]);
        for defaults in ["[defaults]\nshared = true\n", "defaults.shared = true\n"] {
            assert_eq!(names(&format!("{defaults}{broken}")), [c.clone()]);
        }
    }

    #[test]
    fn a_byte_that_is_no_text_leaves_no_disk_to_the_machine() {
        let root = tempfile::tempdir().unwrap();
        let paths = Paths::under(root.path());
        fs::create_dir_all(root.path().join("etc")).unwrap();
        fs::write(&paths.config, b"# caf\xe9\n[export.a]\ndevice = '/dev/a'\n").unwrap();
        assert_eq!(named(&paths), [("a".to_owned(), PathBuf::from("/dev/a"))]);
        fs::write(
            &paths.config,
            b"[export.a]\nmodel = 'caf\xe9'\ndevice = '/dev/a'\n=",
        )
        .unwrap();
        assert_eq!(
            named(&paths),
            [(UNKNOWN.to_owned(), PathBuf::from("/dev/a"))]
        );
    }

    #[test]
    fn of_what_cannot_be_read_all_paths_count() {
        let text = "[export.a]\ndevice = \"LABEL=a\"\nslot = \n[export.b]\ndevice = '/dev/b'\n";
        assert_eq!(
            names(text),
            [
                pair(UNKNOWN, "/dev/disk/by-label/a"),
                pair(UNKNOWN, "/dev/b")
            ]
        );
    }
}
