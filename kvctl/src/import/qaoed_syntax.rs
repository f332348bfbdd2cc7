// SPDX-License-Identifier: GPL-2.0

//! The syntax of `qaoed.conf`: blocks in braces, `KEY = VALUE;`, and two kinds of comments.

use std::fmt;
use std::path::Path;

use super::table::At;

/// `KEY = VALUE;`
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) value: String,
    pub(super) at: At,
}

impl Entry {
    /// An error that names it.
    pub(super) fn wrong(&self, what: impl fmt::Display) -> String {
        format!("{} = {}: {what}", self.key, self.value)
    }
}

/// A block, or the file as a whole.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Block {
    pub(super) name: String,
    pub(super) at: At,
    pub(super) entries: Vec<Entry>,
    pub(super) blocks: Vec<Block>,
}

impl Block {
    pub(super) fn new(name: &str, at: At) -> Self {
        Self {
            name: name.to_owned(),
            at,
            entries: Vec::new(),
            blocks: Vec::new(),
        }
    }

    /// The last value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().rev().find(|entry| entry.key == key)
    }
}

/// A word or a sign, with its line.
#[derive(Debug, PartialEq)]
enum Token {
    Word(String),
    Sign(char),
}

/// Takes a file apart.
pub(super) fn parse(path: &Path, text: &str) -> Result<Block, String> {
    let tokens = tokens(path, text)?;
    let mut parser = Parser {
        path,
        tokens: &tokens,
        place: 0,
    };
    let mut file = Block::new("", At::new(path, 0));
    while parser.place < tokens.len() {
        parser.statement(&mut file)?;
    }
    Ok(file)
}

fn tokens(path: &Path, text: &str) -> Result<Vec<(Token, usize)>, String> {
    let mut tokens = Vec::new();
    let (mut rest, mut line) = (text, 1);
    while let Some(first) = rest.chars().next() {
        let length = if let Some(comment) = rest.strip_prefix("/*") {
            let end = comment.find("*/");
            end.ok_or_else(|| wrong(path, line, "a comment without end"))? + 4
        } else if first == '#' {
            rest.find('\n').unwrap_or(rest.len())
        } else if first == '"' {
            let end = rest[1..].find(['"', '\n']).map(|end| end + 1);
            let end = end.filter(|end| rest[*end..].starts_with('"'));
            let end = end.ok_or_else(|| wrong(path, line, "a text without end"))?;
            tokens.push((Token::Word(rest[1..end].to_owned()), line));
            end + 1
        } else if "{}=;".contains(first) {
            tokens.push((Token::Sign(first), line));
            1
        } else if first.is_whitespace() {
            first.len_utf8()
        } else {
            let ends = |c: char| c.is_whitespace() || "{}=;\"#".contains(c);
            let end = rest.find(ends).unwrap_or(rest.len());
            tokens.push((Token::Word(rest[..end].to_owned()), line));
            end
        };
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    Ok(tokens)
}

/// What is wrong with a line.
fn wrong(path: &Path, line: usize, what: impl fmt::Display) -> String {
    format!("{}: {what}", At::new(path, line))
}

struct Parser<'a> {
    path: &'a Path,
    tokens: &'a [(Token, usize)],
    place: usize,
}

impl Parser<'_> {
    fn next(&mut self) -> Option<&(Token, usize)> {
        let token = self.tokens.get(self.place);
        self.place += 1;
        token
    }

    /// Fails at the latest token.
    fn fail<T>(&self, expected: &str) -> Result<T, String> {
        let place = self.place.saturating_sub(1);
        match self.tokens.get(place).or(self.tokens.last()) {
            Some((token, line)) if place < self.tokens.len() => {
                let found = match token {
                    Token::Word(word) => word.clone(),
                    Token::Sign(sign) => sign.to_string(),
                };
                let what = format!("{found}: expected {expected}");
                Err(wrong(self.path, *line, what))
            }
            last => {
                let line = last.map_or(1, |(_, line)| *line);
                Err(wrong(
                    self.path,
                    line,
                    format!("the end: expected {expected}"),
                ))
            }
        }
    }

    /// `KEY = VALUE;` or `NAME { ... }`, which become part of a block.
    fn statement(&mut self, block: &mut Block) -> Result<(), String> {
        let (key, line) = match self.next() {
            Some((Token::Word(word), line)) => (word.clone(), *line),
            _ => return self.fail("a name"),
        };
        match self.next() {
            Some((Token::Sign('{'), _)) => {
                let mut inner = Block::new(&key, At::new(self.path, line));
                while self.tokens.get(self.place).map(|(token, _)| token) != Some(&Token::Sign('}'))
                {
                    self.statement(&mut inner)?;
                }
                self.place += 1;
                block.blocks.push(inner);
            }
            Some((Token::Sign('='), _)) => {
                let value = match self.next() {
                    Some((Token::Word(word), _)) => word.clone(),
                    _ => return self.fail("a value"),
                };
                if !matches!(self.next(), Some((Token::Sign(';'), _))) {
                    return self.fail("a semicolon");
                }
                let at = At::new(self.path, line);
                block.entries.push(Entry { key, value, at });
            }
            _ => return self.fail("= or {"),
        }
        Ok(())
    }
}
