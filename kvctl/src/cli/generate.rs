// SPDX-License-Identifier: GPL-2.0

//! The manual pages, the completions of shells and the dashboard, for packages.

use std::fs;
use std::path::Path;

use clap::Command;
use clap::CommandFactory;
use clap_complete::generate_to;
use clap_complete::Shell;
use clap_mangen::Man;

use super::args::Args;
use super::Failure;
use crate::metrics::dashboard;

/// Writes them into a folder, which is made if it is missing.
pub(super) fn generate(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder)?;
    let mut command = Args::command();
    command.build();
    page(command, folder)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        generate_to(shell, &mut Args::command(), "kvctl", folder)?;
    }
    Ok(fs::write(folder.join("dashboard.json"), dashboard())?)
}

/// A page for a command, in the section for administrators, and for each that is part of it.
fn page(command: Command, folder: &Path) -> Result<(), Failure> {
    for part in command.get_subcommands().filter(|it| !it.is_hide_set()) {
        page(part.clone(), folder)?;
    }
    let name = command.get_display_name().unwrap_or("kvctl").to_owned();
    let mut text = Vec::new();
    Man::new(command)
        .title(name.to_uppercase())
        .section("8")
        .date("2026-11-24")
        .source("kvblade_rs")
        .manual("System administration")
        .render(&mut text)?;
    Ok(fs::write(folder.join(format!("{name}.8")), text)?)
}
