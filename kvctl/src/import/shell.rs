// SPDX-License-Identifier: GPL-2.0

//! As much of the shell's language as files of variables and plain start scripts need: commands,
//! assignments, quotes, and variables that the file itself sets. What lies within loops, conditions
//! and functions is told from what is done in any case; what it comes to is not.

use std::collections::BTreeMap;

use super::shell_words::tokens;
use super::shell_words::Part;
use super::shell_words::Syntax;
use super::shell_words::Token;
use super::shell_words::Word;

/// A command, or assignments.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Command {
    pub(super) line: usize,
    pub(super) assignments: Vec<(String, Word)>,
    pub(super) words: Vec<Word>,
    /// Where output goes to.
    pub(super) redirections: Vec<Word>,
    /// What it is within, if it may be done or not.
    pub(super) within: Option<&'static str>,
    /// Whether it depends on how the command before it has ended.
    pub(super) conditional: bool,
}

/// Takes a script apart.
pub(super) fn parse(text: &str) -> Result<Vec<Command>, Syntax> {
    let tokens = tokens(text)?;
    let mut parser = Parser::default();
    let mut tokens = tokens.iter().peekable();
    while let Some((token, line)) = tokens.next() {
        match token {
            Token::Word(word) => parser.word(word, *line)?,
            Token::Redirection(_) => match tokens.next() {
                Some((Token::Word(word), _)) => parser.command.redirections.push(word.clone()),
                _ => return Err((*line, "a redirection to nowhere")),
            },
            Token::Sign(sign) => {
                let empty = matches!(tokens.peek(), Some((Token::Sign(")"), _)));
                if *sign == "(" && empty && parser.begins_function() {
                    tokens.next();
                } else {
                    parser.sign(sign, *line)?;
                }
            }
        }
    }
    parser.end("\n");
    match parser.open.last() {
        None => Ok(parser.commands),
        Some((_, line)) => Err((*line, "without end")),
    }
}

#[derive(Default)]
struct Parser {
    commands: Vec<Command>,
    command: Command,
    /// What is open, and since when.
    open: Vec<(&'static str, usize)>,
    conditional: bool,
    function: bool,
}

impl Parser {
    fn within(&self) -> Option<&'static str> {
        self.open.last().map(|(word, _)| match *word {
            "if" => "a condition",
            "case" => "a condition",
            "function" => "a function",
            "(" | "{" => "a group of commands",
            _ => "a loop",
        })
    }

    /// The command so far is the name of a function.
    fn begins_function(&mut self) -> bool {
        if self.command.words.len() != 1 {
            return false;
        }
        self.command = Command::default();
        self.function = true;
        true
    }

    fn word(&mut self, word: &Word, line: usize) -> Result<(), Syntax> {
        let first = self.command.words.is_empty() && self.command.assignments.is_empty();
        if first {
            match word.plain() {
                Some(it @ ("if" | "while" | "until" | "case")) => {
                    let kind = match it {
                        "if" => "if",
                        "case" => "case",
                        _ => "while",
                    };
                    self.open.push((kind, line));
                    if kind != "case" {
                        return Ok(());
                    }
                }
                Some("for") => self.open.push(("while", line)),
                Some("{") => {
                    let kind = if self.function { "function" } else { "{" };
                    self.function = false;
                    self.open.push((kind, line));
                    return Ok(());
                }
                Some("then" | "do" | "else" | "elif" | "!") => return Ok(()),
                Some("fi") => return self.close(&["if"], line),
                Some("done") => return self.close(&["while"], line),
                Some("esac") => return self.close(&["case"], line),
                Some("}") => return self.close(&["{", "function"], line),
                _ => {}
            }
            self.command.line = line;
        }
        match word.assignment() {
            Some(assignment) if self.command.words.is_empty() => {
                self.command.assignments.push(assignment);
            }
            _ => self.command.words.push(word.clone()),
        }
        Ok(())
    }

    fn close(&mut self, kinds: &[&str], line: usize) -> Result<(), Syntax> {
        match self.open.pop() {
            Some((kind, _)) if kinds.contains(&kind) => Ok(()),
            _ => Err((line, "an end without beginning")),
        }
    }

    fn sign(&mut self, sign: &'static str, line: usize) -> Result<(), Syntax> {
        match sign {
            "(" if self.in_case() => Ok(()),
            // The end of a pattern.
            ")" if self.in_case() => {
                self.command = Command::default();
                Ok(())
            }
            "(" => {
                if !self.command.words.is_empty() {
                    return Err((line, "a parenthesis where none can be"));
                }
                let kind = if self.function { "function" } else { "(" };
                self.function = false;
                self.open.push((kind, line));
                Ok(())
            }
            ")" => {
                self.end(sign);
                self.close(&["(", "function"], line)
            }
            _ => {
                self.end(sign);
                Ok(())
            }
        }
    }

    fn in_case(&self) -> bool {
        self.open.last().is_some_and(|(kind, _)| *kind == "case")
    }

    /// Ends a command.
    fn end(&mut self, sign: &str) {
        let mut command = std::mem::take(&mut self.command);
        let is_empty = command.words.is_empty() && command.assignments.is_empty();
        if !is_empty {
            command.within = self.within();
            command.conditional = self.conditional;
            self.commands.push(command);
        }
        self.conditional = match sign {
            // The rest may be in the next line.
            "\n" if is_empty => self.conditional,
            _ => matches!(sign, "&&" | "||"),
        };
    }
}

/// The values of variables: none of one that only a shell could tell.
#[derive(Clone, Debug, Default)]
pub(super) struct Variables(BTreeMap<String, Option<String>>);

impl Variables {
    /// Variables that are there from the beginning, and empty.
    pub(super) fn empty(names: &[&str]) -> Self {
        let empty = |name: &&str| ((*name).to_owned(), Some(String::new()));
        Self(names.iter().map(empty).collect())
    }

    /// A value; none if it was not set, or cannot be told.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_deref()
    }

    /// Notes that nobody can tell what it is.
    pub(super) fn forget(&mut self, name: &str) {
        self.0.insert(name.to_owned(), None);
    }

    /// Assigns a word, or tells what in it is not understood.
    pub(super) fn assign(&mut self, name: &str, word: &Word) -> Result<(), String> {
        let value = self.value(word);
        let known = value.as_ref().ok().cloned();
        self.0.insert(name.to_owned(), known);
        value.map(|_| ())
    }

    fn variable(&self, name: &str) -> Result<&str, String> {
        match self.0.get(name) {
            Some(Some(value)) => Ok(value),
            Some(None) => Err(format!("${name}: not understood where it is set")),
            None => Err(format!("${name}: not set in this file")),
        }
    }

    /// What a word comes to where it is not split, and no pattern.
    fn value(&self, word: &Word) -> Result<String, String> {
        let mut value = String::new();
        for part in &word.0 {
            match part {
                Part::Text(text) | Part::Quoted(text) => value.push_str(text),
                Part::Variable { name, .. } => value.push_str(self.variable(name)?),
                Part::Unknown("a pattern of file names" | "braces") => {}
                Part::Unknown(what) => return Err(format!("{what}: not understood")),
            }
        }
        Ok(value)
    }

    /// The fields that a word of a command comes to.
    pub(super) fn fields(&self, word: &Word) -> Result<Vec<String>, String> {
        let mut fields: Vec<String> = Vec::new();
        let mut open: Option<String> = None;
        for part in &word.0 {
            match part {
                Part::Text(text) | Part::Quoted(text) => {
                    open.get_or_insert_default().push_str(text);
                }
                Part::Variable { name, quoted: true } => {
                    open.get_or_insert_default().push_str(self.variable(name)?);
                }
                Part::Variable {
                    name,
                    quoted: false,
                } => {
                    for character in self.variable(name)?.chars() {
                        match character {
                            ' ' | '\t' | '\n' => fields.extend(open.take()),
                            it => open.get_or_insert_default().push(it),
                        }
                    }
                }
                Part::Unknown(what) => return Err(format!("{what}: not understood")),
            }
        }
        fields.extend(open);
        Ok(fields)
    }
}

/// The words of a text that a shell splits without looking for quotes in it.
pub(super) fn split(text: &str) -> Vec<String> {
    text.split_ascii_whitespace().map(str::to_owned).collect()
}
