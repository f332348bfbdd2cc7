// SPDX-License-Identifier: GPL-2.0

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use kvblade_wire::state::Word;

use super::*;
use crate::plan::host::Host;
use crate::show::counters;
use crate::state::Sysfs;

#[path = "../../tests/tree/mod.rs"]
mod tree;

/// A machine in a folder.
pub(crate) struct Machine {
    root: tempfile::TempDir,
    pub(crate) paths: Paths,
}

impl Machine {
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let paths = Paths::under(root.path());
        Self { root, paths }
    }

    pub(crate) fn file(&self, name: &str, text: &str) {
        tree::file(self.root.path(), name, text);
    }

    /// An export, with all counters at their place in the table.
    pub(crate) fn export(&self, folder: &str, state: &str) {
        tree::export(self.root.path(), folder, state);
        for (number, counter) in counters::all().enumerate() {
            let file = format!("sys/kvblade/{folder}/stats/{}", counter.file);
            self.file(&file, &format!("{number}\n"));
        }
    }

    fn metrics(&self, format: Format) -> String {
        let kernel = Sysfs(self.paths.kvblade.clone());
        let host = Host(self.paths.clone());
        metrics(&kernel, &host, &self.paths, format, 2).unwrap()
    }

    /// The samples, by what is before the value.
    fn samples(&self) -> BTreeMap<String, String> {
        let text = self.metrics(Format::Openmetrics);
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let split = |line: &str| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.to_owned())
        };
        lines.map(split).collect()
    }
}

#[test]
fn all_of_an_export_is_told() {
    let machine = Machine::new();
    machine.export("3.4@eth0", "degraded: 3 write faults in the last minute");
    let samples = machine.samples();
    let value = |name: &str| samples.get(name).map(String::as_str);
    let own = "export=\"e3.4\",address=\"3.4\"";
    let port = format!("{own},interface=\"eth0\"");
    assert_eq!(value("kvblade_module_loaded"), Some("1"));
    assert_eq!(value("kvblade_configuration_valid"), Some("1"));
    for (name, wanted) in [
        ("size_bytes", "1048576"),
        ("device_present", "1"),
        ("read_only", "0"),
        ("requests_under_way", "3"),
        ("rival_responses_total", "1"),
        ("initiators", "3"),
        ("writers", "2"),
    ] {
        let name = format!("kvblade_export_{name}{{{own}}}");
        assert_eq!(value(&name), Some(wanted), "{name}");
    }
    for word in Word::ALL {
        let name = format!("kvblade_port_state{{{port},state=\"{word}\"}}");
        let wanted = if *word == Word::Degraded { "1" } else { "0" };
        assert_eq!(value(&name), Some(wanted), "{name}");
    }
    let number = |file: &str| counters::all().position(|it| it.file == file).unwrap();
    for (name, label, wanted) in [
        ("requests", "", number("requests")),
        ("operations", ",operation=\"write\"", number("writes")),
        (
            "data_bytes",
            ",operation=\"read\"",
            512 * number("read_sectors"),
        ),
        ("dropped", ",cause=\"mtu\"", number("dropped_mtu")),
    ] {
        let name = format!("kvblade_port_{name}_total{{{port}{label}}}");
        assert_eq!(value(&name), Some(wanted.to_string().as_str()), "{name}");
    }
    let counted = |name: &&String| counters_of(name);
    assert_eq!(
        samples.keys().filter(counted).count(),
        counters::all().count()
    );
}

fn counters_of(name: &str) -> bool {
    name.starts_with("kvblade_port_") && name.contains("_total{")
}

#[test]
fn times_are_a_histogram() {
    let machine = Machine::new();
    machine.export("3.4@eth0", "up");
    let samples = machine.samples();
    let labels = "export=\"e3.4\",address=\"3.4\",interface=\"eth0\",operation=\"read\"";
    let part = |ending: &str, more: &str| {
        let name = format!("kvblade_port_latency_seconds_{ending}{{{labels}{more}}}");
        samples[&name].as_str()
    };
    for (bound, count) in [
        ("8e-06", "0"),
        ("1.6e-05", "0"),
        ("3.2e-05", "2"),
        ("0.001024", "2"),
        ("0.002048", "3"),
        ("67.108864", "3"),
        ("+Inf", "3"),
    ] {
        assert_eq!(
            part("bucket", &format!(",le=\"{bound}\"")),
            count,
            "{bound}"
        );
    }
    assert_eq!((part("sum", ""), part("count", "")), ("0.0015", "3"));
    assert!(!samples
        .keys()
        .any(|name| name.contains("_latency") && name.contains("write")));
}

#[test]
fn the_clients_heard_last_are_told() {
    let machine = Machine::new();
    machine.export("3.4@eth0", "up");
    let samples = machine.samples();
    let told = samples
        .keys()
        .filter(|name| name.starts_with("kvblade_initiator_requests"));
    let cards: BTreeSet<&str> = told.map(|name| name.split('"').nth(5).unwrap()).collect();
    assert_eq!(cards, ["02:00:00:00:00:0a", "02:00:00:00:00:0b"].into());
}

#[test]
fn what_is_not_as_configured_is_told() {
    let machine = Machine::new();
    assert_eq!(machine.samples()["kvblade_module_loaded"], "0");
    machine.file(
        "etc/kvblade.conf",
        "[export.disk]\nshelf = 3\ndevice = \"/nowhere\"\ninterfaces = [\"eth0\"]\n",
    );
    let samples = machine.samples();
    assert_eq!(samples["kvblade_configuration_valid"], "1");
    assert_eq!(samples["kvblade_export_applied{export=\"disk\"}"], "0");
    machine.file("etc/kvblade.conf", "nonsense");
    machine.export("3.4@eth0", "down: device is gone");
    let samples = machine.samples();
    assert_eq!(samples["kvblade_configuration_valid"], "0");
    let present = "kvblade_export_device_present{export=\"e3.4\",address=\"3.4\"}";
    assert_eq!(samples[present], "0");
}

/// The names of metrics in a text, such as a document or a rule.
fn named(text: &str) -> BTreeSet<&str> {
    let is_name = |c: char| c.is_ascii_lowercase() || c == '_';
    let words = text.split(|c| !is_name(c) && c != ':');
    words
        .filter(|word| word.starts_with("kvblade_") && !["kvblade_", "kvblade_rs"].contains(word))
        .collect()
}

/// The names of all samples that there can be.
fn known() -> BTreeSet<String> {
    let machine = Machine::new();
    machine.export("3.4@eth0", "up");
    machine.file(
        "etc/kvblade.conf",
        "[export.disk]\nshelf = 3\ndevice = \"/nowhere\"\ninterfaces = [\"eth0\"]\n",
    );
    let samples = machine.samples();
    let name = |sample: &String| sample.split('{').next().unwrap().to_owned();
    samples.keys().map(name).collect()
}

#[test]
fn the_dashboard_the_rules_and_the_document_name_what_there_is() {
    let known = known();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let read = |name: &str| fs::read_to_string(root.join(name)).unwrap();
    let rules = read("debian/monitoring/kvblade.rules.yml");
    let document = read("docs/monitoring.md");
    for text in [&dashboard(), &rules, &document] {
        for name in named(text) {
            // A histogram is called without its parts.
            let has = |name: &str| known.contains(name);
            assert!(has(name) || has(&format!("{name}_count")), "{name}");
        }
    }
    // The parts of the histogram are not explained by themselves.
    let parts = ["_bucket", "_sum", "_count"];
    let whole = known
        .iter()
        .filter(|it| !parts.iter().any(|part| it.ends_with(part)));
    let missing: Vec<_> = whole
        .filter(|name| !document.contains(name.as_str()))
        .collect();
    assert_eq!(missing, Vec::<&String>::new(), "not in docs/monitoring.md");
    for counter in counters::all().filter(|it| !it.value.is_empty()) {
        let value = format!("`{}`", counter.value);
        assert!(
            document.contains(&value),
            "{value}: not in docs/monitoring.md"
        );
    }
    let _: serde_json::Value = serde_json::from_str(&dashboard()).unwrap();
}

#[test]
fn a_file_is_replaced_in_one_step_and_can_be_read_by_all() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kvblade.prom");
    crate::state::file::replace_soon(&path, "one\n").unwrap();
    crate::state::file::replace_soon(&path, "two\n").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "two\n");
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o644
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    let refused = crate::state::file::replace_soon(&folder.path().join("no/x"), "").unwrap_err();
    assert!(refused.contains("no/x: cannot be written"), "{refused}");
}
