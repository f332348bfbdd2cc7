// SPDX-License-Identifier: GPL-2.0

//! From the text of all files to a configuration, or to all that is wrong with it.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use kvblade_wire::aoe::Mac;
use kvblade_wire::settings::Setting;
use kvblade_wire::settings::Start;
use toml::Spanned;

use super::access::at;
use super::access::Lists;
use super::document::read;
use super::model;
use super::model::Caps;
use super::model::Config;
use super::model::Export;
use super::model::Requirements;
use super::partial::Partial;
use super::problem::Place;
use super::problem::Problem;
use super::problem::Problems;
use super::problem::Source;
use super::table::Document;
use super::table::ExportTable;
use super::values::Checker;

/// Makes a configuration of the texts of its files, with the names of cards that there are.
pub(crate) fn parse(
    sources: &[Source],
    ethers: &BTreeMap<String, Mac>,
) -> Result<Config, Vec<Problem>> {
    check(sources, ethers, Problems::default())
}

/// Makes a configuration of texts, or tells all that is wrong with them, after what is known of that
/// already.
pub(super) fn check(
    sources: &[Source],
    ethers: &BTreeMap<String, Mac>,
    mut problems: Problems,
) -> Result<Config, Vec<Problem>> {
    let documents: Vec<Document> = sources
        .iter()
        .enumerate()
        .map(|(file, source)| read(file, source, &mut problems))
        .collect();
    let mut lists = Lists::new(ethers);
    for (file, document) in documents.iter().enumerate() {
        for (name, table) in &document.access {
            lists.define(name.get_ref(), at(file, name), table, &mut problems);
        }
    }
    lists.resolve(&mut problems);

    let defaults = defaults(&documents, &lists, &mut problems);
    let tables = documents.iter().filter_map(|it| it.defaults.as_ref());
    let given = tables.flat_map(|it| it.get_ref().given.iter().cloned());
    let given: BTreeSet<String> = given.collect();
    let (caps, requirements) = interfaces(&documents, &lists, &mut problems);
    let mut config = Config {
        caps,
        requirements,
        none_wanted: documents.iter().any(Document::has_empty_export),
        emptied: sources
            .iter()
            .zip(&documents)
            .filter(|(_, document)| document.is_empty())
            .map(|(source, _)| source.path.clone())
            .collect(),
        ..Config::default()
    };
    let mut found = Found::default();
    for (file, document) in documents.iter().enumerate() {
        let mut tables: Vec<_> = document.export.iter().flatten().collect();
        tables.sort_by_key(|(name, _)| name.span().start);
        for (name, table) in tables {
            let place = at(file, name);
            let mut check = Checker {
                file,
                owner: format!("export {}", name.get_ref()),
                lists: &lists,
                problems: &mut problems,
            };
            check_name(name, &mut check);
            let partial = Partial::new(table, &mut check).over(&defaults);
            let found_export = partial.finish(name.get_ref(), &place, table, &given, &mut check);
            if let Some(mut export) = found_export {
                if let Some(source) = sources.get(file) {
                    export.file.clone_from(&source.path);
                }
                found.add(place, export, &mut problems);
            }
        }
    }
    config.exports = found
        .exports
        .into_iter()
        .map(|(_, export)| export)
        .collect();
    if problems.found.is_empty() && !problems.incomplete {
        Ok(config)
    } else {
        let mut problems = problems.found;
        problems.sort_by_key(|problem| (problem.place.file, problem.place.span.start));
        Err(problems)
    }
}

/// What the one table `[defaults]` says. It may be in any file.
fn defaults(documents: &[Document], lists: &Lists<'_>, problems: &mut Problems) -> Partial {
    let mut first: Option<(Place, Partial)> = None;
    for (file, document) in documents.iter().enumerate() {
        let Some(table) = &document.defaults else {
            continue;
        };
        let place = at(file, table);
        if let Some((other, _)) = &first {
            problems.add_pair(
                &place,
                "defaults: defined twice",
                "expected one table [defaults] in all files",
                (other, "the first is here"),
            );
            continue;
        }
        belong_to_one(file, table.get_ref(), problems);
        let mut check = Checker {
            file,
            owner: "defaults".into(),
            lists,
            problems,
        };
        let partial = Partial::new(table.get_ref(), &mut check);
        first = Some((place, partial));
    }
    first.map(|(_, partial)| partial).unwrap_or_default()
}

/// Refuses what cannot be the same for several exports.
fn belong_to_one(file: usize, table: &ExportTable, problems: &mut Problems) {
    let texts = [("device", &table.own.device), ("file", &table.own.file)];
    let places = texts
        .into_iter()
        .filter_map(|(key, value)| Some((key, at(file, value.as_ref()?))));
    let slot = table.own.slot.as_ref().map(|slot| ("slot", at(file, slot)));
    let settings = [Start::Serial, Start::Wwn].into_iter().filter_map(|start| {
        let value = table.settings.get(&Setting::Start(start))?;
        Some((start.row().key, at(file, value)))
    });
    for (key, place) in places.chain(slot).chain(settings) {
        problems.add(
            &place,
            format!("defaults: {key} cannot be the same for all exports"),
            format!("expected {key} in the table of an export"),
        );
    }
}

/// Caps on the MTU of interfaces, and what they must be.
fn interfaces(
    documents: &[Document],
    lists: &Lists<'_>,
    problems: &mut Problems,
) -> (Caps, Requirements) {
    let (mut caps, mut requirements) = (Vec::new(), Vec::new());
    let mut seen: BTreeMap<&str, Place> = BTreeMap::new();
    for (file, document) in documents.iter().enumerate() {
        for (name, table) in &document.interface {
            let place = at(file, name);
            if let Some(other) = seen.get(name.get_ref().as_str()) {
                problems.add_pair(
                    &place,
                    format!("interface {}: defined twice", name.get_ref()),
                    "expected one table for it in all files",
                    (other, "the first is here"),
                );
            }
            let mut check = Checker {
                file,
                owner: format!("interface {}", name.get_ref()),
                lists,
                problems,
            };
            let mtu = check.mtu(table.mtu.as_ref());
            if let Some(pattern) = check.pattern(name) {
                requirements.extend(table.require.map(|it| (pattern.clone(), it)));
                caps.extend(mtu.map(|mtu| (pattern, mtu)));
            }
            seen.insert(name.get_ref(), place);
        }
    }
    (caps, requirements)
}

/// Whether an export can have this name.
pub(crate) fn is_name(text: &str) -> bool {
    let usable = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    !text.is_empty()
        && text.len() <= 64
        && !text.starts_with(['.', '-'])
        && text.chars().all(usable)
}

/// The name of an export is also that of a file, and a word on the command line.
fn check_name(name: &Spanned<String>, check: &mut Checker<'_>) {
    if !is_name(name.get_ref()) {
        check.add(
            &at(check.file, name),
            "not a usable name",
            "expected 1 to 64 letters, digits, dots, hyphens and underscores, not a dot or a \
             hyphen first",
        );
    }
}

/// The exports found so far, by what two of them cannot have.
#[derive(Default)]
struct Found {
    exports: Vec<(Place, Export)>,
    names: BTreeMap<String, usize>,
    addresses: BTreeMap<(u16, u8), Vec<usize>>,
    sources: BTreeMap<model::Source, Vec<usize>>,
}

impl Found {
    /// Looks for exports that this one excludes, and keeps it.
    fn add(&mut self, place: Place, export: Export, problems: &mut Problems) {
        let address = export.own.slot.map(|slot| (export.shelf, slot));
        let addressed = address.and_then(|it| self.addresses.get(&it));
        let others: BTreeSet<usize> = (self.names.get(&export.name).into_iter())
            .chain(addressed.into_iter().flatten())
            .chain(self.sources.get(&export.source).into_iter().flatten())
            .copied()
            .collect();
        for (there, other) in others.iter().filter_map(|it| self.exports.get(*it)) {
            compare((&place, &export), (there, other), problems);
        }
        let number = self.exports.len();
        self.names.entry(export.name.clone()).or_insert(number);
        if let Some(address) = address {
            self.addresses.entry(address).or_default().push(number);
        }
        let same = self.sources.entry(export.source.clone()).or_default();
        same.push(number);
        self.exports.push((place, export));
    }
}

/// Tells of two exports which exclude each other.
fn compare(
    (place, export): (&Place, &Export),
    (there, other): (&Place, &Export),
    problems: &mut Problems,
) {
    let name = &export.name;
    if other.name == *name {
        problems.add_pair(
            place,
            format!("export {name}: defined twice"),
            "expected another name",
            (there, "the first is here"),
        );
    } else if export.own.slot.is_some()
        && (export.shelf, export.own.slot) == (other.shelf, other.own.slot)
    {
        let slot = export.own.slot.unwrap_or_default();
        problems.add_pair(
            place,
            format!("export {name}: has the address of {}", other.name),
            format!("expected another address than {}.{slot}", export.shelf),
            (there, "the other is here"),
        );
    } else if export.source == other.source && !(export.shared && other.shared) {
        problems.add_pair(
            place,
            format!("export {name}: has the device of {}", other.name),
            "expected another device, or shared = true in both",
            (there, "the other is here"),
        );
    }
}
