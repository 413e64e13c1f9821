//! What a line says, parsed.

/// A command and how it joins others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    /// A command with its arguments as text: carets and redirections are gone, quotes are not.
    Command { text: String, redirections: Vec<Redirection> },
    /// `( … )`.
    Group { body: Box<Node>, redirections: Vec<Redirection> },
    /// `a & b & c`
    Sequence(Vec<Node>),
    /// Two commands, the second of which may run.
    Pair { left: Box<Node>, join: Join, right: Box<Node> },
    /// `left | right`.
    Pipe { left: Box<Node>, right: Box<Node> },
    /// `if`.
    If { condition: Condition, then: Box<Node>, otherwise: Option<Box<Node>> },
    /// `for`.
    For { kind: ForKind, variable: char, set: String, body: Box<Node> },
}

/// When the right command runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Join {
    /// `&&`
    IfDone,
    /// `||`
    IfFailed,
}

/// One redirection of a handle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Redirection {
    pub(crate) handle: u8,
    pub(crate) target: Target,
}

/// Where a redirection leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// `< name`
    From(String),
    /// `> name`
    To(String),
    /// `>> name`
    Append(String),
    /// `>&n`
    Handle(u8),
}

/// What `if` asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Condition {
    pub(crate) not: bool,
    pub(crate) any_case: bool,
    pub(crate) test: Test,
}

/// The question itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Test {
    ErrorLevel(String),
    Exist(String),
    Defined(String),
    /// `a==b`, or `a OP b` with an operator such as `GEQ`.
    Compare {
        left: String,
        operator: String,
        right: String,
    },
}

/// Which `for`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ForKind {
    /// Words and file patterns.
    Plain,
    /// `/L`
    Counter,
    /// `/D`
    Directories,
    /// `/R` with its root.
    Recursive(String),
    /// `/F` with its options.
    Lines(String),
}
