//! The scalars of every file: names, versions, durations, digests, Windows paths.

use coexist_model::{ExitMeaning, Seconds, Sha256};

use crate::element::{Element, Reader};
use crate::message::Mistake;
use crate::node::Node;
use crate::schema::{Definitions, Form, Schema};

/// Declares a scalar: what it is in words, the mistake it leads to, how it looks to an editor, and the rule that reads
/// it.
macro_rules! scalar {
    ($(#[$doc:meta])* $name:ident($inner:ty), $what:literal, $mistake:ident, $form:expr, $rule:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) struct $name(pub(crate) $inner);

        impl Element for $name {
            const WHAT: &'static str = $what;

            fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
                reader.parsed(node, Self::WHAT, Mistake::$mistake, $rule).map(Self)
            }

            fn schema(definitions: &mut Definitions) -> Schema {
                definitions.scalar::<Self>(stringify!($name), $form)
            }
        }
    };
}

/// Declares a number within bounds.
macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty), $what:literal, $least:expr, $most:expr) => {
        scalar! {
            $(#[$doc])*
            $name($inner), $what, BadNumber, Form::number(u64::from(Self::LEAST), u64::from(Self::MOST)), |text| {
                let number = text.parse().ok().filter(|number| (Self::LEAST..=Self::MOST).contains(number));
                number.ok_or_else(String::new)
            }
        }

        impl $name {
            const LEAST: $inner = $least;
            const MOST: $inner = $most;
        }
    };
}

/// Declares the words that a type is written with.
macro_rules! words {
    ($name:ident, $what:literal { $($variant:ident = $word:literal),* $(,)? }) => {
        impl $crate::element::Element for $name {
            const WHAT: &'static str = $what;

            fn read(node: &$crate::node::Node, reader: &mut $crate::element::Reader<'_>) -> Option<Self> {
                reader.word(node, Self::WHAT, &[$(($word, Self::$variant)),*])
            }

            fn schema(definitions: &mut $crate::schema::Definitions) -> $crate::schema::Schema {
                definitions.refer::<Self>(Self::WHAT, |_| $crate::schema::words(Self::WHAT, &[$($word),*]))
            }
        }
    };
}
pub(crate) use words;

/// Declares a choice among words.
macro_rules! choice {
    ($(#[$doc:meta])* $name:ident, $what:literal { $($variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum $name { $($variant),* }

        $crate::scalars::words! { $name, $what { $($variant = $word),* } }
    };
}
pub(crate) use choice;

/// Any text of one or more characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text(pub(crate) String);

impl Element for Text {
    const WHAT: &'static str = "text";

    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        reader.text(node, Self::WHAT).map(|text| Self(text.to_owned()))
    }

    fn schema(definitions: &mut Definitions) -> Schema {
        definitions.scalar::<Self>("Text", Form::line())
    }
}

/// `true` or `false`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct YesNo(pub(crate) bool);

impl Element for YesNo {
    const WHAT: &'static str = "`true` or `false`";

    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        reader.word(node, Self::WHAT, &[("true", true), ("false", false)]).map(Self)
    }

    fn schema(definitions: &mut Definitions) -> Schema {
        definitions.scalar::<Self>("YesNo", Form::yes_no())
    }
}

scalar! {
    /// Name of a matrix, image, agent, setting or value; part of cell ids, so safe as a folder name.
    Name(String), "a name of lower-case letters, digits and single hyphens", BadName, Form::name(), name
}
scalar! {
    /// Version of a product.
    Version(String), "a version of letters, digits and `.`, `-`, `_`, `+`", BadVersion, Form::version(), version
}
scalar! {
    /// An agent, at its current version or at one that is named.
    AgentRef((String, Option<String>)), "an agent such as `acme-endpoint` or `acme-endpoint@4.1`",
    BadName, Form::versioned_name(), |text| {
        match text.split_once('@') {
            None => Ok((name(text)?, None)),
            Some((id, at)) => Ok((name(id)?, Some(version(at)?))),
        }
    }
}
scalar! {
    /// What is said of a cell. Its words are read with the matrix in view.
    Sentence(String), "a sentence such as `if hvci = on then secure-boot = on`", TooMuch,
    Form::short_line(LONGEST_SENTENCE), |text| {
        let short = text.chars().count() <= LONGEST_SENTENCE;
        if short { Ok(text.to_owned()) } else { Err(format!("at most {LONGEST_SENTENCE} characters; say it in several sentences")) }
    }
}
scalar! {
    /// How long something is done.
    Duration(Seconds), "a duration such as `30s`, `2m` or `1h`", BadDuration, Form::seconds(0, LONGEST), duration
}
scalar! {
    /// How long something may take at most.
    Deadline(Seconds), "a deadline such as `30s`, `2m` or `1h`", BadDuration, Form::seconds(1, LONGEST), |text| {
        let deadline = duration(text)?;
        if deadline == Seconds::default() { Err("a deadline of zero ends everything before it begins".into()) } else { Ok(deadline) }
    }
}
scalar! {
    /// Memory, in MiB.
    Size(u32), "a size such as `256 MiB` or `4 GiB`", BadSize, Form::mebibytes(1, LARGEST.into()), size
}
scalar! {
    /// Digest of a file.
    Digest(Sha256), "a SHA-256 digest of 64 hexadecimal digits", BadDigest, Form::digest(), digest
}
number! {
    /// A number of things, at least one.
    Count(u32), "a number from 1 to 1000000", 1, 1_000_000
}
number! {
    /// How much something is liked.
    Weight(u32), "a weight from 1 to 1000", 1, 1000
}
number! {
    /// How large a combination is.
    Strength(u32), "a strength from 1 to 6", 1, 6
}
number! {
    /// How many agents a cell has, at least.
    AtLeast(u32), "a number from 0 to 1000", 0, 1000
}
number! {
    /// How many agents a cell has, at most.
    AtMost(u32), "a number from 1 to 1000", 1, 1000
}
number! {
    /// How many restarts.
    Reboots(u32), "a number from 1 to 50", 1, 50
}
number! {
    /// How often something is tried again.
    Retries(u32), "a number from 0 to 10", 0, 10
}
number! {
    /// Processors of a machine.
    Processors(u32), "a number from 1 to 64", 1, 64
}
number! {
    /// A Windows build number.
    Build(u32), "a Windows build number such as 26100", 7600, 99_999
}
scalar! {
    /// A day.
    Day(jiff::civil::Date), "a day such as 2027-01-31", BadDay, Form::day(), |text| {
        let written = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        if written { text.parse().map_err(|_| "there is no such day".to_owned()) } else { Err(String::new()) }
    }
}
number! {
    /// An installer's exit code.
    ExitCode(u32), "an exit code from 0 to 4294967295", 0, u32::MAX
}
number! {
    /// Data of a `REG_DWORD`.
    Dword(u32), "a number from 0 to 4294967295", 0, u32::MAX
}
number! {
    /// Data of a `REG_QWORD`.
    Qword(u64), "a number from 0 to 18446744073709551615", 0, u64::MAX
}
scalar! {
    /// Address of a package.
    Url(String), "an address that begins with `https://` or `http://`", BadUrl, Form::url(), |text| {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or("");
        let fine = !host.is_empty() && text.chars().all(|c| c.is_ascii_graphic());
        if fine { Ok(text.to_owned()) } else { Err(String::new()) }
    }
}
scalar! {
    /// A full path in the guest.
    WindowsPath(String), r"a full Windows path such as `C:\Folder\file.dat`",
    BadWindowsPath, Form::windows_path(), windows_path
}
scalar! {
    /// A full registry key.
    RegistryKey(String), r"a full registry key such as `HKLM\SOFTWARE\Acme`",
    BadRegistryKey, Form::registry_key(), registry_key
}
scalar! {
    /// Altitude of a file-system minifilter: [R] a decimal string, compared as text by `fltmc`.
    Altitude(String), "a filter altitude such as `328110` or `321310.5`", BadAltitude, Form::altitude(), |text| {
        let fine = text.split('.').count() <= 2
            && text.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
        if fine { Ok(text.to_owned()) } else { Err(String::new()) }
    }
}
scalar! {
    /// Short name of a service or driver.
    ServiceName(String), "a service name without spaces or slashes", BadName, Form::service_name(), |text| {
        let fine = text.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '/' | '\\' | '"' | '\'' | '<' | '>' | '|'));
        if fine && text.len() <= 256 { Ok(text.to_owned()) } else { Err(String::new()) }
    }
}
scalar! {
    /// File of a driver.
    DriverFile(String), "a driver's file name such as `acmeflt.sys`", BadFileName, Form::driver_file(), |text| {
        let fine = text.to_lowercase().ends_with(".sys") && text.len() > 4 && file_name(text);
        if fine { Ok(text.to_owned()) } else { Err(String::new()) }
    }
}
scalar! {
    /// Windows Installer product code.
    ProductCode(String), "a product code such as `{01234567-89AB-CDEF-0123-456789ABCDEF}`",
    BadProductCode, Form::product_code(), |text| {
        let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or("");
        let lengths: Vec<usize> = inner.split('-').map(str::len).collect();
        let fine = lengths == [8, 4, 4, 4, 12] && inner.chars().all(|c| c == '-' || c.is_ascii_hexdigit());
        if fine { Ok(text.to_uppercase()) } else { Err(String::new()) }
    }
}
scalar! {
    /// The host key of an image, type and key without the comment.
    HostKey(String), "an SSH host key such as `ssh-ed25519 AAAA…`",
    BadHostKey, Form::host_key(&HOST_KEY_TYPES), host_key
}

choice! {
    /// What an exit code means.
    Meaning, "a meaning of an exit code" {
        Success = "success",
        RestartNeeded = "restart-needed",
        RestartBegun = "restart-begun",
        Busy = "busy",
    }
}

impl From<Meaning> for ExitMeaning {
    fn from(meaning: Meaning) -> Self {
        match meaning {
            Meaning::Success => Self::Success,
            Meaning::RestartNeeded => Self::RestartNeeded,
            Meaning::RestartBegun => Self::RestartBegun,
            Meaning::Busy => Self::Busy,
        }
    }
}

/// Longest sentence, in characters.
const LONGEST_SENTENCE: usize = 2000;
/// Longest duration, in seconds.
const LONGEST: u64 = 24 * 3600;
/// Largest size, in MiB.
const LARGEST: u32 = 1024 * 1024;

fn name(text: &str) -> Result<String, String> {
    let part = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if text.len() > 64 {
        return Err("at most 64 characters".into());
    }
    if text.split('-').all(part) {
        return Ok(text.to_owned());
    }
    let mended: String = text.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let mended = mended.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
    Err(if mended.is_empty() { String::new() } else { format!("for example `{mended}`") })
}

fn version(text: &str) -> Result<String, String> {
    let fine = text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+'));
    if fine { Ok(text.to_owned()) } else { Err(String::new()) }
}

fn duration(text: &str) -> Result<Seconds, String> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim() {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "" if digits > 0 => return Err(format!("give it a unit: `{number}s`")),
        _ => return Err(String::new()),
    };
    let seconds = number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
    match seconds {
        Some(seconds) if seconds <= LONGEST => Ok(Seconds::from_secs(seconds)),
        _ if digits == 0 => Err(String::new()),
        _ => Err("at most `24h`".into()),
    }
}

fn size(text: &str) -> Result<u32, String> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim() {
        "MiB" => 1,
        "GiB" => 1024,
        "" if digits > 0 => return Err(format!("give it a unit: `{number} MiB`")),
        "MB" | "GB" | "M" | "G" | "mib" | "gib" => return Err("the units are `MiB` and `GiB`".into()),
        _ => return Err(String::new()),
    };
    let size = number.parse::<u32>().ok().and_then(|number| number.checked_mul(factor));
    size.filter(|mib| (1..=LARGEST).contains(mib)).ok_or_else(|| "from `1 MiB` to `1024 GiB`".into())
}

/// 64 hexadecimal digits, in any case.
pub(crate) fn digest(text: &str) -> Result<Sha256, String> {
    match text.len() {
        64 if text.bytes().all(|b| b.is_ascii_hexdigit()) => Ok(Sha256::from(text.to_ascii_lowercase())),
        64 => Err(String::new()),
        length => Err(format!("it has {length} characters; `sha256sum FILE` prints the digest")),
    }
}

/// Whether Windows takes it as the name of a file.
pub(crate) fn file_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 255
        && !text.ends_with(['.', ' '])
        && text.chars().all(|c| !c.is_control() && !matches!(c, '<' | '>' | ':' | '"' | '/' | '\\' | '|' | '?' | '*'))
}

fn windows_path(text: &str) -> Result<String, String> {
    let (drive, rest) = text.split_at_checked(3).unwrap_or((text, ""));
    let mut drive = drive.chars();
    let rooted = drive.next().is_some_and(|c| c.is_ascii_alphabetic()) && drive.as_str() == ":\\";
    if rooted && rest.split('\\').all(file_name) {
        return Ok(text.to_owned());
    }
    Err(if text.contains('/') { "with backslashes".into() } else { String::new() })
}

fn registry_key(text: &str) -> Result<String, String> {
    const HIVES: [(&str, &str); 5] = [
        ("HKLM", "HKEY_LOCAL_MACHINE"),
        ("HKCU", "HKEY_CURRENT_USER"),
        ("HKU", "HKEY_USERS"),
        ("HKCR", "HKEY_CLASSES_ROOT"),
        ("HKCC", "HKEY_CURRENT_CONFIG"),
    ];
    let (hive, rest) = text.split_once('\\').unwrap_or((text, ""));
    if text.contains('/') {
        return Err("with backslashes".into());
    }
    if let Some((short, _)) = HIVES.iter().find(|(_, long)| *long == hive) {
        return Err(format!("write `{short}` for `{hive}`"));
    }
    if !HIVES.iter().any(|(short, _)| *short == hive) {
        return Err("it begins with `HKLM`, `HKCU`, `HKU`, `HKCR` or `HKCC`".into());
    }
    if rest.is_empty() || rest.split('\\').any(str::is_empty) {
        return Err(r"no part of it may be empty".into());
    }
    Ok(text.to_owned())
}

const HOST_KEY_TYPES: [&str; 6] =
    ["ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "rsa-sha2-512", "ssh-rsa"];

/// Type and key of an OpenSSH public key line, its comment dropped.
pub(crate) fn host_key(text: &str) -> Result<String, String> {
    let mut parts = text.split_whitespace();
    match (parts.next(), parts.next()) {
        (Some(kind), Some(key))
            if HOST_KEY_TYPES.contains(&kind)
                && key.len() >= 40
                && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=')) =>
        {
            Ok(format!("{kind} {key}"))
        }
        _ => Err("the first two words of the `.pub` file".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, seconds) in
            [("0s", Some(0)), ("30s", Some(30)), ("2m", Some(120)), ("24h", Some(86400)), ("2 m", Some(120))]
        {
            assert_eq!(duration(text).ok(), seconds.map(Seconds::from_secs), "{text}");
        }
        for text in ["", "s", "30", "30x", "-3s", "25h", "99999999999999999999h", "1m30s", "1.5h"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes() {
        assert_eq!(size("256 MiB"), Ok(256));
        assert_eq!(size("4GiB"), Ok(4096));
        for text in ["", "MiB", "256", "256 MB", "0 MiB", "99999999 GiB", "1.5 GiB"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn names() {
        assert_eq!(name("acme-endpoint"), Ok("acme-endpoint".into()));
        for (text, help) in [("Acme_EP", "for example `acme-ep`"), ("-a", "for example `a`"), ("ä", "")] {
            assert_eq!(name(text), Err(help.to_owned()), "{text}");
        }
    }

    #[test]
    fn windows_paths_and_keys() {
        assert!(windows_path(r"C:\Program Files\A\b.txt").is_ok());
        for text in ["", "C:", r"C:\", r"C:\a\\b", r"\\server\share\x", "C:/a", r"ä:\x", r"C:\a|b", "C:\\a\tb"] {
            assert!(windows_path(text).is_err(), "{text}");
        }
        assert!(registry_key(r"HKLM\SOFTWARE\A").is_ok());
        for text in ["", "HKLM", r"HKLM\", r"HKEY_LOCAL_MACHINE\A", r"SOFTWARE\A", "HKLM/A"] {
            assert!(registry_key(text).is_err(), "{text}");
        }
    }
}
