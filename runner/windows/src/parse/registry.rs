//! Output of `reg query KEY /v NAME`.

/// A registry value as `reg` prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Value {
    /// `REG_SZ`, `REG_DWORD`, …; never localized.
    pub(crate) kind: String,
    /// Its data: numbers in decimal, strings as they are, a `REG_MULTI_SZ` with `\0` between its strings.
    pub(crate) data: String,
}

/// Finds the value of this name; an empty name is the key's default value, whose label is localized.
///
/// A line is `    NAME    REG_TYPE    DATA`, with four spaces between, or tabs on older systems. Names may hold spaces.
pub(crate) fn value(output: &str, name: &str) -> Option<Value> {
    output.lines().find_map(|line| {
        let indented = line.trim_start();
        if indented.len() == line.len() {
            return None; // the key's own line
        }
        let rest = match name {
            "" => indented.find("REG_").map(|at| &indented[at..])?,
            _ => strip_name(indented, name)?.trim_start(),
        };
        let kind_end = rest.find(|c: char| !(c.is_ascii_uppercase() || c == '_')).unwrap_or(rest.len());
        let (kind, data) = rest.split_at(kind_end);
        if !kind.starts_with("REG_") {
            return None;
        }
        let data = data.strip_prefix("    ").or_else(|| data.strip_prefix('\t')).unwrap_or_else(|| data.trim_start());
        Some(Value { kind: kind.to_owned(), data: readable(kind, data)? })
    })
}

fn strip_name<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = line.chars();
    for wanted in name.chars() {
        let found = rest.next()?;
        if found != wanted && !found.to_lowercase().eq(wanted.to_lowercase()) {
            return None;
        }
    }
    let rest = rest.as_str();
    rest.starts_with([' ', '\t']).then_some(rest)
}

fn readable(kind: &str, data: &str) -> Option<String> {
    match kind {
        "REG_DWORD" | "REG_QWORD" | "REG_DWORD_LITTLE_ENDIAN" | "REG_QWORD_LITTLE_ENDIAN" => {
            let digits = data.trim();
            let number = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
                Some(hex) => u64::from_str_radix(hex, 16).ok()?,
                None => digits.parse().ok()?,
            };
            Some(number.to_string())
        }
        _ => Some(data.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const QUERY: &str = "\n\
        HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\n    \
        CurrentBuildNumber    REG_SZ    26100\n    \
        Installation Type    REG_SZ    Server Core\n    \
        UBR    REG_DWORD    0x6d2\n    \
        Installed    REG_QWORD    0x1d9f2a3b4c5d6e7\n    \
        Filters    REG_MULTI_SZ    dumpfve.sys\\0other.sys\n    \
        Root    REG_EXPAND_SZ    %SystemRoot%\\x\n    \
        Empty    REG_SZ    \n    \
        Blank    REG_SZ\n    \
        Padded    REG_SZ      two in front\n    \
        Raw    REG_BINARY    0A1B\n    \
        Broken    REG_DWORD    soon\n    \
        (Standard)    REG_SZ    the default\n\n";

    #[test]
    fn values_are_found() {
        let table = [
            ("CurrentBuildNumber", Some(("REG_SZ", "26100"))),
            ("currentbuildnumber", Some(("REG_SZ", "26100"))),
            ("Installation Type", Some(("REG_SZ", "Server Core"))),
            ("Installation", None),
            ("UBR", Some(("REG_DWORD", "1746"))),
            ("Installed", Some(("REG_QWORD", "133404448910595815"))),
            ("Filters", Some(("REG_MULTI_SZ", "dumpfve.sys\\0other.sys"))),
            ("Root", Some(("REG_EXPAND_SZ", "%SystemRoot%\\x"))),
            ("Empty", Some(("REG_SZ", ""))),
            ("Blank", Some(("REG_SZ", ""))),
            ("Padded", Some(("REG_SZ", "  two in front"))),
            ("Raw", Some(("REG_BINARY", "0A1B"))),
            ("Broken", None),
            ("Absent", None),
        ];
        for (name, expected) in table {
            let expected = expected.map(|(kind, data)| Value { kind: kind.to_owned(), data: data.to_owned() });
            assert_eq!(value(QUERY, name), expected, "{name}");
        }
    }

    #[test]
    fn other_spellings() {
        let default = "HKEY_LOCAL_MACHINE\\A\n    (par défaut)    REG_SZ    x\n";
        assert_eq!(value(default, "").unwrap().data, "x");
        let old = "HKEY_LOCAL_MACHINE\\A\n    Name\tREG_DWORD\t0x1\n";
        assert_eq!(value(old, "Name").unwrap().data, "1");
        assert_eq!(value("ERROR: The system was unable to find the specified registry key or value.\n", "Name"), None);
        // A key that looks like a value line: keys are not indented.
        assert_eq!(value("HKEY_LOCAL_MACHINE\\Name    REG_SZ    forged\n", "HKEY_LOCAL_MACHINE\\Name"), None);
    }

    proptest! {
        #[test]
        fn never_panics(output in any::<String>(), name in ".{0,8}") {
            let _ = value(&output, &name);
        }

        #[test]
        fn never_panics_near_the_form(lines in proptest::collection::vec("[ \\t]{0,5}[a-zÄ ]{0,6}[ \\t]{0,4}(REG_[A-Z_]{0,9})?[ \\t]{0,5}(0x)?[0-9a-f]{0,20}", 0..6), name in "[a-zÄ ]{0,6}") {
            let _ = value(&lines.join("\n"), &name);
        }
    }
}
