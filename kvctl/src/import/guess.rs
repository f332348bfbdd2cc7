// SPDX-License-Identifier: GPL-2.0

//! Whose configuration a file is, by what is in it: they look quite different.

use std::path::Path;

use super::others::is_redhat;
use crate::cli::args::Format;

/// What a line begins with, before any of these signs.
fn head(line: &str) -> &str {
    let end = line.find(|c: char| c.is_whitespace() || "={".contains(c));
    line.get(..end.unwrap_or(line.len())).unwrap_or_default()
}

/// The format of a file.
pub(super) fn format(path: &Path, text: &str) -> Option<Format> {
    let lines = || {
        let lines = text.lines().map(str::trim);
        lines.filter(|line| !line.is_empty() && !line.starts_with('#'))
    };
    // What follows `export` is what counts.
    let plain = |line: &'_ str| {
        line.strip_prefix("export ")
            .unwrap_or(line)
            .trim_start()
            .to_owned()
    };
    let assigns = |name: fn(&str) -> bool| {
        lines().any(|line| {
            let line = plain(line);
            line.contains('=') && name(head(&line))
        })
    };
    let runs = |line: &str| {
        let words = line.split(|c: char| !c.is_ascii_alphanumeric() && !"._-".contains(c));
        let mut words = words.filter(|word| !word.is_empty());
        words.any(|word| matches!(word, "vblade" | "vbladed" | "kvadd"))
            || line.contains("/kvblade/add")
    };
    let is_unit = path.extension().is_some_and(|it| it == "service")
        || lines().any(|line| line == "[Service]");
    let blocks = ["device", "default", "interface", "logging", "access-list"];
    let is_qaoed = |line: &str| {
        blocks.contains(&head(line)) || (head(line) == "include" && line.contains('='))
    };
    if is_unit {
        Some(Format::Systemd)
    } else if text.starts_with("#!") {
        Some(Format::Script)
    } else if assigns(|name| ["shelf", "slot", "netif", "filename"].contains(&name))
        && !lines().any(|line| line.starts_with('[') || line.contains(['{', ';']) && is_qaoed(line))
        && assigns(|name| ["netif", "filename"].contains(&name))
    {
        Some(Format::Vblade)
    } else if assigns(|name| name.starts_with("config_")) {
        Some(Format::Gentoo)
    } else if lines().any(|line| line.starts_with('[')) {
        Some(Format::Ggaoed)
    } else if lines().any(is_qaoed) {
        Some(Format::Qaoed)
    } else if lines().any(runs) {
        Some(Format::Script)
    } else if lines().any(is_redhat) {
        Some(Format::Redhat)
    } else {
        None
    }
}
