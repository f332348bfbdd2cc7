// SPDX-License-Identifier: GPL-2.0

//! The words and signs of a shell script.

/// A part of a word.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Part {
    Text(String),
    /// In quotes: not split, and not a pattern.
    Quoted(String),
    Variable {
        name: String,
        quoted: bool,
    },
    /// What only a shell could tell.
    Unknown(&'static str),
}

/// A word, before anything is put in for variables.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Word(pub(super) Vec<Part>);

impl Word {
    /// The text of a word in which nothing is quoted or put in.
    pub(super) fn plain(&self) -> Option<&str> {
        match self.0.as_slice() {
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The word for people, with what stands for something else as it was written.
    pub(super) fn shown(&self) -> String {
        let shown = |part: &Part| match part {
            Part::Text(text) | Part::Quoted(text) => text.clone(),
            Part::Variable { name, .. } => format!("${name}"),
            Part::Unknown("a pattern of file names" | "braces") => String::new(),
            Part::Unknown(_) => "$(...)".to_owned(),
        };
        self.0.iter().map(shown).collect()
    }

    /// `NAME=...`: the name and the word behind it.
    pub(super) fn assignment(&self) -> Option<(String, Self)> {
        let (first, rest) = self.0.split_first()?;
        let Part::Text(text) = first else {
            return None;
        };
        let (name, value) = text.split_once('=')?;
        if !is_name(name) {
            return None;
        }
        let mut parts = Vec::new();
        if value.starts_with('~') {
            parts.push(Part::Unknown("a home directory"));
        } else if !value.is_empty() {
            parts.push(Part::Text(value.to_owned()));
        }
        parts.extend_from_slice(rest);
        Some((name.to_owned(), Self(parts)))
    }
}

/// Whether a variable may have this name.
pub(super) fn is_name(text: &str) -> bool {
    let name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.chars().all(name) && text.starts_with(|c: char| !c.is_ascii_digit())
}

/// A word, or a sign between words.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Word(Word),
    /// An operator; of a redirection, with the word behind it to come.
    Sign(&'static str),
    Redirection(&'static str),
}

/// What a shell would not take, and the line where it is.
pub(super) type Syntax = (usize, &'static str);

/// The longest come first.
const SIGNS: [&str; 9] = [";;", "&&", "||", "\n", ";", "&", "|", "(", ")"];
const REDIRECTIONS: [&str; 9] = ["<<-", "<<", ">>", ">&", "<&", "<>", ">|", "<", ">"];

/// Takes a script apart.
pub(super) fn tokens(text: &str) -> Result<Vec<(Token, usize)>, Syntax> {
    let text = text.replace("\r\n", "\n");
    let mut reader = Reader {
        rest: &text,
        line: 1,
        heredocs: Vec::new(),
    };
    let mut tokens = Vec::new();
    while let Some(token) = reader.token()? {
        tokens.push(token);
    }
    Ok(tokens)
}

struct Reader<'a> {
    rest: &'a str,
    line: usize,
    /// The words that end texts which begin with the next line.
    heredocs: Vec<String>,
}

impl Reader<'_> {
    fn skip(&mut self, length: usize) {
        let (skipped, rest) = self.rest.split_at(length.min(self.rest.len()));
        self.line += skipped.matches('\n').count();
        self.rest = rest;
    }

    fn take(&mut self) -> Option<char> {
        let first = self.rest.chars().next()?;
        self.skip(first.len_utf8());
        Some(first)
    }

    /// Up to an end, which is skipped.
    fn until(&mut self, end: char, what: &'static str) -> Result<String, Syntax> {
        let length = self.rest.find(end).ok_or((self.line, what))?;
        let text = self.rest[..length].to_owned();
        self.skip(length + end.len_utf8());
        Ok(text)
    }

    fn token(&mut self) -> Result<Option<(Token, usize)>, Syntax> {
        loop {
            if self.rest.starts_with("\\\n") {
                self.skip(2);
            } else if self.rest.starts_with([' ', '\t']) {
                self.skip(1);
            } else if self.rest.starts_with('#') {
                self.skip(self.rest.find('\n').unwrap_or(self.rest.len()));
            } else {
                break;
            }
        }
        let line = self.line;
        if self.rest.is_empty() {
            return Ok(None);
        }
        let found =
            |signs: &[&'static str]| signs.iter().find(|it| self.rest.starts_with(**it)).copied();
        if let Some(sign) = found(&SIGNS) {
            self.skip(sign.len());
            if sign == "\n" {
                self.skip_heredocs();
            }
            return Ok(Some((Token::Sign(sign), line)));
        }
        let digits = self.rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let number = self.rest.len() - digits.len();
        if digits.starts_with(['<', '>']) {
            self.skip(number);
            let sign = found_at(self.rest).unwrap_or("<");
            self.skip(sign.len());
            if sign.starts_with("<<") {
                self.skip(self.rest.len() - self.rest.trim_start_matches([' ', '\t']).len());
                let end = self.word()?;
                let text = end.0.iter().map(|part| match part {
                    Part::Text(text) | Part::Quoted(text) => text.as_str(),
                    _ => "",
                });
                self.heredocs.push(text.collect());
                return self.token();
            }
            return Ok(Some((Token::Redirection(sign), line)));
        }
        Ok(Some((Token::Word(self.word()?), line)))
    }

    /// Skips the texts that stand below a line, up to the words that end them.
    fn skip_heredocs(&mut self) {
        for end in std::mem::take(&mut self.heredocs) {
            while !self.rest.is_empty() {
                let length = self.rest.find('\n').map_or(self.rest.len(), |it| it + 1);
                let line = self.rest[..length].trim_end_matches('\n');
                let ends = line.trim_start_matches('\t') == end;
                self.skip(length);
                if ends {
                    break;
                }
            }
        }
    }

    fn word(&mut self) -> Result<Word, Syntax> {
        let mut parts = Vec::new();
        while let Some(first) = self.rest.chars().next() {
            match first {
                ' ' | '\t' | '\n' | ';' | '&' | '|' | '(' | ')' | '<' | '>' => break,
                '\'' => {
                    self.skip(1);
                    parts.push(Part::Quoted(self.until('\'', "a quote without end")?));
                }
                '"' => {
                    self.skip(1);
                    parts.push(Part::Quoted(String::new()));
                    self.quoted(&mut parts)?;
                }
                '\\' => {
                    self.skip(1);
                    match self.take() {
                        Some('\n') | None => {}
                        Some(it) => parts.push(Part::Quoted(it.to_string())),
                    }
                }
                '$' | '`' => {
                    let part = self.expansion(false)?;
                    parts.push(part);
                }
                '*' | '?' | '[' => {
                    self.skip(1);
                    push(&mut parts, first);
                    parts.push(Part::Unknown("a pattern of file names"));
                }
                '{' if !parts.is_empty() || !self.rest[1..].starts_with([' ', '\t', '\n']) => {
                    self.skip(1);
                    push(&mut parts, first);
                    parts.push(Part::Unknown("braces"));
                }
                '~' if parts.is_empty() => {
                    self.skip(1);
                    parts.push(Part::Unknown("a home directory"));
                }
                _ => {
                    self.skip(first.len_utf8());
                    push(&mut parts, first);
                }
            }
        }
        // The test of that name.
        if parts.len() == 2 && parts.first() == Some(&Part::Text("[".into())) {
            parts.truncate(1);
        }
        Ok(Word(parts))
    }

    /// What stands in double quotes.
    fn quoted(&mut self, parts: &mut Vec<Part>) -> Result<(), Syntax> {
        let line = self.line;
        let mut text = String::new();
        loop {
            match self.rest.chars().next() {
                None => return Err((line, "a quote without end")),
                Some('"') => {
                    self.skip(1);
                    parts.push(Part::Quoted(text));
                    return Ok(());
                }
                Some('\\') => {
                    self.skip(1);
                    match self.take() {
                        Some('\n') | None => {}
                        Some(it @ ('"' | '\\' | '$' | '`')) => text.push(it),
                        Some(it) => text.extend(['\\', it]),
                    }
                }
                Some('$' | '`') => {
                    parts.push(Part::Quoted(std::mem::take(&mut text)));
                    let part = self.expansion(true)?;
                    parts.push(part);
                }
                Some(it) => {
                    self.skip(it.len_utf8());
                    text.push(it);
                }
            }
        }
    }

    /// What begins with a dollar sign, or is between backquotes.
    fn expansion(&mut self, quoted: bool) -> Result<Part, Syntax> {
        let line = self.line;
        if self.take() == Some('`') {
            self.until('`', "a backquote without end")?;
            return Ok(Part::Unknown("the output of a command"));
        }
        let name = self
            .rest
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_');
        let name: String = name.collect();
        if is_name(&name) && !name.is_empty() {
            self.skip(name.len());
            return Ok(Part::Variable { name, quoted });
        }
        match self.rest.chars().next() {
            Some('{') => {
                self.skip(1);
                let name = self.until('}', "a brace without end")?;
                Ok(match is_name(&name) && !name.is_empty() {
                    true => Part::Variable { name, quoted },
                    false => Part::Unknown("an expansion"),
                })
            }
            Some('(') => {
                let mut depth = 0_u32;
                loop {
                    match self.take() {
                        Some('(') => depth += 1,
                        Some(')') if depth == 1 => break,
                        Some(')') => depth -= 1,
                        Some(_) => {}
                        None => return Err((line, "a parenthesis without end")),
                    }
                }
                Ok(Part::Unknown("the output of a command"))
            }
            Some(it) if it.is_ascii_digit() || "@*#?-$!".contains(it) => {
                self.skip(1);
                Ok(Part::Unknown("a parameter of the script"))
            }
            Some('\'' | '"') if !quoted => Ok(Part::Unknown("a quote with a dollar sign")),
            _ if quoted => Ok(Part::Quoted("$".into())),
            _ => Ok(Part::Text("$".into())),
        }
    }
}

fn found_at(text: &str) -> Option<&'static str> {
    REDIRECTIONS.into_iter().find(|sign| text.starts_with(sign))
}

/// Adds a character that is not quoted.
fn push(parts: &mut Vec<Part>, character: char) {
    match parts.last_mut() {
        Some(Part::Text(text)) => text.push(character),
        _ => parts.push(Part::Text(character.to_string())),
    }
}
