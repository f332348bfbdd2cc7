// SPDX-License-Identifier: GPL-2.0

//! `/etc/vblade.conf.d/*.conf`: an export a file, which is a fragment of a shell script.

use std::path::Path;

use super::blade::is_usable;
use super::blade::number;
use super::blade::Blade;
use super::output::Output;
use super::shell::parse;
use super::shell::split;
use super::shell::Command;
use super::shell::Variables;
use super::table::At;
use crate::suggest::suggestion;

/// The variables that vblade's persistence takes, those first that must be set.
const KNOWN: [&str; 6] = ["netif", "shelf", "slot", "filename", "options", "ionice"];
const NEEDED: usize = 4;

/// Imports a file. What vblade's persistence ignores is a comment.
pub(super) fn file(output: &mut Output, path: &Path, text: &str) {
    let at = |line: usize| At::new(path, line);
    let commands = match parse(text) {
        Ok(commands) => commands,
        Err((line, what)) => {
            return output.skip(
                &at(line),
                format!("not valid shell, vblade ignores it: {what}"),
            );
        }
    };
    let mut reader = Reader {
        variables: Variables::empty(&KNOWN),
        lines: Vec::new(),
        comments: Vec::new(),
    };
    for command in &commands {
        if let Err(what) = reader.command(command) {
            return output.fail(&at(command.line), what);
        }
    }
    let line_of = |name: &str| {
        let set = reader.lines.iter().rev().find(|(known, _)| known == name);
        set.map_or(0, |(_, line)| *line)
    };
    let get = |name: &str| reader.variables.get(name).unwrap_or_default();
    let missing = KNOWN.iter().take(NEEDED).find(|name| get(name).is_empty());
    if let Some(missing) = missing {
        let what = format!("incomplete, vblade ignores it: {missing} is missing");
        return output.skip(&at(line_of(missing)), what);
    }
    let mut comments = reader.comments.clone();
    if !get("ionice").is_empty() {
        let reason = "no counterpart, requests come from the kernel";
        comments.push(format!("ionice = {}: {reason}", get("ionice")));
    }
    for name in ["shelf", "slot"] {
        if number(name, get(name)).is_err() {
            let what = format!("{name}={}: not a number", get(name));
            return output.fail(&at(line_of(name)), what);
        }
    }
    if let Err(what) = is_usable(get("filename")) {
        return output.fail(&at(line_of("filename")), format!("filename: {what}"));
    }
    // As one word each, also with blanks in them.
    let operands = ["shelf", "slot", "netif", "filename"].map(|name| get(name).to_owned());
    let mut words = operands.to_vec();
    words.extend(split(get("options")));
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let at = at(line_of("options").max(1));
    let added = Blade::parse(&words)
        .map_err(|what| format!("options: {what}"))
        .and_then(|blade| blade.add(output, &at, Some(&stem), &comments));
    if let Err(what) = added {
        output.fail(&at, what);
    }
}

struct Reader {
    variables: Variables,
    /// Where variables are set.
    lines: Vec<(String, usize)>,
    comments: Vec<String>,
}

impl Reader {
    fn command(&mut self, command: &Command) -> Result<(), String> {
        if let Some(within) = command.within {
            return Err(format!("{within}: not understood"));
        }
        if command.conditional {
            return Err("&& or ||: not understood".into());
        }
        let mut assignments = command.assignments.clone();
        if let [first, rest @ ..] = command.words.as_slice() {
            if !matches!(first.plain(), Some("export" | "readonly")) {
                let shown = first.plain().unwrap_or("a command");
                return Err(format!("{shown}: neither NAME=VALUE nor export"));
            }
            // Without a value it changes nothing.
            assignments.extend(rest.iter().filter_map(|word| word.assignment()));
        }
        for (name, word) in assignments {
            let assigned = self.variables.assign(&name, &word);
            if KNOWN.contains(&name.as_str()) {
                assigned.map_err(|what| format!("{name}: {what}"))?;
                self.lines.push((name, command.line));
            } else {
                let hint = suggestion(&name, &KNOWN);
                let comment = format!("{name}: no variable of vblade, which ignores it{hint}");
                self.comments.push(comment);
            }
        }
        Ok(())
    }
}
