//! Messages as text: where, the line with a caret, what was expected, what to do.

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use crate::message::{Message, Place, Report, Severity};
use crate::source::{Source, Sources, Span};
use crate::words::count;

/// Messages shown for one report; nobody reads more, and the counts tell the rest.
const MOST_SHOWN: usize = 200;
/// Longest part of a line that is shown to either side of the caret, in bytes.
const REACH: usize = 200;

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
            let related = message.related.as_ref();
            for snippet in snippets(sources, (*span, &message.expected), related.map(|(at, why)| (*at, why.as_str()))) {
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

type Marked<'a> = (Span, &'a str);

fn snippets<'a>(
    sources: &'a Sources,
    primary: Marked<'a>,
    related: Option<Marked<'a>>,
) -> Vec<Snippet<'a, annotate_snippets::Annotation<'a>>> {
    let Some(source) = sources.get(primary.0.source) else { return Vec::new() };
    let same_file = related.filter(|(span, _)| span.source == primary.0.source);
    let window = window(source, primary.0, same_file.map(|(span, _)| span));
    let text = source.text.get(window.start..window.end).unwrap_or("");
    let mut snippet = Snippet::source(text).path(&source.shown).line_start(line_of(source, window.start)).annotation(
        AnnotationKind::Primary
            .span(within(source, primary.0, window))
            .label((!primary.1.is_empty()).then_some(primary.1)),
    );
    if let Some((span, why)) = same_file {
        snippet = snippet.annotation(AnnotationKind::Context.span(within(source, span, window)).label(why));
    }
    let mut all = vec![snippet];
    if let Some((span, why)) = related.filter(|(span, _)| span.source != primary.0.source)
        && let Some(other) = sources.get(span.source)
    {
        let window = self::window(other, span, None);
        all.push(
            Snippet::source(other.text.get(window.start..window.end).unwrap_or(""))
                .path(&other.shown)
                .line_start(line_of(other, window.start))
                .annotation(AnnotationKind::Context.span(within(other, span, window)).label(why)),
        );
    }
    all
}

#[derive(Clone, Copy)]
struct Window {
    start: usize,
    end: usize,
}

/// Whole lines around one or two places. Giving the renderer only these keeps it fast on large files.
fn window(source: &Source, first: Span, second: Option<Span>) -> Window {
    let from = second.map_or(first.start, |span| span.start.min(first.start));
    let to = second.map_or(first.start, |span| span.start.max(first.start));
    let text = source.text.as_str();
    let start = text.get(..from).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
    let end = text.get(to..).and_then(|after| after.find('\n')).map_or(text.len(), |at| to + at);
    Window { start, end: end.max(start) }
}

/// A place within a window, kept on its first line and within sight.
fn within(source: &Source, span: Span, window: Window) -> std::ops::Range<usize> {
    let text = source.text.as_str();
    let start = span.start.clamp(window.start, window.end);
    let line_end =
        text.get(start..window.end).and_then(|rest| rest.find(['\n', '\r'])).map_or(window.end, |at| start + at);
    let mut end = span.end.clamp(start, line_end).min(start + REACH);
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
