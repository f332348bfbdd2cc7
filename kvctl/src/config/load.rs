// SPDX-License-Identifier: GPL-2.0

//! Reads the files of the configuration, and the names of cards.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use kvblade_wire::aoe::Mac;

use super::check::parse;
use super::model::Config;
use super::problem::render;
use super::problem::Problem;
use super::problem::Source;
use crate::clib::ether_aton;
use crate::paths::Paths;

/// Why there is no configuration.
pub(crate) enum Refused {
    /// A file cannot be read.
    Unreadable(PathBuf, io::Error),
    /// There is no file.
    Missing(PathBuf, PathBuf),
    /// The files say what cannot be.
    Wrong(Vec<Problem>, Vec<Source>),
}

impl Refused {
    /// The sentences for people.
    pub(crate) fn text(&self, coloured: bool) -> String {
        match self {
            Self::Wrong(problems, sources) => render(problems, sources, coloured),
            Self::Unreadable(path, error) => format!("error: {}: {error}", path.display()),
            Self::Missing(file, folder) => format!(
                "error: there is no configuration: neither {} nor a file {}/*.conf",
                file.display(),
                folder.display()
            ),
        }
    }
}

impl fmt::Debug for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(false))
    }
}

/// Reads the configuration: one file, if it is named, or else those of the system.
pub(crate) fn load(paths: &Paths, file: Option<&Path>) -> Result<Config, Refused> {
    let mut sources = Vec::new();
    let files = match file {
        Some(file) => vec![file.to_owned()],
        None => system_files(paths)?,
    };
    for path in files {
        match fs::read_to_string(&path) {
            Ok(text) => sources.push(Source { path, text }),
            Err(error) => return Err(Refused::Unreadable(path, error)),
        }
    }
    parse(&sources, &ethers(&paths.ethers)).map_err(|problems| Refused::Wrong(problems, sources))
}

/// The main file and those of the folder, in the order of their names.
fn system_files(paths: &Paths) -> Result<Vec<PathBuf>, Refused> {
    let (main, folder) = (&paths.config, &paths.config_folder);
    let mut files = Vec::new();
    if main.exists() {
        files.push(main.clone());
    }
    match fs::read_dir(folder) {
        Ok(entries) => {
            let mut listed: Vec<PathBuf> = entries
                .filter_map(|entry| Some(entry.ok()?.path()))
                .filter(|path| {
                    path.extension()
                        .is_some_and(|extension| extension == "conf")
                })
                .collect();
            listed.sort();
            files.extend(listed);
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(Refused::Unreadable(folder.clone(), error)),
    }
    if files.is_empty() {
        return Err(Refused::Missing(main.clone(), folder.clone()));
    }
    Ok(files)
}

/// The names of cards in a file of the form of ethers(5). Without it there are none.
pub(crate) fn ethers(path: &Path) -> BTreeMap<String, Mac> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let entry = |line: &str| {
        let mut words = line.split('#').next()?.split_whitespace();
        let (address, name) = (words.next()?, words.next()?);
        Some((name.to_owned(), ether_aton(address)?.0))
    };
    text.lines().filter_map(entry).collect()
}
