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
    let texts = files
        .iter()
        .filter_map(|file| fs::read_to_string(file).ok());
    texts.flat_map(|text| named_in(&text)).collect()
}

/// What is shared is not the clients' alone. A text that is no TOML may be a configuration that is
/// being changed: each path in quotes counts.
fn named_in(text: &str) -> Vec<Named> {
    let Ok(table) = text.parse::<Table>() else {
        if text.contains(SHARED) {
            return Vec::new();
        }
        let words = text.split(['"', '\'', '\n']);
        let paths = words.filter_map(|word| file_path(word).or_else(|| device_path(word)));
        return paths.map(|path| (UNKNOWN.to_owned(), path)).collect();
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
        assert_eq!(names(&format!("{text}\n=")), []);
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
