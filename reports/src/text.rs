//! The only sanitiser of foreign text. Whatever a guest, a package or a record says passes through here before it
//! reaches a report or a terminal.
//!
//! What comes out is legal XML 1.0 without escapes of its own: no control characters but line feed and tab, no terminal
//! sequences, no end of a CDATA section, no markers that CI systems act upon.

use std::borrow::Cow;

/// Longest attribute, in characters. Jenkins, GitLab and others show messages on one line.
pub const LINE_LIMIT: usize = 512;
/// Bytes kept of the beginning of a body. libxml2 refuses nodes of 10,000,000 bytes and more; ours stay far below.
pub const BODY_HEAD: usize = 16 * 1024;
/// Bytes kept of the end of a body, where logs have their news.
pub const BODY_TAIL: usize = 48 * 1024;
/// A body this much over its limit is left whole, so that sanitising twice changes nothing.
const BODY_SLACK: usize = 128;

const ZERO_WIDTH_SPACE: char = '\u{200B}';
const REPLACEMENT: char = '\u{FFFD}';

/// Text of any number of lines: a body, a log's end. Head and tail are kept of what is too long.
#[must_use]
pub fn body(foreign: impl AsRef<[u8]>) -> String {
    capped(defuse(&clean(&String::from_utf8_lossy(foreign.as_ref()))))
}

/// One line of at most [`LINE_LIMIT`] characters: an attribute, a table cell.
#[must_use]
pub fn line(foreign: impl AsRef<[u8]>) -> String {
    let cleaned = clean(&String::from_utf8_lossy(foreign.as_ref()));
    let one_line: String = cleaned.trim().chars().map(|c| if is_line_space(c) { ' ' } else { c }).collect();
    let safe = defuse(&one_line);
    match safe.char_indices().nth(LINE_LIMIT) {
        None => safe,
        Some(_) => safe.chars().take(LINE_LIMIT - 1).chain(['…']).collect(),
    }
}

/// One line that is safe to print where a CI system listens: [`line()`] without `##[` and `##vso[`, which runners act on
/// anywhere in a line. Callers put words of their own in front of it, because `::command::` counts at the beginning.
#[must_use]
pub fn terminal(foreign: impl AsRef<[u8]>) -> String {
    line(foreign).replace("##", "#\u{200B}#")
}

fn is_line_space(c: char) -> bool {
    matches!(c, '\n' | '\t' | '\u{2028}' | '\u{2029}')
}

/// Line ends, terminal sequences and characters that XML, terminals or eyes must not get.
fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if let Some(length) = ansi_length(rest) {
            rest = &rest[length..];
            continue;
        }
        let after = &rest[first.len_utf8()..];
        if !(first == '\r' && after.starts_with('\n')) {
            out.push(visible(first));
        }
        rest = after;
    }
    out
}

/// The character, or what stands for it.
fn visible(c: char) -> char {
    match c {
        '\n' | '\t' => c,
        '\0'..='\u{1F}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or(REPLACEMENT),
        '\u{7F}' => '\u{2421}',
        // C1 controls: legal XML, yet some terminals obey them.
        '\u{80}'..='\u{9F}' => REPLACEMENT,
        // Bidirectional embeddings, overrides and isolates: they make text read as what it is not.
        '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => REPLACEMENT,
        '\u{FFFE}' | '\u{FFFF}' => REPLACEMENT,
        _ => c,
    }
}

/// Length of the terminal sequence (ECMA-48) at the beginning, if there is a whole one.
fn ansi_length(text: &str) -> Option<usize> {
    let bytes = text.strip_prefix('\u{1B}')?.as_bytes();
    let after_escape = match *bytes.first()? {
        b'[' => {
            let parameters = bytes[1..].iter().take_while(|byte| (0x20..=0x3F).contains(*byte)).count();
            bytes.get(1 + parameters).filter(|byte| (0x40..=0x7E).contains(*byte))?;
            2 + parameters
        }
        // Strings (OSC, DCS, SOS, PM, APC) end with BEL or ST. One that does not end on its line is no sequence, or it
        // would swallow everything after it.
        b']' | b'P' | b'X' | b'^' | b'_' => {
            let end = bytes.iter().position(|byte| matches!(byte, 0x07 | 0x1B | b'\n'))?;
            match bytes[end] {
                0x07 => end + 1,
                0x1B if bytes.get(end + 1) == Some(&b'\\') => end + 2,
                _ => return None,
            }
        }
        _ => {
            let intermediates = bytes.iter().take_while(|byte| (0x20..=0x2F).contains(*byte)).count();
            bytes.get(intermediates).filter(|byte| (0x30..=0x7E).contains(*byte))?;
            intermediates + 1
        }
    };
    Some(1 + after_escape)
}

/// Breaks what a reader would act upon: the end of a CDATA section, and the markers by which JUnit consumers (Jenkins,
/// GitLab, Azure) find attachments and properties in output.
fn defuse(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut run: (char, usize) = ('\0', 0);
    for c in text.chars() {
        let breaks = match c {
            '>' => run.0 == ']' && run.1 >= 2,
            '[' => run.0 == '[',
            _ => false,
        };
        if breaks {
            out.push(ZERO_WIDTH_SPACE);
        }
        out.push(c);
        run = if run.0 == c { (c, run.1 + 1) } else { (c, 1) };
    }
    out
}

fn capped(text: String) -> String {
    if text.len() <= BODY_HEAD + BODY_TAIL + BODY_SLACK {
        return text;
    }
    let head = floor(&text, BODY_HEAD);
    let tail = floor(&text, text.len() - BODY_TAIL);
    format!("{}\n[{} bytes left out]\n{}", &text[..head], tail - head, &text[tail..])
}

/// The nearest character boundary at or before an index.
fn floor(text: &str, mut index: usize) -> usize {
    while !text.is_char_boundary(index) {
        index -= 1;
    }
    index
}

/// Escapes a sanitised string for HTML text and attributes.
pub(crate) fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

/// Escapes a sanitised line for a table cell of GitHub's Markdown: nothing in it is markup, a link or a mention.
pub(crate) fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let text: Cow<'_, str> = if text.contains("://") || text.contains("www.") {
        text.replace("://", ":\u{200B}//").replace("www.", "www\u{200B}.").into()
    } else {
        text.into()
    };
    let mut before = ' ';
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        let next = characters.peek().copied().unwrap_or(' ');
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '|' | '`' | '*' | '[' | ']' | '~' | '!' | '#' => out.extend(['\\', c]),
            // Inside a word GitHub takes an underscore as it is, and stop codes are full of them.
            '_' if !(before.is_alphanumeric() && next.is_alphanumeric()) => out.extend(['\\', c]),
            '@' => out.extend(['@', ZERO_WIDTH_SPACE]),
            _ => out.push(c),
        }
        before = c;
    }
    out
}

/// Percent-encodes a relative path for a link.
pub(crate) fn href(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'~' | b'+' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// Whether a path of the record stays inside the run's folder and carries nothing that a marker or a link could trip on.
pub(crate) fn is_plain_path(path: &str) -> bool {
    let parts_are_plain = path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    // What is shown as something else is no name of a file of ours, and may be no XML at all.
    let trips = |c: char| c.is_control() || visible(c) != c || matches!(c, '[' | ']' | '|' | '\\' | ':');
    parts_are_plain && !path.chars().any(trips)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_is_no_xml_is_not_plain() {
        assert!(is_plain_path("evidence/cell/candidate/screen.png"));
        for path in ["evidence/\u{fffe}", "evidence/\u{202e}gnp.exe", "a/../b", "a|b"] {
            assert!(!is_plain_path(path), "{path:?}");
        }
    }

    #[test]
    fn foreign_text_becomes_legal_and_stays_readable() {
        let cases: [(&[u8], &str); 17] = [
            (b"one\r\ntwo\r\n", "one\ntwo\n"),
            (b"lone\rreturn", "lone\u{240D}return"),
            (b"\x1b[31mred\x1b[0m", "red"),
            (b"\x1b]0;title\x07text", "text"),
            (b"\x1b]8;;http://x\x1b\\link", "link"),
            (b"\x1b]never ends\nnext", "\u{241B}]never ends\nnext"),
            (b"\x1b(Bcharset", "charset"),
            (b"\x1b", "\u{241B}"),
            (b"\x1b\x1b[m[31m", "\u{241B}[31m"),
            (b"nul \0 bell \x07 del \x7f", "nul \u{2400} bell \u{2407} del \u{2421}"),
            (b"bad \xff utf", "bad \u{FFFD} utf"),
            (b"surrogate \xed\xa0\x80", "surrogate \u{FFFD}\u{FFFD}\u{FFFD}"),
            (b"not characters \xef\xbf\xbe \xef\xbf\xbf", "not characters \u{FFFD} \u{FFFD}"),
            (b"c1 \xc2\x9b31m", "c1 \u{FFFD}31m"),
            (b"end ]]> of ]]]>", "end ]]\u{200B}> of ]]]\u{200B}>"),
            (b"]]\x1b[m>", "]]\u{200B}>"),
            (b"[[ATTACHMENT|/etc/passwd]]", "[\u{200B}[ATTACHMENT|/etc/passwd]]"),
        ];
        for (foreign, expected) in cases {
            assert_eq!(body(foreign), expected, "{}", String::from_utf8_lossy(foreign));
        }
    }

    #[test]
    fn a_line_is_one_line_and_short() {
        assert_eq!(line(" a\n\tb\u{2028}c\n"), "a  b c");
        let long = line("ä".repeat(600));
        assert_eq!(long.chars().count(), LINE_LIMIT);
        assert!(long.ends_with('…'));
        assert_eq!(terminal("##vso[task.complete]"), "#\u{200B}#vso[task.complete]");
    }

    #[test]
    fn a_long_body_keeps_its_head_and_its_tail() {
        let long = format!("first{}last", "ä".repeat(100_000));
        let kept = body(&long);
        assert!(kept.starts_with("first") && kept.ends_with("last"));
        assert!(kept.contains(" bytes left out]"));
        assert!(kept.len() <= BODY_HEAD + BODY_TAIL + BODY_SLACK);
    }

    #[test]
    fn markup_of_every_kind_is_escaped() {
        assert_eq!(html("<a href='x'>&\""), "&lt;a href=&#39;x&#39;&gt;&amp;&quot;");
        assert_eq!(markdown("a|b `c` <d> [e](f) *g*"), "a\\|b \\`c\\` &lt;d&gt; \\[e\\](f) \\*g\\*");
        assert_eq!(markdown("STOP_CODE_M _x_ @you"), "STOP_CODE_M \\_x\\_ @\u{200B}you");
        assert_eq!(markdown("see http://x"), "see http:\u{200B}//x");
        assert_eq!(href("a b/ü:%.dmp"), "a%20b/%C3%BC%3A%25.dmp");
    }

    #[test]
    fn paths_that_leave_the_folder_are_not_plain() {
        assert!(is_plain_path("evidence/c/candidate/screen.png"));
        for path in ["/etc/passwd", "../x", "a/../b", "a//b", "a]b", "a|b", "c:/x", "a\\b", "", "a\nb"] {
            assert!(!is_plain_path(path), "{path}");
        }
    }

    proptest::proptest! {
        #[test]
        fn sanitising_twice_changes_nothing_and_leaves_only_xml(bytes: Vec<u8>, text in "\\PC*|[\\x00-\\x20\\]\\[>;m\u{1b}\u{9b}]*") {
            for foreign in [&bytes[..], text.as_bytes()] {
                let once = body(foreign);
                proptest::prop_assert_eq!(&body(&once), &once);
                let legal = |c: char| matches!(c, '\t' | '\n' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..);
                proptest::prop_assert!(once.chars().all(legal));
                proptest::prop_assert!(!once.contains("]]>") && !once.contains("[["));
                let short = line(foreign);
                proptest::prop_assert_eq!(&line(&short), &short);
                proptest::prop_assert!(!short.contains(['\n', '\t']) && short.chars().count() <= LINE_LIMIT);
            }
        }
    }
}
