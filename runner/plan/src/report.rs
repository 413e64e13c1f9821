//! Messages as text: where, the line with a caret, what was expected, what to do.

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use crate::message::{Message, Place, Report, Severity};
use crate::source::{Source, Sources, Span};
use crate::words::count;

/// Messages shown for one report; nobody reads more, and the counts tell the rest.
const MOST_SHOWN: usize = 200;
/// Longest part of a line that is underlined, in bytes.
const UNDERLINED: usize = 100;

impl Report {
    /// All messages as text, in colour where the terminal shows it.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let mut text = String::new();
        for message in self.messages.iter().take(MOST_SHOWN) {
            text.push_str(&render(&renderer, &self.sources, message));
            text.push_str("\n\n");
        }
        if let Some(more) = self.messages.len().checked_sub(MOST_SHOWN).filter(|more| *more > 0) {
            text.push_str(&format!("… and {} more\n\n", count(more, "message")));
        }
        text.push_str(&self.summary());
        text.push('\n');
        text
    }

    /// One line of how many.
    #[must_use]
    pub fn summary(&self) -> String {
        let found = match (self.errors(), self.warnings()) {
            (0, 0) => "no mistakes".to_owned(),
            (0, warnings) => count(warnings, "warning"),
            (errors, 0) => count(errors, "error"),
            (errors, warnings) => format!("{}, {}", count(errors, "error"), count(warnings, "warning")),
        };
        match self.files() {
            0 => format!("{found}; no file could be read"),
            files => format!("{found} in {}", count(files, "file")),
        }
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.render(false))
    }
}

fn render(renderer: &Renderer, sources: &Sources, message: &Message) -> String {
    let level = match message.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = Group::with_title(level.primary_title(&message.found).id(message.mistake.as_str()));
    match &message.place {
        Place::Path(path) => group = group.element(Origin::path(path)),
        Place::At(span) => {
            for snippet in snippets(sources, (*span, &message.expected), &message.related) {
                group = group.element(snippet);
            }
        }
    }
    for help in &message.helps {
        group = group.element(Level::HELP.message(help));
    }
    if let Some(page) = &message.page {
        group = group.element(Level::NOTE.message(format!("see docs/{page}")));
    }
    renderer.render(&[group])
}

/// One snippet for each file, that of the message itself first.
fn snippets<'a>(
    sources: &'a Sources,
    (span, expected): (Span, &'a str),
    related: &'a [(Span, String)],
) -> Vec<Snippet<'a, Annotation<'a>>> {
    let mut files = vec![span.source];
    for (other, _) in related {
        if !files.contains(&other.source) {
            files.push(other.source);
        }
    }
    let snippet = |file: usize| {
        let source = sources.get(file)?;
        let primary = Some((span, expected, AnnotationKind::Primary));
        let others = related.iter().map(|(at, why)| (*at, why.as_str(), AnnotationKind::Context));
        let marks: Vec<_> = primary.into_iter().chain(others).filter(|(at, _, _)| at.source == file).collect();
        let window = window(source, marks.iter().map(|(at, _, _)| at.start));
        let text = source.text.get(window.start..window.end).unwrap_or("");
        let bare = Snippet::source(text).path(&source.shown).line_start(line_of(source, window.start));
        Some(marks.into_iter().fold(bare, |snippet, (at, label, kind)| {
            let label = (!label.is_empty()).then_some(label);
            snippet.annotation(kind.span(within(source, at, window)).label(label))
        }))
    };
    files.into_iter().filter_map(snippet).collect()
}

#[derive(Clone, Copy)]
struct Window {
    start: usize,
    end: usize,
}

/// Whole lines around some places. Giving the renderer only these keeps it fast on large files.
fn window(source: &Source, places: impl Iterator<Item = usize> + Clone) -> Window {
    let (from, to) = (places.clone().min().unwrap_or(0), places.max().unwrap_or(0));
    let text = source.text.as_str();
    let start = text.get(..from).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
    let end = text.get(to..).and_then(|after| after.find('\n')).map_or(text.len(), |at| to + at);
    // The carriage return of a line's end is no part of the line.
    let end = if text.get(..end).is_some_and(|text| text.ends_with('\r')) { end - 1 } else { end };
    Window { start, end: end.max(start) }
}

/// A place within a window, kept on its first line and within sight.
fn within(source: &Source, span: Span, window: Window) -> std::ops::Range<usize> {
    let text = source.text.as_str();
    let start = span.start.clamp(window.start, window.end);
    let line_end =
        text.get(start..window.end).and_then(|rest| rest.find(['\n', '\r'])).map_or(window.end, |at| start + at);
    let mut end = span.end.clamp(start, line_end).min(start + UNDERLINED);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    // Spaces at the end of a block are no part of what is meant.
    let trimmed = text.get(start..end).map_or(0, |marked| marked.trim_end().len());
    let end = if trimmed > 0 { start + trimmed } else { end };
    start - window.start..end - window.start
}

fn line_of(source: &Source, offset: usize) -> usize {
    source.line_at(offset).0
}
