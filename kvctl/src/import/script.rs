// SPDX-License-Identifier: GPL-2.0

//! Start scripts and units with lines of `vblade`, `vbladed` and `kvadd`.

use std::path::Path;

use super::blade::kvadd;
use super::blade::Blade;
use super::output::Output;
use super::shell::parse;
use super::shell::Command;
use super::shell::Variables;
use super::table::At;

/// Programs that run the one that is named behind them.
const WRAPPERS: [&str; 14] = [
    "nohup", "exec", "ionice", "nice", "sudo", "setsid", "daemon", "env", "chrt", "taskset",
    "command", "time", "stdbuf", "unshare",
];

/// The end of the path of the file that exports are added by.
const ADD: &str = "/kvblade/add";

/// The last part of a path.
fn base(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

fn is_program(word: &str) -> bool {
    matches!(base(word), "vblade" | "vbladed" | "kvadd")
}

/// Imports a script.
pub(super) fn file(output: &mut Output, path: &Path, text: &str) {
    script(output, &At::new(path, 0), text);
}

/// Imports a script whose first line is behind a line of a file.
fn script(output: &mut Output, start: &At, text: &str) {
    let at = |line: usize| At {
        file: start.file.clone(),
        line: start.line.saturating_sub(1) + line,
    };
    let commands = match parse(text) {
        Ok(commands) => commands,
        Err((line, what)) => return output.fail(&at(line), what),
    };
    let mut variables = Variables::default();
    for it in &commands {
        command(output, &mut variables, &at(it.line), it);
    }
}

fn command(output: &mut Output, variables: &mut Variables, at: &At, command: &Command) {
    let exported = match command.words.first().and_then(|word| word.plain()) {
        Some("export" | "readonly") => true,
        // Values may be another's there.
        Some("read" | "local" | "unset" | "for" | "eval" | "." | "source") => {
            for word in &command.words {
                variables.forget(word.plain().unwrap_or_default());
            }
            false
        }
        _ => false,
    };
    let more = command.words.iter().filter(|_| exported);
    let more = more.filter_map(|word| word.assignment());
    if command.words.is_empty() || exported {
        for (name, word) in command.assignments.iter().cloned().chain(more) {
            // Whoever uses what cannot be told is told then.
            let told = variables.assign(&name, &word);
            if told.is_err() || command.within.is_some() || command.conditional {
                variables.forget(&name);
            }
        }
        return;
    }
    let mut words = Vec::new();
    let mut unknown = None;
    for word in &command.words {
        match variables.fields(word) {
            Ok(fields) => words.extend(fields),
            Err(what) => {
                unknown.get_or_insert(what);
                words.push(word.shown());
            }
        }
    }
    let into_add = command.redirections.iter().any(|word| {
        let target = variables.fields(word).unwrap_or_default().join(" ");
        target.ends_with(ADD)
    });
    let line = match Line::find(&words, into_add) {
        Ok(line) => line,
        Err(what) => return output.fail(at, what),
    };
    let Some(line) = line else {
        let number = |place: usize| words.get(place).is_some_and(|it| it.parse::<u16>().is_ok());
        if let Some(what) = unknown.filter(|_| number(1) && number(2) && words.len() > 4) {
            return output.fail(at, format!("{}: {what}", words.join(" ")));
        }
        let shown = words.join(" ");
        if words.iter().any(|word| word.ends_with(ADD)) {
            let what = "what it writes to the module is not understood";
            return output.fail(at, format!("{shown}: {what}"));
        }
        return output.skip(at, format!("{shown}: not imported"));
    };
    let within = command
        .within
        .map(|within| format!("in {within}: not understood"));
    if let Some(what) = within.or(unknown) {
        return output.fail(at, format!("{}: {what}", words.join(" ")));
    }
    let comments = match command.conditional {
        true => vec!["in the script it depends on how the command before it ends".to_owned()],
        false => Vec::new(),
    };
    let added = match line {
        Line::Vblade(words) => {
            Blade::parse(words).and_then(|blade| blade.add(output, at, None, &comments))
        }
        Line::Kvadd(words) => kvadd(output, at, words, &comments),
        Line::Shell(text) => {
            script(output, at, text);
            Ok(())
        }
    };
    if let Err(what) = added {
        output.fail(at, what);
    }
}

/// A command that exports something.
pub(super) enum Line<'a> {
    Vblade(&'a [String]),
    Kvadd(&'a [String]),
    /// Another script.
    Shell(&'a str),
}

impl<'a> Line<'a> {
    /// What a command exports, if anything.
    pub(super) fn find(words: &'a [String], into_add: bool) -> Result<Option<Self>, String> {
        let Some(first) = words.first() else {
            return Ok(None);
        };
        if into_add {
            return match base(first) {
                "echo" => Ok(Some(Self::Kvadd(words.get(1..).unwrap_or_default()))),
                _ => Err(format!(
                    "{first}: what it writes to the module is not understood"
                )),
            };
        }
        let program = words.iter().position(|word| is_program(word));
        let text = match words {
            [shell, option, text, ..] if matches!(base(shell), "sh" | "bash" | "dash" | "ash") => {
                Some(text.as_str()).filter(|_| option.starts_with('-') && option.ends_with('c'))
            }
            _ => None,
        };
        let mentioned = |text: &str| {
            let ends = |c: char| !c.is_ascii_alphanumeric() && !"._-".contains(c);
            text.split(ends).any(is_program)
        };
        if let Some(text) = text.filter(|text| mentioned(text) || text.contains(ADD)) {
            return Ok(Some(Self::Shell(text)));
        }
        let Some(place) = program else {
            return Ok(None);
        };
        let arguments = words.get(place + 1..).unwrap_or_default();
        if place > 0 && !WRAPPERS.contains(&base(first)) {
            // Few words behind the name are no export.
            return match arguments.len() {
                0..4 => Ok(None),
                _ => Err(format!("{}: not understood", words.join(" "))),
            };
        }
        match words.get(place).map(|word| base(word)) {
            Some("kvadd") if arguments.first().is_some_and(|it| it.starts_with('-')) => Ok(None),
            Some("kvadd") => Ok(Some(Self::Kvadd(arguments))),
            _ => Ok(Some(Self::Vblade(arguments))),
        }
    }
}
