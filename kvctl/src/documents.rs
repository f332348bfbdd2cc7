// SPDX-License-Identifier: GPL-2.0

//! What the documents say of settings and counters, beside the tables that declare them. What can be written from them
//! is written by `make fmt`; of what is told by hand nothing may be missing.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use kvblade_wire::counters::Counter;
use kvblade_wire::counters::FAMILIES;
use kvblade_wire::settings::Form;
use kvblade_wire::settings::Row;
use kvblade_wire::settings::Setting;
use kvblade_wire::settings::Tunable;

use crate::config::keys::EXPORT;

/// Set by `make fmt`.
const WRITE: &str = "KVBLADE_WRITE";

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

fn document(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap()
}

/// The part of a document between two texts is this one, or becomes it.
fn is_written(name: &str, (begin, end): (&str, &str), part: &str) {
    let text = document(name);
    let (before, rest) = text.split_once(begin).unwrap();
    let (found, after) = rest.split_once(end).unwrap();
    if found != part && std::env::var_os(WRITE).is_some() {
        fs::write(path(name), format!("{before}{begin}{part}{end}{after}")).unwrap();
        return;
    }
    assert_eq!(found, part, "{name} is not as the table has it: make fmt");
}

/// Words in lines of at most `width` characters.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last_mut().unwrap();
        if last.is_empty() {
            last.push_str(word);
        } else if last.len() + 1 + word.len() <= width {
            last.push(' ');
            last.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

fn sentences(row: &Row) -> Vec<String> {
    let about = row.about.trim();
    let sentences = about.trim_end_matches('.').split(". ");
    let mut sentences: Vec<String> = sentences
        .map(|sentence| format!("{}.", sentence.trim()))
        .collect();
    if let (Form::Number(number), Some(first)) = (row.form, sentences.first_mut()) {
        let what = first.trim_end_matches('.');
        *first = format!("{what}: {number}; {} unless it is said.", row.default);
    }
    sentences
}

/// The first sentence, as a remark.
fn remark(row: &Row) -> String {
    let first = sentences(row).remove(0);
    let (letter, rest) = first.split_at(1);
    letter.to_lowercase() + rest.trim_end_matches('.')
}

#[test]
fn what_kvadd_helps_with_is_the_table() {
    let mut help = String::new();
    for row in Setting::all().map(Setting::row) {
        let remark = wrapped(&remark(row), 55);
        let mut remark = remark.iter();
        match row.usage.len() {
            ..11 => {
                let first = remark.next().unwrap();
                help += &format!("{:13}{:11}{first}\n", "", row.usage);
            }
            _ => help += &format!("{:13}{}\n", "", row.usage),
        }
        for line in remark {
            help += &format!("{:24}{line}\n", "");
        }
    }
    let around = ("  KEY=VALUE  options:\n", "\nWith --used-by");
    is_written("scripts/kvadd", around, &help);
}

/// A sentence in the language of manual pages.
fn roff(sentence: &str) -> String {
    let text = sentence.replace('\\', "\\e").replace('-', "\\-");
    let words = text.split(' ').map(|word| match word.split_once('(') {
        Some((page, section)) if section.starts_with(|c: char| c.is_ascii_digit()) => {
            format!("\\fB{page}\\fR({section}")
        }
        _ => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn the_manual_page_of_kvadd_has_the_table() {
    let mut page = String::from(".\\\" make fmt writes these from wire/settings.rs.\n");
    for row in Setting::all().map(Setting::row) {
        page += &format!(".TP\n.B {}\n", row.usage);
        for sentence in sentences(row) {
            let lines = wrapped(&roff(&sentence), 100);
            page += &lines.join("\n");
            page.push('\n');
        }
    }
    let around = (".SH OPTIONS\n", ".SH EXIT STATUS\n");
    is_written("docs/man/kvadd.8", around, &page);
}

#[test]
fn the_manual_page_of_the_configuration_has_all_keys() {
    let page = document("docs/man/kvblade.conf.5").replace("\\-", "-");
    let lines: Vec<&str> = page.lines().collect();
    let tags: Vec<&str> = lines
        .windows(2)
        .filter(|pair| pair[0] == ".TP")
        .map(|pair| pair[1])
        .collect();
    for key in &EXPORT {
        let told = [" ", "~"].map(|before| format!("{before}{}\\~=", key.name));
        let is_told = |tag: &&str| told.iter().any(|told| tag.contains(told.as_str()));
        assert!(
            tags.iter().any(is_told),
            "{}: not in kvblade.conf(5)",
            key.name
        );
    }
}

/// What a file can have, in words.
fn values(form: &Form) -> String {
    let list = |words: &[&str]| {
        let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
        words.join(", ").replacen("`,", "` unless it is said,", 1)
    };
    match form {
        Form::Flag => "0 or 1; 0 unless it is said. ".to_owned(),
        Form::Word(words) => list(words) + ". ",
        Form::Switch(words) => list(words) + ". ",
        // The first sentence says it.
        Form::Number(_) => String::new(),
        other => panic!("{other:?}: no form of what may change"),
    }
}

#[test]
fn the_files_of_what_may_change_are_written() {
    let mut files = String::new();
    for row in Tunable::ALL.map(Tunable::row) {
        let about = sentences(row).join(" ");
        let about = format!("(read, write) {}{about}", values(&row.form));
        let about = wrapped(&about, 100).join("\n");
        let path = format!("/sys/kvblade/SHELF.SLOT@INTERFACE/{}", row.file);
        files += &format!("```\n{path}\n```\n\n{about}\n\n");
    }
    let around = (
        "<!-- make fmt writes these from wire/settings.rs. -->\n\n",
        "```\n/sys/kvblade/SHELF.SLOT@INTERFACE/mtu\n",
    );
    is_written("docs/sysfs-abi.md", around, &files);
}

#[test]
fn the_files_in_sysfs_are_told() {
    let text = document("docs/sysfs-abi.md");
    for setting in Setting::all() {
        let file = setting.row().file;
        let how = match setting {
            // That is written.
            Setting::Tunable(_) => continue,
            _ if file.is_empty() => continue,
            Setting::Mode(_) => "(read)",
            Setting::Start(_) => "(read, write",
        };
        let place = format!("\n/sys/kvblade/SHELF.SLOT@INTERFACE/{file}\n");
        let (_, rest) = text
            .split_once(&place)
            .unwrap_or_else(|| panic!("{file}: not in docs/sysfs-abi.md"));
        let (_, about) = rest.split_once("```\n\n").unwrap();
        assert!(about.starts_with(how), "{file}: not told as {how}");
    }
}

#[test]
fn the_files_of_counters_are_told() {
    let mut files = String::new();
    for row in Counter::ALL.map(Counter::row) {
        let about = format!(
            "(read) {} Since it was exported or cleared.",
            row.about.trim()
        );
        let about = wrapped(&about, 100).join("\n");
        let path = format!("/sys/kvblade/SHELF.SLOT@INTERFACE/stats/{}", row.file);
        files += &format!("```\n{path}\n```\n\n{about}\n\n");
    }
    let around = (
        "in the name of this one.\n\n",
        "```\n/sys/kvblade/SHELF.SLOT@INTERFACE/stats/latency\n",
    );
    is_written("docs/sysfs-abi.md", around, &files);
}

#[test]
fn the_causes_of_drops_are_told() {
    let dropped = FAMILIES.iter().find(|it| it.label == "cause").unwrap();
    let rows = dropped.counters.iter().map(|counter| counter.row());
    let rows = rows.map(|row| format!("| `{}` | {} |\n", row.value, row.means.unwrap_or_default()));
    let around = ("| cause | meaning |\n|---|---|\n", "\n## Alerts");
    is_written("docs/monitoring.md", around, &rows.collect::<String>());
}
