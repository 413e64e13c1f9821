//! Formatted text: `[PROPERTY]`, `[#file]`, `[$component]`, `[%ENVIRONMENT]`, `[\c]`, `{…}`.

/// What stands behind the names in brackets.
pub(super) trait Names {
    /// Value of a property; none when it is not set.
    fn property(&self, name: &str) -> Option<String>;
    /// Full path of a file by its key.
    fn file(&self, key: &str) -> Option<String>;
    /// Directory of a component by its key.
    fn component(&self, key: &str) -> Option<String>;
    /// An environment variable.
    fn environment(&self, name: &str) -> Option<String>;
}

/// Replaces what stands in brackets. `[~]` stays, for it divides the strings of a list. A part in braces vanishes when
/// something in it is not set.
pub(super) fn format(text: &str, names: &impl Names) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['[', '{']) {
        out.push_str(&rest[..at]);
        let opened = &rest[at..];
        if let Some(inner) = opened.strip_prefix('{')
            && let Some(end) = inner.find('}')
        {
            let (value, whole) = brackets(&inner[..end], names);
            let any = inner[..end].contains('[');
            if !any {
                // Braces around no bracket are text.
                out.push_str(&opened[..end + 2]);
            } else if whole {
                out.push_str(&value);
            }
            rest = &inner[end + 1..];
        } else if opened.starts_with('[')
            && let Some(end) = opened.find(']')
        {
            out.push_str(&brackets(&opened[..=end], names).0);
            rest = &opened[end + 1..];
        } else {
            out.push_str(&opened[..1]);
            rest = &opened[1..];
        }
    }
    out + rest
}

/// The text with its brackets replaced, and whether all of them had a value.
fn brackets(text: &str, names: &impl Names) -> (String, bool) {
    let mut out = String::new();
    let mut whole = true;
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('[') {
        out.push_str(before);
        let Some((name, tail)) = after.split_once(']') else {
            out.push('[');
            rest = after;
            continue;
        };
        let value = match name.chars().next() {
            Some('~') => Some("[~]".to_owned()),
            Some('\\') => Some(name.chars().skip(1).take(1).collect()),
            Some('#' | '!') => names.file(&name[1..]),
            Some('$') => names.component(&name[1..]),
            Some('%') => names.environment(&name[1..]),
            _ => names.property(name),
        };
        whole &= value.as_ref().is_some_and(|it| !it.is_empty());
        out.push_str(&value.unwrap_or_default());
        rest = tail;
    }
    (out + rest, whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed;
    impl Names for Fixed {
        fn property(&self, name: &str) -> Option<String> {
            (name == "INSTALLDIR").then(|| "C:\\Acme\\".into())
        }
        fn file(&self, key: &str) -> Option<String> {
            (key == "f_agent").then(|| "C:\\Acme\\agent.exe".into())
        }
        fn component(&self, _: &str) -> Option<String> {
            Some("C:\\Acme\\".into())
        }
        fn environment(&self, name: &str) -> Option<String> {
            (name == "OS").then(|| "Windows_NT".into())
        }
    }

    #[test]
    fn texts() {
        for (text, expected) in [
            ("plain", "plain"),
            ("[INSTALLDIR]bin", "C:\\Acme\\bin"),
            ("\"[#f_agent]\" -x", "\"C:\\Acme\\agent.exe\" -x"),
            ("[MISSING]x", "x"),
            ("a{ and [MISSING]}b", "ab"),
            ("a{ [INSTALLDIR]}b", "a C:\\Acme\\b"),
            ("{1234-GUID}", "{1234-GUID}"),
            ("one[~]two", "one[~]two"),
            ("[\\[]x[\\]]", "[x]"),
            ("[%OS]", "Windows_NT"),
            ("open [ bracket", "open [ bracket"),
        ] {
            assert_eq!(format(text, &Fixed), expected, "{text}");
        }
    }
}
