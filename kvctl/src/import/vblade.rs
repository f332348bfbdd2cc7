// SPDX-License-Identifier: GPL-2.0

//! `/etc/vblade.conf.d/*.conf`: an export a file, in lines like those of a shell.

use std::path::Path;
use std::path::PathBuf;

use kvblade_wire::aoe::Mac;
use toml::Value;

use super::output::Output;
use super::source;
use super::usable_name;
use super::wrong;
use super::Entry;

/// Imports all files of a folder.
pub(super) fn folder(
    path: &Path,
    read: impl Fn(&Path) -> Result<String, String>,
) -> Result<String, String> {
    let entries = path
        .read_dir()
        .map_err(|error| format!("{}: {error}", path.display()))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|it| it == "conf"))
        .collect();
    files.sort();
    if files.is_empty() {
        return Err(format!("{}: no files *.conf there", path.display()));
    }
    let mut output = Output::new(&path.display().to_string());
    for file in files {
        add(&mut output, &file, &read(&file)?)?;
    }
    Ok(output.finish())
}

/// Imports the text of a file.
pub(super) fn file(path: &Path, text: &str) -> Result<String, String> {
    let mut output = Output::new(&path.display().to_string());
    add(&mut output, path, text)?;
    Ok(output.finish())
}

fn entries(path: &Path, text: &str) -> Result<Vec<Entry>, String> {
    let mut entries = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let (line, number) = (line.trim(), number + 1);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (key, value) = line
            .split_once('=')
            .ok_or_else(|| wrong(path, number, format!("{line}: not KEY=VALUE")))?;
        entries.push(Entry {
            key: key.trim().to_owned(),
            value: value.trim().trim_matches(['"', '\'']).to_owned(),
            line: number,
        });
    }
    Ok(entries)
}

fn add(output: &mut Output, path: &Path, text: &str) -> Result<(), String> {
    let entries = entries(path, text)?;
    let get = |key: &str| entries.iter().rev().find(|entry| entry.key == key);
    let need = |key: &str| get(key).ok_or_else(|| wrong(path, 1, format!("{key} is missing")));
    let number = |entry: &Entry| {
        let Entry { key, value, line } = entry;
        let number = value.parse::<i64>();
        number.map_err(|_| wrong(path, *line, format!("{key}={value}: not a number")))
    };
    let (shelf, slot) = (number(need("shelf")?)?, number(need("slot")?)?);
    let (netif, filename) = (need("netif")?, need("filename")?);
    let known = ["shelf", "slot", "netif", "filename", "options", "ionice"];
    if let Some(entry) = entries.iter().find(|it| !known.contains(&it.key.as_str())) {
        let what = format!("{}: no option of vblade's persistence", entry.key);
        return Err(wrong(path, entry.line, what));
    }
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let name = usable_name(&stem);
    let options = match get("options") {
        Some(entry) => options(path, entry)?,
        None => Options::default(),
    };
    if !options.clients.is_empty() {
        output.table(&["access", &format!("{name}-clients")]);
        output.value("accept", options.clients.clone());
    }
    output.table(&["export", &name]);
    output.value("shelf", shelf);
    output.value("slot", slot);
    source(output, &filename.value);
    output.value("interfaces", vec![netif.value.as_str()]);
    for (key, value) in options.values {
        output.value(key, value);
    }
    for comment in options.comments {
        output.comment(&comment);
    }
    if !options.clients.is_empty() {
        let access = ["discover", "config", "read", "write"]
            .map(|right| (right.to_owned(), Value::from(format!("{name}-clients"))));
        output.value("access", Value::Table(access.into_iter().collect()));
    }
    if let Some(entry) = get("ionice").filter(|entry| !entry.value.is_empty()) {
        output.without(
            "ionice",
            &entry.value,
            "no counterpart, requests come from the kernel",
        );
    }
    Ok(())
}

/// What the options of vblade's command line come to.
#[derive(Default)]
struct Options {
    values: Vec<(&'static str, Value)>,
    clients: Vec<String>,
    comments: Vec<String>,
}

fn options(path: &Path, entry: &Entry) -> Result<Options, String> {
    let mut options = Options::default();
    let mut words = entry.value.split_whitespace();
    while let Some(word) = words.next() {
        let fail = |what: &str| wrong(path, entry.line, format!("options: {word}: {what}"));
        // The argument may follow at once.
        let (flag, attached) = word.split_at_checked(2).unwrap_or((word, ""));
        let mut argument = || match attached {
            "" => words.next().ok_or_else(|| fail("an argument is missing")),
            _ => Ok(attached),
        };
        let number = |text: &str| {
            text.parse::<i64>()
                .map_err(|_| fail(&format!("{text}: not a number")))
        };
        match flag {
            "-b" => options
                .values
                .push(("buffer-count", number(argument()?)?.clamp(2, 512).into())),
            "-r" => options.values.push(("read-only", true.into())),
            "-o" => options
                .values
                .push(("offset", bytes(number(argument()?)?).into())),
            "-l" => options
                .values
                .push(("length", bytes(number(argument()?)?).into())),
            "-m" => {
                for text in argument()?.split(',') {
                    let mac = mac(text).ok_or_else(|| fail(&format!("{text}: no MAC address")))?;
                    options.clients.push(mac.to_string());
                }
            }
            "-d" => options
                .comments
                .push("option -d: the module always goes past the page cache".into()),
            "-s" => options
                .comments
                .push("option -s: a write is always on the medium when it is answered".into()),
            _ => return Err(fail("no option of vblade")),
        }
    }
    Ok(options)
}

fn bytes(sectors: i64) -> i64 {
    sectors.saturating_mul(512)
}

/// An address, with or without colons.
fn mac(text: &str) -> Option<Mac> {
    if text.len() != 12 || !text.is_ascii() {
        return Mac::parse(text);
    }
    let pairs: Vec<&str> = (0..6)
        .filter_map(|pair| text.get(2 * pair..2 * pair + 2))
        .collect();
    Mac::parse(&pairs.join(":"))
}
