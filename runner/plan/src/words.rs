//! Small helpers for sentences: quoting what was found, naming what is near.

/// The known word that a mistyped one most likely meant.
pub(crate) fn nearest<'a>(found: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let found = found.to_lowercase();
    known
        .into_iter()
        .filter_map(|word| {
            let lower = word.to_lowercase();
            let distance = if lower == found { 0 } else { strsim::damerau_levenshtein(&found, &lower).max(1) };
            let part = found.len() >= 4 && (lower.contains(&found) || found.contains(&lower) && lower.len() >= 4);
            let limit = (found.chars().count().max(lower.chars().count()) / 3).clamp(1, 4);
            (distance <= limit || part).then_some((distance, word))
        })
        .min()
        .map(|(_, word)| word)
}

/// Foreign text in backticks: one line, bounded, nothing that steers a terminal.
pub(crate) fn quote(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut quoted = String::from("`");
    for (count, character) in text.chars().enumerate() {
        if count == LONGEST {
            quoted.push('…');
            break;
        }
        match character {
            '`' => quoted.push('\''),
            '\n' | '\r' | '\t' => quoted.push(' '),
            _ if character.is_control() => quoted.push('\u{fffd}'),
            _ => quoted.push(character),
        }
    }
    quoted.push('`');
    quoted
}

/// `a`, `a` or `b`, `a`, `b` or `c`; long lists are cut.
pub(crate) fn alternatives<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    const MOST: usize = 24;
    let words: Vec<String> = words.into_iter().map(quote).collect();
    match words.as_slice() {
        [] => "nothing".to_owned(),
        [only] => only.clone(),
        all if all.len() > MOST => format!("{} and {} more", all[..MOST].join(", "), all.len() - MOST),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}

/// `a, b, c`; long lists are cut.
pub(crate) fn listed(words: impl IntoIterator<Item: AsRef<str>>) -> String {
    const MOST: usize = 24;
    let words: Vec<_> = words.into_iter().collect();
    let shown: Vec<&str> = words.iter().take(MOST).map(AsRef::as_ref).collect();
    match words.len() {
        0 => "none".to_owned(),
        many if many > MOST => format!("{} and {} more", shown.join(", "), many - MOST),
        _ => shown.join(", "),
    }
}

/// `1 file`, `2 files`.
pub(crate) fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_words() {
        let known = ["images", "agents", "settings", "candidate", "include", "exclude"];
        for (found, expected) in [
            ("imagess", Some("images")),
            ("image", Some("images")),
            ("Agents", Some("agents")),
            ("setings", Some("settings")),
            ("cnadidate", Some("candidate")),
            ("xyz", None),
            ("", None),
        ] {
            assert_eq!(nearest(found, known), expected, "{found}");
        }
        assert_eq!(nearest("exlude", known), Some("exclude"));
        assert_eq!(nearest("sensor", ["globex-sensor", "acme-endpoint"]), Some("globex-sensor"));
    }

    #[test]
    fn foreign_text_is_tamed() {
        assert_eq!(quote("a\u{1b}[31m`b`\nc"), "`a\u{fffd}[31m'b' c`");
        assert_eq!(quote(&"x".repeat(99)).chars().count(), 63);
    }
}
