//! What the guest says, bounded and made printable.

use std::collections::VecDeque;

/// How much of an output is kept: the first and the last bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keep {
    /// Bytes from the beginning.
    pub(crate) head: usize,
    /// Bytes from the end, when there is more than `head`.
    pub(crate) tail: usize,
}

impl Keep {
    /// For people to read.
    pub(crate) const TEXT: Self = Self { head: 64 * 1024, tail: 64 * 1024 };
    /// For a parser: all or nothing. 400 events of the boot record are about 700 KB.
    pub(crate) const DATA: Self = Self { head: 4 * 1024 * 1024, tail: 0 };
}

/// Bytes of one stream, of which the middle is forgotten when there are too many.
#[derive(Debug)]
pub(crate) struct Captured {
    keep: Keep,
    head: Vec<u8>,
    tail: VecDeque<u8>,
    left_out: u64,
}

impl Captured {
    pub(crate) fn new(keep: Keep) -> Self {
        Self { keep, head: Vec::new(), tail: VecDeque::new(), left_out: 0 }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let room = self.keep.head - self.head.len();
        let (head, rest) = bytes.split_at(room.min(bytes.len()));
        self.head.extend_from_slice(head);
        self.tail.extend(rest);
        let over = self.tail.len().saturating_sub(self.keep.tail);
        self.tail.drain(..over);
        self.left_out += over as u64;
    }

    /// Whether nothing was forgotten.
    pub(crate) fn is_whole(&self) -> bool {
        self.left_out == 0
    }

    /// As text: lines end with LF, what is not UTF-8 or not printable is replaced or escaped.
    pub(crate) fn to_text(&self) -> String {
        let (front, back) = self.tail.as_slices();
        if self.is_whole() {
            return printable(&String::from_utf8_lossy(&[&self.head, front, back].concat()));
        }
        let head = printable(&String::from_utf8_lossy(&self.head));
        let tail = printable(&String::from_utf8_lossy(&[front, back].concat()));
        format!("{head}\n[{} bytes left out]\n{tail}", self.left_out)
    }
}

/// Characters that reorder or hide text, other than control characters.
fn deceives(c: char) -> bool {
    // Also the invisible copies of ASCII.
    matches!(c, '\u{e0000}'..='\u{e007f}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// CRLF and CR become LF; control and direction characters other than LF and TAB are written as escapes.
pub(crate) fn printable(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\r' => {
                // `reg` and others write CR CR LF when their output goes through two text layers.
                while characters.next_if_eq(&'\r').is_some() {}
                characters.next_if_eq(&'\n');
                clean.push('\n');
            }
            '\n' | '\t' => clean.push(c),
            _ if c.is_control() || deceives(c) => clean.extend(c.escape_unicode()),
            _ => clean.push(c),
        }
    }
    clean
}

/// At most `limit` characters.
pub(crate) fn bounded(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// Longest line that goes into a reading or a message, in characters.
const LINE: usize = 300;

/// Everything on one bounded printable line, for readings and messages.
pub(crate) fn one_line(text: &str) -> String {
    let clean = printable(text);
    let words: Vec<_> = clean
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|line| !line.is_empty())
        .collect();
    bounded(&words.join("; "), LINE)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn foreign_text_becomes_printable() {
        let table = [
            ("a\r\nb\r\n", "a\nb\n"),
            ("a\r\r\nb", "a\nb"),
            ("10%\r20%", "10%\n20%"),
            ("\x1b[31mred\x07", "\\u{1b}[31mred\\u{7}"),
            ("a\u{202e}b\0", "a\\u{202e}b\\u{0}"),
            ("Grüße\t1", "Grüße\t1"),
        ];
        for (raw, clean) in table {
            assert_eq!(printable(raw), clean, "{raw:?}");
        }
    }

    #[test]
    fn one_line_holds_every_line() {
        assert_eq!(one_line("\r\nERROR: no\r\n   such   key \r\n\r\n"), "ERROR: no; such key");
        assert_eq!(one_line(&"ü".repeat(400)).chars().count(), LINE + 1);
        assert_eq!(one_line(" \r\n"), "");
    }

    #[test]
    fn too_much_output_loses_its_middle_only() {
        let mut captured = Captured::new(Keep { head: 4, tail: 3 });
        captured.push(b"abcdef");
        assert_eq!(captured.to_text(), "abcdef");
        assert!(captured.is_whole());
        captured.push(b"ghij");
        assert_eq!(captured.to_text(), "abcd\n[3 bytes left out]\nhij");
        assert!(!captured.is_whole());
    }

    proptest! {
        #[test]
        fn whatever_comes_is_bounded_and_printable(chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..50), 0..20)) {
            let mut captured = Captured::new(Keep { head: 40, tail: 30 });
            chunks.iter().for_each(|chunk| captured.push(chunk));
            let text = captured.to_text();
            prop_assert!(text.chars().all(|c| c == '\n' || c == '\t' || !(c.is_control() || deceives(c))));
            prop_assert!(text.len() <= 70 * 8 + 40);
            prop_assert!(!one_line(&text).contains('\n'));
        }
    }
}
