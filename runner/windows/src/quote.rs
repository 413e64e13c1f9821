//! Text on its way through `cmd.exe` into a program.
//!
//! Two readers stand between us and a program: `cmd.exe`, which gives meaning to `& | < > ( ) ^ %` and toggles on every
//! `"`, and the program's own splitting of its command line (backslashes count before `"` only). [`argument`] passes both
//! for every text without control characters. [`msi_property`] is for the one program that splits in its own way.

/// Where the command text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a command line, after `cmd /c`.
    Line,
    /// In a `.cmd` file, where `%%` stands for `%`.
    File,
}

/// A text that cannot be passed through `cmd.exe`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unquotable {
    /// A line end or another control character.
    #[error("cmd.exe cannot pass on the character {0:?}")]
    Control(char),
    /// More than cmd.exe reads.
    #[error("the command line has {0} characters, cmd.exe reads {LONGEST}")]
    TooLong(usize),
    /// Several lines, of which `cmd /c` would run the first.
    #[error("the command has several lines, cmd.exe would run the first only")]
    SeveralLines,
    /// A batch file is called with text that `call` reads a second time.
    #[error("`{0}` cannot be given to a command file: `call` reads `\"`, `%` and `^` once more")]
    ReadTwice(String),
}

/// \[K\] Longest command line of cmd.exe, in UTF-16 units (MS KB 830473).
pub(crate) const LONGEST: usize = 8191;

fn without_control(text: &str) -> Result<(), Unquotable> {
    match text.chars().find(|c| c.is_control()) {
        Some(c) => Err(Unquotable::Control(c)),
        None => Ok(()),
    }
}

/// Quoted as the Microsoft C runtime and `CommandLineToArgvW` split: backslashes before a quote are doubled.
fn for_program(text: &str) -> String {
    let mut quoted = String::from("\"");
    let mut backslashes = 0;
    for c in text.chars() {
        match c {
            '\\' => backslashes += 1,
            '"' => {
                quoted.extend(std::iter::repeat_n('\\', backslashes * 2 + 1));
                quoted.push('"');
                backslashes = 0;
            }
            _ => {
                quoted.extend(std::iter::repeat_n('\\', backslashes));
                quoted.push(c);
                backslashes = 0;
            }
        }
    }
    quoted.extend(std::iter::repeat_n('\\', backslashes * 2));
    quoted.push('"');
    quoted
}

/// One argument of a program.
///
/// Without `"` (and `%` in a command line) the form is `"text"`. Otherwise every character that means something to
/// cmd.exe gets a `^`, quotes too, so that cmd.exe never believes itself inside quotes. In a command line that also stops
/// `%NAME%` (\[K\]; Wine 8.0 differs): names are looked up before `^` is read, so the name ends with `^`, no variable has
/// such a name, and in a command line an unknown name stays as it is.
pub(crate) fn argument(text: &str, place: Place) -> Result<String, Unquotable> {
    without_control(text)?;
    let quoted = for_program(text);
    let plain = !text.contains('"') && (place == Place::File || !text.contains('%'));
    let mut passed = String::new();
    for c in quoted.chars() {
        match c {
            '%' if place == Place::File => passed.push_str("%%"),
            '"' | '^' | '&' | '|' | '<' | '>' | '(' | ')' | '%' | '!' if !plain => passed.extend(['^', c]),
            _ => passed.push(c),
        }
    }
    Ok(passed)
}

/// Whether a text means the same to everybody without quotes.
fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(|c| {
            c.is_ascii_alphanumeric()
                || matches!(c, '-' | '_' | '.' | '/' | ':' | '\\' | '+' | '@' | '{' | '}' | '#' | '$')
        })
        && !text.ends_with('\\')
}

/// One argument of a setup program in a `.cmd` file, bare where it can be: some read `/quiet` but not `"/quiet"`.
pub(crate) fn setup_argument(text: &str) -> Result<String, Unquotable> {
    match text.split_once('=') {
        _ if is_plain(text) => Ok(text.to_owned()),
        Some((name, value)) if is_plain(name) && is_plain(value) => Ok(text.to_owned()),
        _ => argument(text, Place::File),
    }
}

/// One argument of a command file that is `call`ed from a `.cmd` file.
///
/// `call` reads its line a second time and doubles `^` even inside quotes, so those characters cannot be passed.
pub(crate) fn called_argument(text: &str) -> Result<String, Unquotable> {
    without_control(text)?;
    if text.contains(['"', '%', '^']) {
        return Err(Unquotable::ReadTwice(text.to_owned()));
    }
    // Not for_program: a command file sees its arguments as written and knows no escaped backslash.
    Ok(if is_plain(text) { text.to_owned() } else { format!("\"{text}\"") })
}

/// One argument of `msiexec` in a `.cmd` file: `NAME=a "b"` becomes `NAME="a ""b"""`, options stay bare.
///
/// \[R\] Command-line options of Windows Installer: a value with spaces is quoted, a quotation mark in it is doubled. Inside
/// such a value cmd.exe stays within quotes, as they always come in pairs.
pub(crate) fn msi_property(text: &str) -> Result<String, Unquotable> {
    without_control(text)?;
    match text.split_once('=') {
        Some((name, value)) if is_plain(name) && !name.starts_with('/') => {
            if is_plain(value) {
                return Ok(text.to_owned());
            }
            Ok(format!("{name}=\"{}\"", value.replace('"', "\"\"").replace('%', "%%")))
        }
        _ => setup_argument(text),
    }
}

/// Programs whose names sshd looks for at the beginning of a command, and puts its own paths in their place (\[R\] a
/// prefix test, without regard to what follows).
const REWRITTEN: [&str; 3] = ["scp", "sftp-server", "internal-sftp"];

/// A command line of somebody else's, made fit for `cmd /c`.
pub(crate) fn command_line(text: &str) -> Result<String, Unquotable> {
    let line = text.trim();
    if line.contains(['\n', '\r']) {
        return Err(Unquotable::SeveralLines);
    }
    if let Some(c) = line.chars().find(|c| c.is_control() && *c != '\t') {
        return Err(Unquotable::Control(c));
    }
    let lower = line.to_ascii_lowercase();
    // cmd.exe skips the space; sshd's prefix test does not.
    let guard = if REWRITTEN.iter().any(|name| lower.starts_with(name)) { " " } else { "" };
    let line = format!("{guard}{line}");
    // `"c:\windows\system32\cmd.exe" /c "…"` comes on top.
    match line.encode_utf16().count() + 48 {
        long if long > LONGEST => Err(Unquotable::TooLong(long)),
        _ => Ok(line),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Texts, and what they become in a command line and in a command file.
    pub(crate) const TABLE: [(&str, &str, &str); 16] = [
        ("", r#""""#, r#""""#),
        ("plain", r#""plain""#, r#""plain""#),
        ("two words", r#""two words""#, r#""two words""#),
        (r"C:\Program Files\A\", r#""C:\Program Files\A\\""#, r#""C:\Program Files\A\\""#),
        (r"HKLM\SOFTWARE\A B", r#""HKLM\SOFTWARE\A B""#, r#""HKLM\SOFTWARE\A B""#),
        ("a&b|c", r#""a&b|c""#, r#""a&b|c""#),
        ("<a>(b)", r#""<a>(b)""#, r#""<a>(b)""#),
        ("a^b", r#""a^b""#, r#""a^b""#),
        ("wow!", r#""wow!""#, r#""wow!""#),
        ("100%", r#"^"100^%^""#, r#""100%%""#),
        ("%SystemRoot%", r#"^"^%SystemRoot^%^""#, r#""%%SystemRoot%%""#),
        ("say \"hi\"", r#"^"say \^"hi\^"^""#, r#"^"say \^"hi\^"^""#),
        (r#"a\"b"#, r#"^"a\\\^"b^""#, r#"^"a\\\^"b^""#),
        ("\"&calc&\"", r#"^"\^"^&calc^&\^"^""#, r#"^"\^"^&calc^&\^"^""#),
        ("\"%PATH%\"", r#"^"\^"^%PATH^%\^"^""#, r#"^"\^"%%PATH%%\^"^""#),
        ("^\"(!)", r#"^"^^\^"^(^!^)^""#, r#"^"^^\^"^(^!^)^""#),
    ];

    #[test]
    fn arguments_are_quoted_for_both_readers() {
        for (text, line, file) in TABLE {
            assert_eq!(argument(text, Place::Line).unwrap(), line, "{text}");
            assert_eq!(argument(text, Place::File).unwrap(), file, "{text}");
        }
        assert_eq!(argument("a\nb", Place::Line), Err(Unquotable::Control('\n')));
        assert_eq!(argument("a\0b", Place::File), Err(Unquotable::Control('\0')));
    }

    #[test]
    fn installers_get_what_they_read() {
        let table = [
            ("/quiet", "/quiet", "/quiet"),
            ("CID=ab-1", "CID=ab-1", "CID=ab-1"),
            ("SITE=New York", "SITE=\"New York\"", "\"SITE=New York\""),
            ("A=x \"y\" z", "A=\"x \"\"y\"\" z\"", "^\"A=x \\^\"y\\^\" z^\""),
            ("A=50%", "A=\"50%%\"", "\"A=50%%\""),
            ("A=a&b", "A=\"a&b\"", "\"A=a&b\""),
            ("A=", "A=\"\"", "\"A=\""),
        ];
        for (text, msi, exe) in table {
            assert_eq!(msi_property(text).unwrap(), msi, "{text}");
            assert_eq!(setup_argument(text).unwrap(), exe, "{text}");
        }
        assert_eq!(called_argument("a b").unwrap(), "\"a b\"");
        assert_eq!(called_argument("A=1").unwrap(), "\"A=1\"");
        assert!(called_argument("50%").is_err());
    }

    #[test]
    fn foreign_command_lines() {
        assert_eq!(command_line(" dir \n").unwrap(), "dir");
        assert_eq!(command_line("scp-like.exe").unwrap(), " scp-like.exe");
        assert_eq!(command_line("Internal-SFTP x").unwrap(), " Internal-SFTP x");
        assert_eq!(command_line("a\nb"), Err(Unquotable::SeveralLines));
        assert!(matches!(command_line(&"x".repeat(8191)), Err(Unquotable::TooLong(_))));
    }

    /// What cmd.exe does to a line, as far as `argument` relies on it: an independent model of the two phases.
    fn through_cmd(line: &str, place: Place) -> String {
        let expanded = match place {
            Place::File => line.replace("%%", "%"),
            Place::Line => {
                // The only names that could be looked up: none of them may be one that exists.
                let names: Vec<_> = line.split('%').skip(1).collect();
                for name in names.iter().take(names.len().saturating_sub(1)) {
                    assert!(name.ends_with('^'), "{name} could be a variable");
                }
                line.to_owned()
            }
        };
        let (mut out, mut inside, mut escaped) = (String::new(), false, false);
        for c in expanded.chars() {
            if escaped {
                out.push(c);
                escaped = false;
            } else if c == '"' {
                inside = !inside;
                out.push(c);
            } else if c == '^' && !inside {
                escaped = true;
            } else {
                assert!(inside || !"&|<>()".contains(c), "{c} is live in {line}");
                out.push(c);
            }
        }
        out
    }

    /// The Microsoft C runtime's splitting of one quoted argument.
    fn through_runtime(quoted: &str) -> String {
        let inner: Vec<char> = quoted.strip_prefix('"').unwrap().strip_suffix('"').unwrap().chars().collect();
        let (mut out, mut at) = (String::new(), 0);
        while at < inner.len() {
            let run = inner[at..].iter().take_while(|c| **c == '\\').count();
            let before_quote = inner.get(at + run).is_none_or(|c| *c == '"');
            if run > 0 && before_quote {
                out.extend(std::iter::repeat_n('\\', run / 2));
                at += run;
                if run % 2 == 1 {
                    out.push('"');
                    at += 1;
                }
            } else if run > 0 {
                out.extend(std::iter::repeat_n('\\', run));
                at += run;
            } else {
                assert_ne!(inner[at], '"', "the argument ends early in {quoted}");
                out.push(inner[at]);
                at += 1;
            }
        }
        out
    }

    proptest! {
        #[test]
        fn every_text_arrives(text in "[a-z \\\\\"%^&|<>()!=]{0,20}") {
            for place in [Place::Line, Place::File] {
                let passed = argument(&text, place).unwrap();
                prop_assert_eq!(through_runtime(&through_cmd(&passed, place)), text.clone());
            }
        }

        #[test]
        fn nothing_panics(text in any::<String>()) {
            let _ = (msi_property(&text), setup_argument(&text), called_argument(&text), command_line(&text));
        }
    }
}
