//! YAML as a tree that remembers where everything stands.
//!
//! The tree is built from the events of serde-saphyr's own parser (`serde_saphyr::granit_parser`) rather than through
//! serde: deserialising stops at the first mistake, and turns an unquoted `7.10` into the number 7.1. Here a file with
//! nine mistakes gets nine messages, and a scalar keeps the characters it was written with.

use std::collections::BTreeMap;

use serde_saphyr::granit_parser::{Event, Options, Parser, ScalarStyle, ScanError, Span as Marks, Tag};

use crate::message::{Message, Mistake};
use crate::source::Span;
use crate::words::quote;

/// Nesting beyond this is no matrix; nothing here needs more than eight levels.
const MAX_DEPTH: usize = 24;
/// Nodes of one file, with everything that aliases repeat.
const MAX_NODES: usize = 50_000;

/// One value.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// What to point at: the value itself, or the first line of a list or mapping.
    pub(crate) span: Span,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// Text as written, escapes and quotes resolved.
    Scalar(String),
    /// Nothing, `~` or `null`: what YAML takes for nothing, so that an editor and the reader agree.
    Nothing,
    List(Vec<Node>),
    Map(Vec<Entry>),
    /// Something that a message has been written about.
    Broken,
}

/// One key of a mapping with its value.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) at: Span,
    pub(crate) value: Node,
}

impl Kind {
    /// In words, for messages.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Scalar(text) => quote(text),
            Self::Nothing => "nothing".to_owned(),
            Self::List(_) => "a list".to_owned(),
            Self::Map(_) => "a mapping".to_owned(),
            Self::Broken => "something broken".to_owned(),
        }
    }
}

/// Parses a file. `None` when its text is no YAML at all, or more than is good for us; messages say why.
pub(crate) fn parse(source: usize, text: &str, messages: &mut Vec<Message>) -> Option<Node> {
    let options = serde_saphyr::granit_parser::options! {
        emit_comments: false,
        emit_unresolved_aliases: true,
        disallow_directives: true,
    };
    let mut builder =
        Builder { source, text, messages, open: Vec::new(), anchors: BTreeMap::new(), nodes: 0, root: None };
    for event in Parser::new_from_str_with_options(text, bounded(options)) {
        let outcome = match event {
            Ok((event, marks)) => builder.take(event, marks),
            Err(error) => {
                builder.syntax(&error);
                Err(Stop)
            }
        };
        if let Err(Stop) = outcome {
            return None;
        }
    }
    match builder.root.take() {
        Some(root) => Some(root),
        None => {
            let start = Span { source, start: 0, end: 0 };
            messages.push(Message::error(
                Mistake::EmptyFile,
                start,
                "this file holds nothing",
                "expected a matrix, a recipe or an image",
            ));
            None
        }
    }
}

fn bounded(mut options: Options) -> Options {
    // One more than allowed, so that the message is ours.
    options.flow_nesting_limit = MAX_DEPTH + 1;
    options.block_nesting_limit = MAX_DEPTH + 1;
    options
}

/// Parsing ends here; a message says why.
struct Stop;

struct Builder<'a> {
    source: usize,
    text: &'a str,
    messages: &'a mut Vec<Message>,
    open: Vec<Open>,
    anchors: BTreeMap<usize, Anchored>,
    nodes: usize,
    root: Option<Node>,
}

struct Open {
    span: Span,
    anchor: usize,
    nodes_before: usize,
    height: usize,
    kind: OpenKind,
}

enum OpenKind {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, key: Option<PendingKey> },
}

/// A key that waits for its value; one that must not count has no text.
struct PendingKey {
    text: Option<String>,
    at: Span,
}

struct Anchored {
    node: Node,
    nodes: usize,
    height: usize,
}

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, marks: Marks) -> Result<(), Stop> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.tag(tag.as_deref(), marks);
                let span = self.span(marks);
                let nothing = style == ScalarStyle::Plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                let kind = if nothing { Kind::Nothing } else { Kind::Scalar(text.into_owned()) };
                self.count(1, span)?;
                self.finish(Node { span, kind }, anchor, 1, 0);
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.tag(tag.as_deref(), marks);
                self.enter(marks, anchor, OpenKind::List(Vec::new()))?;
            }
            Event::MappingStart(_, anchor, tag) => {
                self.tag(tag.as_deref(), marks);
                self.enter(marks, anchor, OpenKind::Map { entries: Vec::new(), key: None })?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.leave(marks),
            Event::Alias(anchor) => self.alias(anchor, marks)?,
            Event::UnresolvedAlias(name) => {
                let span = self.span(marks);
                let found = format!("no anchor `&{name}` stands before this alias");
                self.messages.push(
                    Message::error(Mistake::UnknownAnchor, span, found, "repeats nothing")
                        .help("an alias `*name` repeats what `&name` marked earlier in the same file"),
                );
                self.finish(Node { span, kind: Kind::Broken }, 0, 1, 0);
            }
            Event::DocumentStart(..) if self.root.is_some() => {
                let span = self.span(marks);
                self.messages.push(
                    Message::error(
                        Mistake::SecondDocument,
                        span,
                        "a second document begins here",
                        "one document a file",
                    )
                    .help("move it to a file of its own"),
                );
                return Err(Stop);
            }
            _ => {}
        }
        Ok(())
    }

    fn enter(&mut self, marks: Marks, anchor: usize, kind: OpenKind) -> Result<(), Stop> {
        let span = self.span(marks);
        if self.open.len() >= MAX_DEPTH {
            self.too_deep(span);
            return Err(Stop);
        }
        let nodes_before = self.nodes;
        self.count(1, span)?;
        self.open.push(Open { span, anchor, nodes_before, height: 0, kind });
        Ok(())
    }

    fn leave(&mut self, marks: Marks) {
        let Some(open) = self.open.pop() else { return };
        let end = self.span(marks).end.max(open.span.start);
        let kind = match open.kind {
            OpenKind::List(items) => Kind::List(items),
            OpenKind::Map { entries, .. } => Kind::Map(entries),
        };
        // The first key or item is what to look at when something is wrong with a whole block.
        let span = match &kind {
            Kind::Map(entries) if !self.text[open.span.start..].starts_with('{') => {
                entries.first().map_or(open.span, |entry| entry.at)
            }
            Kind::Map(_) | Kind::List(_) | Kind::Scalar(_) | Kind::Nothing | Kind::Broken => Span { end, ..open.span },
        };
        self.finish(Node { span, kind }, open.anchor, self.nodes - open.nodes_before, open.height + 1);
    }

    /// Puts a finished node where it belongs.
    fn finish(&mut self, node: Node, anchor: usize, nodes: usize, height: usize) {
        if anchor != 0 {
            self.anchors.insert(anchor, Anchored { node: node.clone(), nodes, height });
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return;
        };
        open.height = open.height.max(height);
        match &mut open.kind {
            OpenKind::List(items) => items.push(node),
            OpenKind::Map { entries, key } => match key.take() {
                None => *key = Some(key_of(node, entries, self.messages)),
                Some(PendingKey { text: Some(key), at }) => entries.push(Entry { key, at, value: node }),
                Some(PendingKey { text: None, .. }) => {}
            },
        }
    }

    fn alias(&mut self, anchor: usize, marks: Marks) -> Result<(), Stop> {
        let span = self.span(marks);
        let Some(Anchored { node, nodes, height }) = self.anchors.get(&anchor) else {
            // The parser knows the anchor but its node is not finished: it would hold itself.
            let found = "this alias repeats a block that it stands in";
            self.messages.push(Message::error(Mistake::UnknownAnchor, span, found, "would hold itself"));
            self.finish(Node { span, kind: Kind::Broken }, 0, 1, 0);
            return Ok(());
        };
        let (node, nodes, height) = (node.clone(), *nodes, *height);
        if self.open.len() + height > MAX_DEPTH {
            self.too_deep(span);
            return Err(Stop);
        }
        self.count(nodes, span)?;
        self.finish(node, 0, nodes, height);
        Ok(())
    }

    fn count(&mut self, nodes: usize, span: Span) -> Result<(), Stop> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes <= MAX_NODES {
            return Ok(());
        }
        let found = format!("this file grows beyond {MAX_NODES} values here");
        self.messages.push(
            Message::error(Mistake::TooMuch, span, found, "reading stopped here")
                .help("every alias counts with all that it repeats; write the rows that are meant, or split the file"),
        );
        Err(Stop)
    }

    fn too_deep(&mut self, span: Span) {
        let found = format!("nested deeper than {MAX_DEPTH} levels");
        self.messages.push(Message::error(Mistake::TooDeep, span, found, "no key needs more than eight"));
    }

    fn tag(&mut self, tag: Option<&Tag>, marks: Marks) {
        let Some(tag) = tag else { return };
        let span = marks.tag_span().map_or_else(|| self.span(marks), |marks| self.span(marks));
        let found = format!("the tag {} has no meaning here", quote(&tag.original()));
        self.messages.push(
            Message::error(Mistake::Tag, span, found, "expected no tag").help("leave it out; every key has one type"),
        );
    }

    fn syntax(&mut self, error: &ScanError) {
        let at = error.marker().byte_offset().unwrap_or(0).min(self.text.len());
        if let Some(span) = tab_before(self.source, self.text, at) {
            self.messages.push(
                Message::error(Mistake::Tab, span, "a tab indents this line", "spaces only")
                    .help("YAML indents by spaces; two for each level is usual"),
            );
            return;
        }
        let span = Span { source: self.source, start: at, end: at };
        if error.info().contains("nesting") || error.info().contains("recursion") {
            self.too_deep(span);
            return;
        }
        let found = format!("this is no YAML: {}", error.info().replace('\n', " "));
        let mut message = Message::error(Mistake::Syntax, span, found, "reading stopped here");
        if let Some(help) = usual_cause(self.text, at) {
            message = message.help(help);
        }
        self.messages.push(message);
    }

    fn span(&self, marks: Marks) -> Span {
        let range = marks.byte_range().unwrap_or(0..0);
        let start = range.start.min(self.text.len());
        Span { source: self.source, start, end: range.end.clamp(start, self.text.len()) }
    }
}

fn key_of(node: Node, entries: &[Entry], messages: &mut Vec<Message>) -> PendingKey {
    let Kind::Scalar(text) = node.kind else {
        if !matches!(node.kind, Kind::Broken) {
            let found = format!("{} where a key must be", node.kind.describe());
            messages.push(Message::error(Mistake::KeyNotText, node.span, found, "a key is plain text"));
        }
        return PendingKey { text: None, at: node.span };
    };
    if let Some(first) = entries.iter().find(|entry| entry.key == text) {
        let found = format!("the key {} is given twice", quote(&text));
        messages.push(
            Message::error(Mistake::DuplicateKey, node.span, found, "given again")
                .related(first.at, "given here first"),
        );
        return PendingKey { text: None, at: node.span };
    }
    PendingKey { text: Some(text), at: node.span }
}

/// The tab that indents the line of an error, or a line just before it.
fn tab_before(source: usize, text: &str, at: usize) -> Option<Span> {
    let line_start = |at: usize| text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
    let this = line_start(at);
    let previous = line_start(this.saturating_sub(1));
    [this, previous].into_iter().find_map(|start| {
        let line = text.get(start..)?.lines().next()?;
        let indent = &line[..line.len() - line.trim_start_matches([' ', '\t']).len()];
        let tab = start + indent.find('\t')?;
        Some(Span { source, start: tab, end: tab + 1 })
    })
}

/// What most often is behind a syntax error at this place.
fn usual_cause(text: &str, at: usize) -> Option<&'static str> {
    let start = text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
    let line = text.get(start..)?.lines().next()?;
    let open = |line: &str| line.matches(['[', '{']).count() > line.matches([']', '}']).count();
    if line.contains('"') && line.contains('\\') {
        Some("in double quotes a backslash begins an escape; put Windows paths in single quotes")
    } else if line.matches(": ").count() > 1 && !line.contains('{') {
        Some("text with `: ` in it needs quotes")
    } else if text.get(..start)?.lines().rev().find(|line| !line.trim().is_empty()).is_some_and(open) {
        Some("a `[` or `{` on the line before is not closed")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(text: &str) -> Vec<Mistake> {
        let mut messages = Vec::new();
        parse(0, text, &mut messages);
        messages.iter().map(Message::mistake).collect()
    }

    #[test]
    fn text_keeps_its_characters() {
        let mut messages = Vec::new();
        let root = parse(0, "a: 7.10\nb: off\nc: 0x1\n", &mut messages).unwrap();
        let Kind::Map(entries) = root.kind else { panic!("no mapping") };
        let texts: Vec<_> = entries.iter().map(|entry| entry.value.kind.describe()).collect();
        assert_eq!(texts, ["`7.10`", "`off`", "`0x1`"]);
        assert!(messages.is_empty());
    }

    #[test]
    fn nothing_is_what_yaml_takes_for_nothing() {
        let mut messages = Vec::new();
        let root = parse(0, "[~, null, Null, NULL, nULL, 'null', '']", &mut messages).unwrap();
        let Kind::List(items) = root.kind else { panic!("no list") };
        let found: Vec<_> = items.iter().map(|item| item.kind.describe()).collect();
        assert_eq!(found, ["nothing", "nothing", "nothing", "nothing", "`nULL`", "`null`", "``"]);
    }

    #[test]
    fn bombs_end_early() {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
        }
        assert_eq!(outcome(&bomb), [Mistake::TooMuch]);

        let mut chain = String::from("a0: &a0 [x]\n");
        for level in 1..100 {
            chain.push_str(&format!("a{level}: &a{level} [*a{}]\n", level - 1));
        }
        assert_eq!(outcome(&chain), [Mistake::TooDeep]);
    }

    #[test]
    fn a_megabyte_of_nesting_ends_early() {
        for open in ["[", "{a: ", "- ", "? "] {
            let text = open.repeat(1_000_000 / open.len());
            let found = outcome(&text);
            assert_eq!(found.len(), 1, "{open}: {found:?}");
            assert_eq!(found, [Mistake::TooDeep], "{open}");
        }
        let indented: String = (0..900).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
        assert_eq!(outcome(&indented), [Mistake::TooDeep]);
    }

    #[test]
    fn an_alias_inside_its_own_anchor_is_told() {
        assert_eq!(outcome("a: &x [*x]\n"), [Mistake::UnknownAnchor]);
        assert_eq!(outcome("a: *y\nb: *z\n"), [Mistake::UnknownAnchor, Mistake::UnknownAnchor]);
    }

    #[test]
    fn every_duplicate_is_told() {
        assert_eq!(outcome("a: 1\na: 2\nb: {c: 1, c: 2, c: 3}\n"), [Mistake::DuplicateKey; 3]);
    }
}
