// SPDX-License-Identifier: GPL-2.0

//! Reads the files of the configuration, and the names of cards.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use kvblade_wire::aoe::Mac;

use super::check::check;
use super::model::Config;
use super::problem::render;
use super::problem::Problem;
use super::problem::Problems;
use super::problem::Source;
use crate::clib::ether_aton;
use crate::paths::Paths;

/// Why there is no configuration.
pub(crate) enum Refused {
    /// A folder cannot be read.
    Unreadable(PathBuf, io::Error),
    /// There is no file.
    Missing(PathBuf, PathBuf),
    /// The files say what cannot be, and some may be none that can be read.
    Wrong(Vec<Problem>, Vec<Source>, Vec<(PathBuf, io::Error)>),
}

impl Refused {
    /// The sentences for people.
    pub(crate) fn text(&self, coloured: bool) -> String {
        let unreadable =
            |path: &Path, error: &io::Error| format!("error: {}: {error}", path.display());
        match self {
            Self::Wrong(problems, sources, others) => {
                let mut texts: Vec<String> = others
                    .iter()
                    .map(|(path, error)| unreadable(path, error))
                    .collect();
                if !problems.is_empty() {
                    texts.push(render(problems, sources, coloured));
                }
                texts.join("\n\n")
            }
            Self::Unreadable(path, error) => unreadable(path, error),
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
    let named = match file {
        Some(file) => vec![file.to_owned()],
        None => files(paths)?,
    };
    let (sources, unreadable) = texts(named);
    let problems = Problems {
        incomplete: !unreadable.is_empty(),
        ..Problems::default()
    };
    check(&sources, &ethers(&paths.ethers), problems)
        .map_err(|problems| Refused::Wrong(problems, sources, unreadable))
}

/// The texts of the files of the system, of which there may be none.
pub(crate) fn sources(paths: &Paths) -> Result<Vec<Source>, Refused> {
    let files = match files(paths) {
        Err(Refused::Missing(..)) => Vec::new(),
        files => files?,
    };
    match texts(files) {
        (sources, unreadable) if unreadable.is_empty() => Ok(sources),
        (_, unreadable) => Err(Refused::Wrong(Vec::new(), Vec::new(), unreadable)),
    }
}

/// The configuration that texts come to.
pub(crate) fn of(paths: &Paths, sources: Vec<Source>) -> Result<Config, Refused> {
    check(&sources, &ethers(&paths.ethers), Problems::default())
        .map_err(|problems| Refused::Wrong(problems, sources, Vec::new()))
}

/// What files say, and those that cannot be read.
fn texts(files: Vec<PathBuf>) -> (Vec<Source>, Vec<(PathBuf, io::Error)>) {
    let (mut sources, mut unreadable) = (Vec::new(), Vec::new());
    for path in files {
        match fs::read_to_string(&path) {
            Ok(text) => sources.push(Source { path, text }),
            Err(error) => unreadable.push((path, error)),
        }
    }
    (sources, unreadable)
}

/// The main file and those of the folder, in the order of their names.
pub(crate) fn files(paths: &Paths) -> Result<Vec<PathBuf>, Refused> {
    let (main, folder) = (&paths.config, &paths.config_folder);
    let mut files = Vec::new();
    // One that is there and cannot be read is told by who reads it, and so is a link to nothing.
    match fs::symlink_metadata(main) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        _ => files.push(main.clone()),
    }
    match fs::read_dir(folder) {
        Ok(entries) => {
            let mut listed: Vec<PathBuf> = entries
                .filter_map(|entry| Some(entry.ok()?.path()))
                .filter(|path| is_ours(path))
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

/// Whether a file of the folder is part of the configuration. As for a shell's *.conf, one with a dot
/// before its name is not: editors leave such, which may be links to nothing.
fn is_ours(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    name.ends_with(b".conf") && !name.starts_with(b".")
}

/// The names of cards in a file of the form of ethers(5), in lower case: as for the C library it is all
/// the same, the first that has a name counts, and a comment may be in any encoding. Without the file
/// there are none.
pub(crate) fn ethers(path: &Path) -> BTreeMap<String, Mac> {
    let bytes = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let entry = |line: &str| {
        let mut words = line.split('#').next()?.split_whitespace();
        let (address, name) = (words.next()?, words.next()?);
        Some((name.to_ascii_lowercase(), ether_aton(address)?.0))
    };
    // Of several the last is the one that stays.
    text.lines().rev().filter_map(entry).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_file_that_cannot_be_read_hides_no_fault_of_another() {
        let root = tempfile::tempdir().unwrap();
        let paths = Paths::under(root.path());
        fs::create_dir_all(paths.config_folder.join("folder.conf")).unwrap();
        fs::write(
            &paths.config,
            "[export.a]\nslot = 300\ndevice = \"/dev/a\"\n",
        )
        .unwrap();
        fs::write(paths.config_folder.join("latin.conf"), b"# gr\xfc\xdfe\n").unwrap();
        fs::write(paths.config_folder.join("x.conf"), "colour = 1\n").unwrap();
        // What an editor leaves while someone edits.
        symlink("root@host.1:1", paths.config_folder.join(".#web.conf")).unwrap();
        let Err(refused) = load(&paths, None) else {
            panic!("accepted");
        };
        let said = refused.text(false);
        for told in [
            "folder.conf: Is a directory",
            "latin.conf: stream did not",
            "slot 300",
            "colour",
        ] {
            assert!(said.contains(told), "{told} is not told:\n{said}");
        }
        assert!(!said.contains("is missing"), "{said}");
        assert!(!said.contains(".#web"), "{said}");
        // Not even without another fault is it a configuration.
        fs::remove_file(paths.config_folder.join("x.conf")).unwrap();
        fs::remove_file(&paths.config).unwrap();
        assert!(load(&paths, None).is_err());
    }

    #[test]
    fn names_of_cards_are_read_as_the_c_library_does() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ethers");
        let text = b"# B\xfcro\n2:0:0:0:0:1 Laptop # mine\n2:0:0:0:0:2 laptop\n";
        fs::write(&path, text).unwrap();
        let source = Source {
            path: "x".into(),
            text: "[export.a]\nshelf = 1\nslot = 1\ndevice = \"/dev/a\"\n\
                   interfaces = [\"eth0\"]\nmask = [\"LAPTOP\", \"laptop\"]\n"
                .into(),
        };
        let config = super::super::parse(&[source], &ethers(&path)).unwrap();
        let mask: Vec<String> = config.exports[0]
            .start
            .mask
            .iter()
            .map(Mac::to_string)
            .collect();
        assert_eq!(mask, ["02:00:00:00:00:01"]);
    }

    #[test]
    fn a_main_file_that_leads_nowhere_is_not_overlooked() {
        let root = tempfile::tempdir().unwrap();
        let paths = Paths::under(root.path());
        fs::create_dir_all(&paths.config_folder).unwrap();
        std::os::unix::fs::symlink("gone", &paths.config).unwrap();
        fs::write(paths.config_folder.join("x.conf"), "[export]\n").unwrap();
        let Err(refused) = load(&paths, None) else {
            panic!("accepted");
        };
        let said = refused.text(false);
        assert!(said.contains("kvblade.conf: No such file"), "{said}");
    }
}
