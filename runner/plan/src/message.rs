//! Messages to matrix authors, and the report that holds all of them.

use std::sync::Arc;

use crate::source::{Sources, Span};

/// How much a message weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing can be planned.
    Error,
    /// It can be planned; have a look all the same.
    Warning,
}

macro_rules! mistakes {
    ($($(#[$doc:meta])* $name:ident = $slug:literal),* $(,)?) => {
        /// Every kind of mistake that authors are told about, each pinned by a file in `tests/bad-matrices`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Mistake { $($(#[$doc])* $name),* }

        impl Mistake {
            /// All kinds.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Stable name, shown in brackets after `error`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $slug),* }
            }
        }
    };
}

mistakes! {
    /// A file or folder cannot be read.
    Unreadable = "unreadable",
    /// A file is larger than any matrix needs.
    TooLarge = "too-large",
    /// Bytes that are not UTF-8.
    NotUtf8 = "not-utf8",
    /// A file holds nothing.
    EmptyFile = "empty-file",
    /// A file is neither matrix nor recipe nor image.
    UnknownFile = "unknown-file",
    /// Not YAML.
    Syntax = "syntax",
    /// A tab indents a line.
    Tab = "tab",
    /// Nested deeper than anything here needs.
    TooDeep = "too-deep",
    /// Grows beyond bounds, usually by anchors that repeat anchors.
    TooMuch = "too-much",
    /// An alias without its anchor.
    UnknownAnchor = "unknown-anchor",
    /// A YAML tag.
    Tag = "tag",
    /// A second document in one file.
    SecondDocument = "second-document",
    /// A key given twice.
    DuplicateKey = "duplicate-key",
    /// A key that is not plain text.
    KeyNotText = "key-not-text",
    /// A key that nobody knows.
    UnknownKey = "unknown-key",
    /// A key that must be there.
    MissingKey = "missing-key",
    /// A list where text is wanted, and the like.
    WrongType = "wrong-type",
    /// Nothing where something is wanted.
    Empty = "empty",
    /// Text that is more than a line of text.
    ControlCharacter = "control-character",
    /// None or several of keys of which one must be there.
    ExactlyOne = "exactly-one",
    /// A word that is not among the known ones.
    UnknownWord = "unknown-word",
    /// A sentence that cannot be read.
    BadSentence = "bad-sentence",
    /// A name that may stand for several things.
    Ambiguous = "ambiguous",
    /// No name.
    BadName = "bad-name",
    /// No version.
    BadVersion = "bad-version",
    /// No day, or one that is not in the calendar.
    BadDay = "bad-day",
    /// No duration, or one out of bounds.
    BadDuration = "bad-duration",
    /// No size.
    BadSize = "bad-size",
    /// No number, or one out of bounds.
    BadNumber = "bad-number",
    /// No SHA-256 digest.
    BadDigest = "bad-digest",
    /// No full Windows path.
    BadWindowsPath = "bad-windows-path",
    /// No full registry key.
    BadRegistryKey = "bad-registry-key",
    /// No filter altitude.
    BadAltitude = "bad-altitude",
    /// No `http` or `https` address.
    BadUrl = "bad-url",
    /// No product code.
    BadProductCode = "bad-product-code",
    /// No SSH host key.
    BadHostKey = "bad-host-key",
    /// A placeholder that stands for nothing.
    BadPlaceholder = "bad-placeholder",
    /// A file name that does not fit what is done with the file.
    BadFileName = "bad-file-name",
    /// The id is not the file's name.
    IdMismatch = "id-mismatch",
    /// No such image.
    UnknownImage = "unknown-image",
    /// No such agent.
    UnknownAgent = "unknown-agent",
    /// The recipe has no such version.
    UnknownVersion = "unknown-version",
    /// No such setting.
    UnknownSetting = "unknown-setting",
    /// The setting has no such value.
    UnknownValue = "unknown-value",
    /// A name that is no setting and no agent.
    UnknownName = "unknown-name",
    /// No product of such a vendor.
    UnknownVendor = "unknown-vendor",
    /// The same thing twice.
    Duplicate = "duplicate",
    /// An image that does not take a setting.
    SettingNotAccepted = "setting-not-accepted",
    /// A product that requires itself, or conflicts with itself.
    NamesItself = "names-itself",
    /// Products that require each other in a circle.
    RequirementCycle = "requirement-cycle",
    /// A product that no set can hold.
    ImpossibleProduct = "impossible-product",
    /// A set that holds products that conflict.
    ImpossibleSet = "impossible-set",
    /// A set without what one of its products requires.
    RequirementAbsent = "requirement-absent",
    /// A product that is installed before what it requires.
    RequirementLater = "requirement-later",
    /// A set without the product that the candidate updates.
    CandidateAbsent = "candidate-absent",
    /// Something that this kind of candidate needs.
    CandidateNeeds = "candidate-needs",
    /// Something that this kind of candidate or installation has no use for.
    NotForThisKind = "not-for-this-kind",
    /// The candidate is what the baseline holds anyway.
    CandidateNotNew = "candidate-not-new",
    /// No exit code means that it worked.
    NoSuccess = "no-success",
    /// A driver file that two vendors claim.
    DriverClaimedTwice = "driver-claimed-twice",
    /// Fewer at most than at least, or more than there are.
    BadBounds = "bad-bounds",
    /// A setting of which every value is out of range.
    NoUsualValue = "no-usual-value",
    /// A rule of Windows that speaks of a value that the setting does not have.
    ValueNotNamed = "value-not-named",
    /// A signature that Windows Server is not known to take.
    NotForServer = "not-for-server",
    /// A sentence that no cell can keep.
    NeverTrue = "never-true",
    /// A sentence that every cell keeps anyway.
    SaysNothing = "says-nothing",
    /// A rule that excludes nothing.
    ExcludesNothing = "excludes-nothing",
    /// A row that is included and excluded.
    IncludedAndExcluded = "included-and-excluded",
    /// A row that is included and breaks a rule.
    IncludedAgainstRule = "included-against-rule",
    /// Rules that no cell keeps together.
    Contradiction = "contradiction",
    /// A value that no cell can have.
    ImpossibleValue = "impossible-value",
    /// A wave without a cell.
    EmptyWave = "empty-wave",
    /// A rows file that is not as it was written.
    DamagedRows = "damaged-rows",
    /// Every cell is excluded.
    NoCells = "no-cells",
    /// More cells than a plan may have.
    TooManyCells = "too-many-cells",
    /// A file that was not made or fetched yet.
    MissingFile = "missing-file",
}

/// Explains how files are written, whatever they say.
pub(crate) const WRITING: &str = "matrix.md#how-files-are-written";

/// Where a message belongs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// In a file.
    At(Span),
    /// A path that could not be read.
    Path(String),
}

/// One thing that an author should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub(crate) severity: Severity,
    pub(crate) mistake: Mistake,
    pub(crate) place: Place,
    /// What is there.
    pub(crate) found: String,
    /// What should be there, shown at the caret.
    pub(crate) expected: String,
    /// Other places that matter, and why.
    pub(crate) related: Vec<(Span, String)>,
    /// What to do.
    pub(crate) helps: Vec<String>,
    /// Page and anchor under `docs/` that explains it.
    pub(crate) page: Option<String>,
}

impl Message {
    pub(crate) fn error(mistake: Mistake, span: Span, found: impl Into<String>, expected: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            mistake,
            place: Place::At(span),
            found: found.into(),
            expected: expected.into(),
            related: Vec::new(),
            helps: Vec::new(),
            page: None,
        }
    }

    pub(crate) fn unreadable(mistake: Mistake, path: String, found: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            mistake,
            place: Place::Path(path),
            found: found.into(),
            expected: String::new(),
            related: Vec::new(),
            helps: Vec::new(),
            page: Some(WRITING.to_owned()),
        }
    }

    pub(crate) fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    pub(crate) fn related(mut self, span: Span, why: impl Into<String>) -> Self {
        self.related.push((span, why.into()));
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.helps.push(help.into());
        self
    }

    /// Adds the nearest known word, where one is near.
    pub(crate) fn nearest<'a>(self, found: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        match crate::words::nearest(found, known) {
            Some(word) => self.help(format!("did you mean `{word}`?")),
            None => self,
        }
    }

    pub(crate) fn page(mut self, page: &str) -> Self {
        self.page = Some(page.to_owned());
        self
    }

    /// Its weight.
    #[must_use]
    pub fn weight(&self) -> Severity {
        self.severity
    }

    /// Its kind.
    #[must_use]
    pub fn mistake(&self) -> Mistake {
        self.mistake
    }

    /// What is there, in a line.
    #[must_use]
    pub fn found(&self) -> &str {
        &self.found
    }

    /// What should be there, in a line; may be empty.
    #[must_use]
    pub fn expected(&self) -> &str {
        &self.expected
    }

    /// Page and anchor under `docs/` that explains it.
    #[must_use]
    pub fn page_of_docs(&self) -> Option<&str> {
        self.page.as_deref()
    }

    /// What to do about it.
    pub fn helps(&self) -> impl Iterator<Item = &str> {
        self.helps.iter().map(String::as_str)
    }
}

/// All messages of one check, with the text they are about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    pub(crate) sources: Arc<Sources>,
    pub(crate) messages: Vec<Message>,
}

impl Report {
    /// Messages in the order of files and places, each told once.
    pub(crate) fn new(sources: Arc<Sources>, mut messages: Vec<Message>) -> Self {
        messages.sort_by(|a, b| (&a.place, a.severity, a.mistake).cmp(&(&b.place, b.severity, b.mistake)));
        messages.dedup();
        Self { sources, messages }
    }

    /// All messages.
    #[must_use]
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// How many messages are errors.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.count(Severity::Error)
    }

    /// How many messages are warnings.
    #[must_use]
    pub fn warnings(&self) -> usize {
        self.count(Severity::Warning)
    }

    /// How many files were read.
    #[must_use]
    pub fn files(&self) -> usize {
        self.sources.len()
    }

    /// File, line and column (both 1-based) of a message; line and column are 0 for a file that cannot be read.
    #[must_use]
    pub fn place<'a>(&'a self, message: &'a Message) -> (&'a str, u32, u32) {
        match &message.place {
            Place::At(span) => {
                let position = self.sources.position(*span);
                (self.sources.get(span.source).map_or("", |source| &source.shown), position.line, position.column)
            }
            Place::Path(path) => (path, 0, 0),
        }
    }

    fn count(&self, severity: Severity) -> usize {
        self.messages.iter().filter(|message| message.severity == severity).count()
    }
}
