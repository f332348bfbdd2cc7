// SPDX-License-Identifier: GPL-2.0

//! What is wrong with a configuration, and where.

use std::ops::Range;
use std::path::Path;
use std::path::PathBuf;

use annotate_snippets::AnnotationKind;
use annotate_snippets::Level;
use annotate_snippets::Renderer;
use annotate_snippets::Snippet;

/// A file of the configuration.
pub(crate) struct Source {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

/// A place in a file of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Which of the files.
    pub(crate) file: usize,
    pub(crate) span: Range<usize>,
}

/// A fault of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) place: Place,
    /// What is wrong.
    pub(crate) message: String,
    /// What was expected in that place.
    pub(crate) expected: String,
    /// Another place that it has to do with, and what is there.
    pub(crate) other: Option<(Place, String)>,
}

/// The faults found so far.
#[derive(Default)]
pub(crate) struct Problems {
    pub(crate) found: Vec<Problem>,
    /// A part of the files could not be read: what is missing may be there.
    pub(crate) incomplete: bool,
}

impl Problems {
    /// Notes a fault.
    pub(crate) fn add(
        &mut self,
        place: &Place,
        message: impl Into<String>,
        expected: impl Into<String>,
    ) {
        self.found.push(Problem {
            place: place.clone(),
            message: message.into(),
            expected: expected.into(),
            other: None,
        });
    }

    /// Notes that something is missing.
    pub(crate) fn add_missing(
        &mut self,
        place: &Place,
        message: impl Into<String>,
        expected: impl Into<String>,
    ) {
        if !self.incomplete {
            self.add(place, message, expected);
        }
    }

    /// Notes that two places contradict each other.
    pub(crate) fn add_pair(
        &mut self,
        place: &Place,
        message: impl Into<String>,
        expected: impl Into<String>,
        other: (&Place, &str),
    ) {
        self.add(place, message, expected);
        if let Some(problem) = self.found.last_mut() {
            problem.other = Some((other.0.clone(), other.1.into()));
        }
    }
}

/// The faults, each with file, line, column, and the text there, as a compiler shows them.
pub(crate) fn render(problems: &[Problem], sources: &[Source], coloured: bool) -> String {
    let renderer = if coloured {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let texts: Vec<String> = problems
        .iter()
        .map(|problem| {
            let group = Level::ERROR
                .primary_title(problem.message.as_str())
                .elements(snippets(problem, sources));
            renderer.render(&[group])
        })
        .collect();
    texts.join("\n\n")
}

fn snippets<'a>(
    problem: &'a Problem,
    sources: &'a [Source],
) -> Vec<Snippet<'a, annotate_snippets::Annotation<'a>>> {
    let mut all = Vec::new();
    let mut add = |place: &Place, kind: AnnotationKind, label: &'a str| {
        if let Some(source) = sources.get(place.file) {
            let snippet = Snippet::source(source.text.as_str())
                .path(display(&source.path))
                .annotation(kind.span(within(&place.span, &source.text)).label(label));
            all.push(snippet);
        }
    };
    add(
        &problem.place,
        AnnotationKind::Primary,
        problem.expected.as_str(),
    );
    if let Some((place, label)) = &problem.other {
        add(place, AnnotationKind::Context, label.as_str());
    }
    all
}

fn display(path: &Path) -> &str {
    path.to_str().unwrap_or("configuration")
}

/// The part of a span that a reader needs: one line.
fn within(span: &Range<usize>, text: &str) -> Range<usize> {
    let start = span.start.min(text.len());
    let end = span.end.clamp(start, text.len());
    let line = text.get(start..end).and_then(|part| part.find('\n'));
    start..line.map_or(end, |length| start + length)
}
