// SPDX-License-Identifier: GPL-2.0

//! `kvctl add`, `kvctl set` and `kvctl remove`.

use std::fs;

use super::args::Add;
use super::args::Remove;
use super::args::Set;
use super::Context;
use super::Failure;
use crate::edit::parse_settings;
use crate::edit::Change;
use crate::edit::Editor;
use crate::paths::Paths;
use crate::plan;
use crate::plan::host::Host;

/// `kvctl add`
pub(super) fn add(context: &Context, args: Add) -> Result<(), Failure> {
    let given = [
        ("shelf", args.shelf.map(|it| it.to_string())),
        ("slot", args.slot.map(|it| it.to_string())),
        ("device", args.device),
        ("file", args.file),
        (
            "interfaces",
            Some(args.interface.join(",")).filter(|it| !it.is_empty()),
        ),
    ];
    let given = given
        .into_iter()
        .filter_map(|(key, value)| Some(format!("{key}={}", value?)));
    let words: Vec<String> = given.chain(args.settings).collect();
    let change = Change::Add(parse_settings(&words)?);
    run(context, &args.name, &change, args.runtime)?;
    if !args.runtime && !is_made_at_start(&context.paths) {
        anstream::eprintln!(
            "note: nothing makes this export at the machine's next start: systemctl enable --now kvblade"
        );
    }
    Ok(())
}

/// Whether systemd, if that runs, starts the service that makes exports.
fn is_made_at_start(paths: &Paths) -> bool {
    if !paths.systemd.is_dir() {
        return true;
    }
    let folders = fs::read_dir(&paths.units).into_iter().flatten().flatten();
    let mut folders = folders.map(|folder| folder.path());
    folders.any(|folder| folder.join("kvblade.service").is_symlink())
}

/// `kvctl set`
pub(super) fn set(context: &Context, args: &Set) -> Result<(), Failure> {
    let change = Change::Set(parse_settings(&args.settings)?);
    run(context, &args.name, &change, args.runtime)
}

/// `kvctl remove`
pub(super) fn remove(context: &Context, args: &Remove) -> Result<(), Failure> {
    run(context, &args.name, &Change::Remove, args.runtime)
}

fn run(context: &Context, name: &str, change: &Change, runtime: bool) -> Result<(), Failure> {
    // From here on a signal ends nothing half way.
    let interrupted = plan::interruption()?;
    let editor = Editor {
        paths: &context.paths,
        kernel: &context.kernel,
        machine: &Host(context.paths.clone()),
        interrupted: &interrupted,
    };
    let lines = match runtime {
        true => editor.change_running(name, change)?,
        false => editor.change(name, change)?,
    };
    for line in lines {
        anstream::println!("{line}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn who_makes_exports_at_the_start() {
        let root = tempfile::tempdir().unwrap();
        let paths = Paths::under(root.path());
        assert!(
            is_made_at_start(&paths),
            "that is the affair of another init"
        );
        fs::create_dir_all(&paths.systemd).unwrap();
        assert!(!is_made_at_start(&paths));
        let wants = paths.units.join("multi-user.target.wants");
        fs::create_dir_all(&wants).unwrap();
        assert!(!is_made_at_start(&paths));
        symlink(
            "/lib/systemd/system/kvblade.service",
            wants.join("kvblade.service"),
        )
        .unwrap();
        assert!(is_made_at_start(&paths));
    }
}
