// SPDX-License-Identifier: GPL-2.0

//! Complete examples of all three, and what cannot be read.

mod ggaoed;
mod others;
mod property;
mod qaoed;
mod vblade;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use kvblade_wire::aoe::Mac;

use super::import;
use super::output::Imported;
use crate::cli::args::Format;
use crate::config::model::Source as Backing;
use crate::config::parse;
use crate::config::problem::render;
use crate::config::problem::Source;
use crate::config::Export;

/// The names of cards on this machine.
fn ethers() -> BTreeMap<String, Mac> {
    BTreeMap::from([("node7".to_owned(), Mac([2, 0, 0, 0, 0, 7]))])
}

fn file(path: &Path) -> Result<Imported, String> {
    import(path, None, &ethers())
}

/// Imports a file with this text; its format is to be found.
fn imported(text: &[u8]) -> Result<Imported, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.conf");
    fs::write(&path, text).unwrap();
    file(&path)
}

/// What a file comes to that can be imported as a whole, or what is said of it.
fn text(text: &str) -> Result<String, String> {
    let Imported { text, failures } = imported(text.as_bytes())?;
    match failures.is_empty() {
        true => Ok(text),
        false => Err(failures.join("\n")),
    }
}

/// What a file comes to of which a part can be imported, and what cannot.
fn failures(text: &str) -> (String, Vec<String>) {
    let Imported { text, failures } = imported(text.as_bytes()).unwrap();
    (text, failures)
}

/// The exports that an imported configuration has.
fn exports(text: &str) -> BTreeMap<String, Export> {
    let sources = [Source {
        path: "imported".into(),
        text: text.to_owned(),
    }];
    let config = parse(&sources, &ethers())
        .unwrap_or_else(|found| panic!("{}\n{text}", render(&found, &sources, false)));
    let exports = config.exports.into_iter();
    exports
        .map(|export| (export.name.clone(), export))
        .collect()
}

fn interfaces(export: &Export) -> Vec<String> {
    export.interfaces.iter().map(ToString::to_string).collect()
}

fn lists(export: &Export) -> Vec<String> {
    let lists = export.access();
    lists.iter().map(|(_, set)| set.to_string()).collect()
}

/// The addresses of exports, with their paths.
fn addresses(text: &str) -> Vec<String> {
    let exports = exports(text);
    let mut addresses: Vec<String> = exports
        .values()
        .map(|export| {
            let (Backing::Device(path) | Backing::File(path)) = &export.source;
            let slot = export.own.slot.unwrap();
            format!("{}.{slot} {}", export.shelf, path.display())
        })
        .collect();
    addresses.sort();
    addresses
}

#[test]
fn the_format_can_be_said_or_found() {
    assert!(text("nothing of the kind")
        .unwrap_err()
        .contains("say --from"));
    assert!(text("").is_err());
    assert!(text("[export.a]\nshelf = 1")
        .unwrap_err()
        .contains("one for kvblade_rs already"));
    let folder = tempfile::tempdir().unwrap();
    let from = |path: &Path, format| import(path, format, &ethers()).unwrap_err();
    assert!(from(folder.path(), None).contains("no files *.conf"));
    assert!(from(folder.path(), Some(Format::Qaoed)).contains("a folder"));
    assert!(from(&folder.path().join("missing"), None).contains("missing: No such file"));
    let nothing = from(Path::new("/dev/null"), Some(Format::Ggaoed));
    assert_eq!(nothing, "/dev/null: no export is in there");
}

#[test]
fn bytes_that_are_no_text_are_told_where_they_count() {
    let latin =
        |text: &str| -> Vec<u8> { text.chars().map(|c| u8::try_from(c).unwrap()).collect() };
    let comment = latin("# gr\u{f6}\u{df}e\nshelf=1\nslot=1\nnetif=eth0\nfilename=/dev/a\n");
    assert_eq!(imported(&comment).unwrap().failures, Vec::<String>::new());
    let path = latin("shelf=1\nslot=1\nnetif=eth0\nfilename=/srv/gr\u{f6}\u{df}e\n");
    assert!(imported(&path).unwrap_err().contains("not UTF-8"));
    let control = "shelf=1\nslot=1\nnetif=eth0\nfilename=/dev/a\nionice='\u{1}\u{7f}'\n";
    let imported = text(control).unwrap();
    assert!(imported.contains("ionice = \\u{1}\\u{7f}: "), "{imported}");
    exports(&imported);
}
