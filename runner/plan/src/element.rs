//! How values are read out of the tree: every mistake becomes a message, and what can be read is read all the same.

use serde_json::json;

use crate::message::{Message, Mistake};
use crate::node::{Entry, Kind, Node};
use crate::schema::{Definitions, Schema, Variant};
use crate::source::Span;
use crate::words::{alternatives, nearest, quote};

/// Something a file can hold.
pub(crate) trait Element: Sized {
    /// What is expected, for messages: "a duration such as `30s`".
    const WHAT: &'static str;

    /// Reads it; `None` after a message.
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self>;

    /// The same for editors: it refuses nothing that [`Self::read`] takes.
    fn schema(definitions: &mut Definitions) -> Schema;
}

/// A value with its place.
#[derive(Debug, Clone)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

/// A list, and whether all of its items could be read: nothing may be concluded from what a damaged list lacks.
#[derive(Debug, Clone)]
pub(crate) struct List<T> {
    pub(crate) items: Vec<At<T>>,
    pub(crate) whole: bool,
}

/// A mapping whose keys are the author's own names.
#[derive(Debug, Clone)]
pub(crate) struct Named<K, V> {
    pub(crate) entries: Vec<(At<K>, At<V>)>,
    pub(crate) whole: bool,
}

/// A mapping with fixed keys, described for messages, documentation and editors.
#[derive(Debug)]
pub struct Record {
    /// With its article: `a matrix`.
    pub what: &'static str,
    /// A sentence about it, for editors.
    pub help: &'static str,
    /// Page and anchor under `docs/`.
    pub page: &'static str,
    /// Its keys in the order of the documentation.
    pub keys: &'static [Key],
}

/// One key of a [`Record`].
#[derive(Debug)]
pub struct Key {
    /// The key.
    pub name: &'static str,
    /// A sentence about it, for editors.
    pub help: &'static str,
    /// Whether it must be there.
    pub need: Need,
}

/// Whether a key must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Always.
    Required,
    /// It has a default, or may be left out.
    Optional,
}

/// Takes messages while a tree is read.
pub(crate) struct Reader<'a> {
    pub(crate) messages: &'a mut Vec<Message>,
    /// Page that explains what is being read.
    page: Option<String>,
}

impl Record {
    /// Page and anchor under `docs/` that explain a key: the keys of a file have a section each.
    #[must_use]
    pub fn page_of(&self, key: &str) -> String {
        match self.page.strip_suffix("#the-file") {
            Some(file) => format!("{file}#{key}"),
            None => self.page.to_owned(),
        }
    }
}

impl<'a> Reader<'a> {
    pub(crate) fn new(messages: &'a mut Vec<Message>) -> Self {
        Self { messages, page: None }
    }

    pub(crate) fn tell(&mut self, message: Message) {
        let message = match &self.page {
            Some(page) if message.page.is_none() => message.page(page),
            _ => message,
        };
        self.messages.push(message);
    }

    /// "a list where a duration is wanted".
    pub(crate) fn wrong_type(&mut self, node: &Node, what: &str) {
        let (mistake, found) = match &node.kind {
            Kind::Broken => return,
            Kind::Nothing => (Mistake::Empty, "there is nothing here".to_owned()),
            Kind::Scalar(_) | Kind::List(_) | Kind::Map(_) => {
                (Mistake::WrongType, format!("{} where {what} is wanted", node.kind.describe()))
            }
        };
        self.tell(Message::error(mistake, node.span, found, format!("expected {what}")));
    }

    /// The text of a scalar: one line, without the line break that ends a block.
    pub(crate) fn text<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n str> {
        let expected = format!("expected {what}");
        let message = match &node.kind {
            Kind::Scalar(text) if text.trim().is_empty() => {
                Message::error(Mistake::Empty, node.span, "there is only empty text here", expected)
            }
            // U+2028 and U+2029 are what `"\L"` and `"\P"` stand for in double quotes.
            Kind::Scalar(text) if text.trim_end_matches('\n').contains(is_control) => {
                Message::error(Mistake::ControlCharacter, node.span, "this text has a control character in it", expected)
                    .help("text is one line; in double quotes a backslash begins an escape, so put Windows paths in single quotes")
            }
            Kind::Scalar(text) => return Some(text.trim_end_matches('\n')),
            Kind::List(_) | Kind::Map(_) => {
                let found = format!("{} where one value is wanted", node.kind.describe());
                Message::error(Mistake::WrongType, node.span, found, expected)
            }
            Kind::Nothing | Kind::Broken => {
                self.wrong_type(node, what);
                return None;
            }
        };
        self.tell(message);
        None
    }

    /// A scalar that a rule understands.
    pub(crate) fn parsed<T>(
        &mut self,
        node: &Node,
        what: &str,
        mistake: Mistake,
        rule: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.text(node, what)?;
        match rule(text) {
            Ok(value) => Some(value),
            Err(why) => {
                let found = format!("{} is not {what}", quote(text));
                let mut message = Message::error(mistake, node.span, found, format!("expected {what}"));
                if !why.is_empty() {
                    message = message.help(why);
                }
                self.tell(message);
                None
            }
        }
    }

    /// One of a few words.
    pub(crate) fn word<T: Copy>(&mut self, node: &Node, what: &str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(node, what)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let known = || words.iter().map(|(word, _)| *word);
        let message = Message::error(
            Mistake::UnknownWord,
            node.span,
            format!("{} is not {what}", quote(text)),
            format!("expected {}", alternatives(known())),
        );
        self.tell(message.nearest(text, known()));
        None
    }

    /// A mapping with exactly one key out of a few: `registry: …` or `file: …`.
    pub(crate) fn single<'n>(
        &mut self,
        node: &'n Node,
        what: &str,
        variants: &[Variant],
    ) -> Option<(&'static str, &'n Entry)> {
        let known = || variants.iter().map(|variant| variant.key);
        let Kind::Map(entries) = &node.kind else {
            self.wrong_type(node, &format!("{what} ({})", alternatives(known())));
            return None;
        };
        match entries.as_slice() {
            [entry] => match known().find(|key| *key == entry.key) {
                Some(key) => Some((key, entry)),
                None => {
                    let message = Message::error(
                        Mistake::UnknownKey,
                        entry.at,
                        format!(
                            "{} is no kind of {}",
                            quote(&entry.key),
                            what.trim_start_matches("a ").trim_start_matches("an ")
                        ),
                        format!("expected {}", alternatives(known())),
                    );
                    self.tell(message.nearest(&entry.key, known()));
                    None
                }
            },
            entries => {
                let found = format!("{} keys where {what} has one", entries.len());
                let expected = format!("expected one of {}", alternatives(known()));
                let mut message = Message::error(Mistake::ExactlyOne, node.span, found, expected);
                if entries.len() > 1 {
                    message = message.help("give each its own list item, with its own `- `");
                }
                self.tell(message);
                None
            }
        }
    }

    /// Reads something that another page explains.
    pub(crate) fn on_page<T>(&mut self, page: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.page.replace(page.to_owned());
        let value = read(self);
        self.page = before;
        value
    }
}

fn is_control(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}')
}

/// The keys of one mapping, checked against its record.
pub(crate) struct Fields<'n> {
    entries: &'n [Entry],
    record: &'static Record,
}

impl<'n> Fields<'n> {
    /// Tells unknown and missing keys; `None` only when there is no mapping at all.
    pub(crate) fn open(node: &'n Node, record: &'static Record, reader: &mut Reader<'_>) -> Option<Self> {
        let Kind::Map(entries) = &node.kind else {
            reader.wrong_type(node, record.what);
            return None;
        };
        let known = || record.keys.iter().map(|key| key.name);
        for entry in entries {
            if !known().any(|name| name == entry.key) {
                let mut message = Message::error(
                    Mistake::UnknownKey,
                    entry.at,
                    format!("{} has no key {}", record.what, quote(&entry.key)),
                    "unknown key",
                )
                .nearest(&entry.key, known());
                if entry.key == "<<" {
                    message = message.help("merge keys are not read; repeat the lines, or alias a whole value");
                } else {
                    if message.helps.is_empty() {
                        message.helps.extend(crate::written::place_of(&entry.key, record));
                    }
                    message = message.help(format!("known keys: {}", known().collect::<Vec<_>>().join(", ")));
                }
                reader.tell(message);
            }
        }
        // A key with a letter too many is not missing as well.
        let mistyped = |key: &str| {
            let unknown = entries.iter().filter(|entry| !known().any(|name| name == entry.key));
            unknown.into_iter().any(|entry| nearest(&entry.key, known()) == Some(key))
        };
        for key in record.keys.iter().filter(|key| key.need == Need::Required) {
            if !entries.iter().any(|entry| entry.key == key.name) && !mistyped(key.name) {
                let message = Message::error(
                    Mistake::MissingKey,
                    node.span,
                    format!("{} needs the key `{}`", record.what, key.name),
                    format!("`{}` is missing here", key.name),
                );
                reader.tell(message.page(&record.page_of(key.name)));
            }
        }
        Some(Self { entries, record })
    }

    /// The value of a key, where it is there and can be read.
    pub(crate) fn take<T: Element>(&self, key: &str, reader: &mut Reader<'_>) -> Option<At<T>> {
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        // An empty value has no place of its own; its key has.
        let mut node = &entry.value;
        let placed;
        if matches!(node.kind, Kind::Nothing) {
            placed = Node { span: entry.at, kind: Kind::Nothing };
            node = &placed;
        }
        let page = self.record.page_of(key);
        reader.on_page(&page, |reader| T::read(node, reader)).map(|value| At { value, span: node.span })
    }
}

/// Declares a mapping with fixed keys: the type as written, its [`Record`], how it is read, and its schema. The doc
/// comments are what editors show. Every field is optional in the type, because a file with mistakes is read to its end.
macro_rules! record {
    (
        $(#[doc = $help:literal])*
        $name:ident, $what:literal, $page:literal {
            $( $(#[doc = $key_help:literal])* $field:ident: $need:ident $key:literal $type:ty ),* $(,)?
        }
    ) => {
        $(#[doc = $help])*
        #[derive(Debug, Clone)]
        #[allow(dead_code, reason = "some keys are there for readers of the file only, and few ask whether all is whole")]
        pub(crate) struct $name {
            /// Whether everything in it could be read: nothing may be concluded from what a damaged one lacks.
            pub(crate) whole: bool,
            $( $(#[doc = $key_help])* pub(crate) $field: Option<$crate::element::At<$type>>, )*
        }

        impl $name {
            pub(crate) const RECORD: &'static $crate::element::Record = &$crate::element::Record {
                what: $what,
                help: concat!($($help),*).trim_ascii(),
                page: $page,
                keys: &[$( $crate::element::Key {
                    name: $key,
                    help: concat!($($key_help),*).trim_ascii(),
                    need: $crate::element::Need::$need,
                } ),*],
            };

            /// Its schema, not merely a reference to it.
            pub(crate) fn object(definitions: &mut $crate::schema::Definitions) -> $crate::schema::Schema {
                let values = vec![$( <$type as $crate::element::Element>::schema(definitions) ),*];
                $crate::schema::object(Self::RECORD, values)
            }
        }

        impl $crate::element::Element for $name {
            const WHAT: &'static str = $what;

            fn read(node: &$crate::node::Node, reader: &mut $crate::element::Reader<'_>) -> Option<Self> {
                reader.on_page($page, |reader| {
                    let before = reader.messages.len();
                    let fields = $crate::element::Fields::open(node, Self::RECORD, reader)?;
                    $( let $field = fields.take($key, reader); )*
                    Some(Self { whole: reader.messages.len() == before, $( $field, )* })
                })
            }

            fn schema(definitions: &mut $crate::schema::Definitions) -> $crate::schema::Schema {
                definitions.refer::<Self>($what, Self::object)
            }
        }
    };
}
pub(crate) use record;

impl<T: Element> Element for List<T> {
    const WHAT: &'static str = "a list";

    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let Kind::List(nodes) = &node.kind else {
            let before = reader.messages.len();
            reader.wrong_type(node, Self::WHAT);
            if let (Kind::Scalar(text), Some(message)) = (&node.kind, reader.messages.get_mut(before)) {
                message.helps.push(format!("a list of one is written {}", quote(&format!("[{text}]"))));
            }
            return Some(Self { items: Vec::new(), whole: false });
        };
        let items: Vec<_> =
            nodes.iter().filter_map(|node| T::read(node, reader).map(|value| At { value, span: node.span })).collect();
        let whole = items.len() == nodes.len();
        Some(Self { items, whole })
    }

    fn schema(definitions: &mut Definitions) -> Schema {
        json!({ "type": "array", "items": T::schema(definitions) })
    }
}

impl<K: Element, V: Element> Element for Named<K, V> {
    const WHAT: &'static str = "a mapping";

    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let Kind::Map(all) = &node.kind else {
            reader.wrong_type(node, Self::WHAT);
            return Some(Self { entries: Vec::new(), whole: false });
        };
        let mut entries = Vec::new();
        for Entry { key, at, value } in all {
            let name = Node { span: *at, kind: Kind::Scalar(key.clone()) };
            let name = K::read(&name, reader).map(|value| At { value, span: *at });
            let placed = matches!(value.kind, Kind::Nothing).then(|| Node { span: *at, kind: Kind::Nothing });
            let value = placed.as_ref().unwrap_or(value);
            let value = V::read(value, reader).map(|it| At { value: it, span: value.span });
            entries.extend(name.zip(value));
        }
        let whole = entries.len() == all.len();
        Some(Self { entries, whole })
    }

    fn schema(definitions: &mut Definitions) -> Schema {
        json!({
            "type": "object",
            "propertyNames": K::schema(definitions),
            "additionalProperties": V::schema(definitions),
        })
    }
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self { items: Vec::new(), whole: true }
    }
}

impl<K, V> Default for Named<K, V> {
    fn default() -> Self {
        Self { entries: Vec::new(), whole: true }
    }
}

/// The items of a list that may have been left out.
pub(crate) fn items<T>(list: Option<&At<List<T>>>) -> &[At<T>] {
    list.map_or(&[], |list| list.value.items.as_slice())
}

/// Whether nothing of a list was lost; a list that was left out is whole.
pub(crate) fn whole<T>(list: Option<&At<List<T>>>) -> bool {
    list.is_none_or(|list| list.value.whole)
}
