//! What guests said, made safe for a terminal and for CI systems that read commands from a job's output.

/// One line: control characters become visible, nothing else changes. Lines of ours always begin with words of ours,
/// so that nothing a guest said stands at the beginning of a line.
pub(crate) fn line(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\n' | '\r' | '\t' => ' ',
            '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + u32::from(character)).unwrap_or('\u{fffd}'),
            '\u{7f}'..='\u{9f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn escapes_lose_their_power() {
        assert_eq!(super::line("a\u{1b}[31mb\r\n::set-env::"), "a␛[31mb  ::set-env::");
        assert_eq!(super::line("ok \u{202e}txt.exe"), "ok \u{fffd}txt.exe");
    }
}
