// SPDX-License-Identifier: GPL-2.0

//! Complete examples of all three, and what cannot be read.

mod ggaoed;
mod qaoed;
mod vblade;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use kvblade_wire::aoe::Mac;

use super::import;
use crate::cli::args::Format;
use crate::config::model::Source as Backing;
use crate::config::parse;
use crate::config::problem::render;
use crate::config::problem::Source;
use crate::config::Export;

/// Imports a file with this text; its format is to be found.
fn text(text: &str) -> Result<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.conf");
    fs::write(&path, text).unwrap();
    import(&path, None)
}

/// The exports that an imported configuration has.
fn exports(text: &str) -> BTreeMap<String, Export> {
    let sources = [Source {
        path: "imported".into(),
        text: text.to_owned(),
    }];
    let ethers = BTreeMap::from([("node7".to_owned(), Mac([2, 0, 0, 0, 0, 7]))]);
    let config = parse(&sources, &ethers)
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
    let lists = export.access.lists();
    lists.iter().map(|(_, set)| set.to_string()).collect()
}

#[test]
fn the_format_can_be_said_or_found() {
    assert!(text("nothing of the kind")
        .unwrap_err()
        .contains("say --from"));
    assert!(text("").is_err());
    let folder = tempfile::tempdir().unwrap();
    assert!(import(folder.path(), None)
        .unwrap_err()
        .contains("no files *.conf"));
    assert!(import(folder.path(), Some(Format::Qaoed))
        .unwrap_err()
        .contains("a folder"));
    let missing = folder.path().join("missing");
    assert!(import(&missing, None)
        .unwrap_err()
        .contains("missing: No such file"));
    assert!(import(Path::new("/dev/null"), Some(Format::Ggaoed)).is_ok());
}
