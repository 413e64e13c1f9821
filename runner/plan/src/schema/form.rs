//! Scalars as an editor sees them.

use serde_json::json;

use super::{Schema, digits};

/// How the text of a scalar looks, and what YAML may take such text for when it is written without quotes.
pub(crate) struct Form {
    types: Vec<&'static str>,
    pattern: String,
    least: Option<u64>,
    most: Option<u64>,
}

/// Control characters, which the reader takes nowhere: inside brackets.
const CONTROL: &str = r"\u0000-\u001F\u007F-\u009F\u2028\u2029";
/// White space that is no control character: inside brackets.
const SPACE: &str = r" \u00A0\u1680\u2000-\u200A\u202F\u205F\u3000";
/// What Windows takes in no name of a file: inside brackets.
const NOT_IN_FILE_NAMES: &str = r#"<>:"/\\|?*"#;

const NAME: &str = "[a-z0-9]+(?:-[a-z0-9]+)*";
const VERSION: &str = "[A-Za-z0-9][A-Za-z0-9._+-]{0,63}";

impl Form {
    /// Text that never looks like anything else.
    fn text(pattern: impl Into<String>) -> Self {
        Self { types: vec!["string"], pattern: pattern.into(), least: None, most: None }
    }

    /// Text that may look like a number, of either sign.
    fn or_number(mut self) -> Self {
        self.types.push("number");
        self
    }

    /// Text that may look like a number, never a negative one.
    fn or_positive(mut self) -> Self {
        self.least = Some(0);
        self.or_number()
    }

    /// Text that may look like `true`, or in older YAML like `on`.
    fn or_boolean(mut self) -> Self {
        self.types.push("boolean");
        self
    }

    /// A line that is more than spaces.
    pub(crate) fn line() -> Self {
        Self::text(format!("[{SPACE}]*[^{CONTROL}{SPACE}][^{CONTROL}]*")).or_number().or_boolean()
    }

    /// The same, of no more than so many characters.
    pub(crate) fn short_line(most: usize) -> Self {
        let line = Self::line();
        Self { pattern: format!("(?!.{{{}}}){}", most + 1, line.pattern), ..line }
    }

    pub(crate) fn yes_no() -> Self {
        Self::text("(?:true|false)").or_boolean()
    }

    pub(crate) fn name() -> Self {
        Self::text(format!("(?!.{{65}}){NAME}")).or_positive().or_boolean()
    }

    pub(crate) fn version() -> Self {
        Self::text(VERSION).or_positive().or_boolean()
    }

    /// A name, or one with a version: `name@version`.
    pub(crate) fn versioned_name() -> Self {
        Self::text(format!("(?![^@]{{65}}){NAME}(?:@{VERSION})?")).or_positive().or_boolean()
    }

    /// A number within bounds.
    pub(crate) fn number(least: u64, most: u64) -> Self {
        let pattern = format!(r"\+?{}", digits::between(least, most));
        Self { types: vec!["integer", "string"], pattern, least: Some(least), most: Some(most) }
    }

    /// A number of seconds within bounds, in any of the units.
    pub(crate) fn seconds(least: u64, most: u64) -> Self {
        Self::in_units(&[("s", 1), ("m", 60), ("h", 3600)], least, most)
    }

    /// A number of MiB within bounds, in any of the units.
    pub(crate) fn mebibytes(least: u64, most: u64) -> Self {
        Self::in_units(&[("MiB", 1), ("GiB", 1024)], least, most)
    }

    fn in_units(units: &[(&str, u64)], least: u64, most: u64) -> Self {
        let ways = units.iter().map(|(unit, factor)| {
            let number = digits::between(least.div_ceil(*factor), most / factor);
            format!("{number}[{SPACE}]*{unit}")
        });
        Self::text(format!("(?:{})[{SPACE}]*", ways.collect::<Vec<_>>().join("|")))
    }

    /// A digest may be all digits, with an `e` among them that looks like an exponent.
    pub(crate) fn digest() -> Self {
        Self::text("[0-9A-Fa-f]{64}").or_positive()
    }

    pub(crate) fn url() -> Self {
        Self::text(r"https?://(?![/?#])[!-~]+")
    }

    pub(crate) fn day() -> Self {
        Self::text("[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])")
    }

    pub(crate) fn windows_path() -> Self {
        let any = format!("[^{CONTROL}{NOT_IN_FILE_NAMES}]");
        let last = format!("[^{CONTROL}{NOT_IN_FILE_NAMES}. ]");
        Self::text(format!(r"[A-Za-z]:(?:\\{any}{{0,254}}{last})+"))
    }

    /// A path in which `{version}` stands for something shorter or longer: no part of it has a longest length.
    pub(crate) fn windows_path_with_placeholder() -> Self {
        let any = format!("[^{CONTROL}{NOT_IN_FILE_NAMES}]");
        let last = format!("[^{CONTROL}{NOT_IN_FILE_NAMES}. ]");
        Self::text(format!(r"[A-Za-z]:(?:\\{any}*{last})+"))
    }

    pub(crate) fn registry_key() -> Self {
        Self::text(format!(r"(?:HKLM|HKCU|HKU|HKCR|HKCC)(?:\\[^{CONTROL}\\/]+)+"))
    }

    pub(crate) fn altitude() -> Self {
        Self::text(r"[0-9]+(?:\.[0-9]+)?").or_positive()
    }

    pub(crate) fn service_name() -> Self {
        Self::text(r#"(?:(?![/\\"'<>|])[!-~]){1,256}"#).or_number().or_boolean()
    }

    pub(crate) fn driver_file() -> Self {
        Self::text(format!(r"[^{CONTROL}{NOT_IN_FILE_NAMES}]{{1,251}}\.[Ss][Yy][Ss]"))
    }

    pub(crate) fn product_code() -> Self {
        Self::text(r"\{[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}")
    }

    /// The first two words of a `.pub` file, and whatever follows them.
    pub(crate) fn host_key(kinds: &[&str]) -> Self {
        let kinds = kinds.join("|");
        Self::text(format!("[{SPACE}]*(?:{kinds})[{SPACE}]+[A-Za-z0-9+/=]{{40,}}(?:[{SPACE}][^{CONTROL}]*)?"))
    }

    /// The reader drops the line breaks that end a block of text. `errorMessage` is no word of JSON Schema, but of the
    /// language servers that editors ask; others pass over it.
    pub(crate) fn schema(self, what: &str) -> Schema {
        let types = match self.types.as_slice() {
            [only] => json!(only),
            several => json!(several),
        };
        let mut schema = json!({ "description": what, "type": types });
        for (bound, value) in [("minimum", self.least), ("maximum", self.most)] {
            if let Some(value) = value {
                schema[bound] = json!(value);
            }
        }
        schema["pattern"] = json!(format!(r"^{}\n*$", self.pattern));
        schema["errorMessage"] = json!(format!("expected {what}"));
        schema
    }
}

/// One of a few words; the second way is a word in a block of text, of which the reader drops the line breaks at the end.
pub(crate) fn words(what: &str, words: &[&str]) -> Schema {
    let in_block = format!(r"^(?:{})\n+$", words.join("|"));
    json!({ "description": what, "anyOf": [{ "enum": words }, { "type": "string", "pattern": in_block }] })
}
