//! Paths inside a Windows guest, as its environment and its registry write them.

/// Longest path that is followed, in bytes.
const LONGEST: usize = 400;

/// Whether Windows takes this as the name of one file: no separators, no device, nothing that it trims away.
#[must_use]
pub fn is_file_name(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).to_ascii_uppercase();
    let numbered = |prefix: &str| stem.strip_prefix(prefix).is_some_and(|rest| rest.len() == 1 && rest != "0");
    let device = matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL") || numbered("COM") || numbered("LPT");
    !name.is_empty()
        && name.chars().count() <= 200
        && !device
        && !name.ends_with(['.', ' '])
        && !name.starts_with(' ')
        && !name.chars().any(|c| c.is_control() || matches!(c, '\\' | '/' | ':' | '*' | '?' | '"' | '<' | '>' | '|'))
}

/// A path with a drive and at least one name, every one of which Windows would take; backslashes between them, none at the
/// end.
pub(crate) fn full_path(path: &str) -> Option<String> {
    let path = path.trim_end_matches(['\\', '/']).replace('/', r"\");
    let (drive, below) = path.split_once('\\')?;
    let is_drive = drive.len() == 2 && drive.starts_with(|c: char| c.is_ascii_alphabetic()) && drive.ends_with(':');
    (is_drive && path.len() <= LONGEST && are_names(below)).then_some(path)
}

fn are_names(path: &str) -> bool {
    path.split('\\').all(is_file_name)
}

/// A path as a value of the registry gives it: with `%NAMES%`, quoted, or as the kernel names it (`\??\C:\x`,
/// `\SystemRoot\x`). Nothing when it leads nowhere that is known.
pub(crate) fn resolved(written: &str, system: &str, variable: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let written = plain(written);
    let written = match strip_start(written, r"\SystemRoot\") {
        Some(below) => format!(r"{system}\{below}"),
        None => written.to_owned(),
    };
    let mut parts = written.split('%');
    let mut path = parts.next()?.to_owned();
    while let Some(name) = parts.next() {
        // A sign that stands alone belongs to the name.
        let Some(rest) = parts.next() else {
            path.push('%');
            path.push_str(name);
            break;
        };
        path.push_str(&variable(name)?);
        path.push_str(rest);
    }
    full_path(&path)
}

/// Where below every profile a path lies that begins with a variable which each account has its own of.
pub(crate) fn below_profiles(written: &str) -> Option<String> {
    const OWN: [(&str, &str); 5] = [
        ("%LOCALAPPDATA%", r"AppData\Local"),
        ("%APPDATA%", r"AppData\Roaming"),
        ("%USERPROFILE%", ""),
        ("%TEMP%", r"AppData\Local\Temp"),
        ("%TMP%", r"AppData\Local\Temp"),
    ];
    let written = plain(written).replace('/', r"\");
    let (above, rest) = OWN.iter().find_map(|(name, above)| Some((above, strip_start(&written, name)?)))?;
    let below = format!("{above}{rest}");
    let below = below.trim_matches('\\');
    (rest.is_empty() || rest.starts_with('\\')).then_some(())?;
    (below.len() <= LONGEST && !below.contains('%') && are_names(below)).then(|| below.to_owned())
}

fn plain(written: &str) -> &str {
    let written = written.trim().trim_matches('"');
    [r"\??\", r"\\?\"].iter().find_map(|prefix| written.strip_prefix(prefix)).unwrap_or(written)
}

fn strip_start<'a>(text: &'a str, start: &str) -> Option<&'a str> {
    let (found, rest) = text.split_at_checked(start.len())?;
    found.eq_ignore_ascii_case(start).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["a.msi", "Setup 4.1 (x64).exe", "100%.cmd", "combo.msi", "com10.txt", "Grüße.msi"] {
            assert!(is_file_name(good), "{good}");
        }
        for bad in ["", "a/b", r"..\a", "C:a", "nul.msi", "COM1", "a.", "a ", " a", "a\"b", "a\nb", "..", "."] {
            assert!(!is_file_name(bad), "{bad}");
        }
    }

    #[test]
    fn paths_of_the_registry() {
        let variable = |name: &str| match name.to_ascii_lowercase().as_str() {
            "systemroot" => Some(r"D:\Windows".to_owned()),
            "self" => Some("%SELF%".to_owned()),
            _ => None,
        };
        for (written, path) in [
            (r"%SystemRoot%\MEMORY.DMP", Some(r"D:\Windows\MEMORY.DMP")),
            (r"%SYSTEMROOT%/a/b/", Some(r"D:\Windows\a\b")),
            (r"\??\C:\dedicated.sys", Some(r"C:\dedicated.sys")),
            (r"\\?\C:\dedicated.sys", Some(r"C:\dedicated.sys")),
            (r"\systemroot\x.dmp", Some(r"D:\Windows\x.dmp")),
            (" \"E:\\two words\" ", Some(r"E:\two words")),
            (r"C:\100%\x", Some(r"C:\100%\x")),
            (r"%None%\x", None),
            (r"%SELF%\x", None),
            (r"\\server\share\x.dmp", None),
            (r"\Device\HarddiskVolume2\x.dmp", None),
            (r"C:\a\..\b", None),
            (r"C:\nul\b", None),
            ("C:", None),
            ("", None),
        ] {
            assert_eq!(resolved(written, r"D:\Windows", &variable).as_deref(), path, "{written}");
        }
    }

    #[test]
    fn folders_that_every_account_has() {
        for (written, below) in [
            (r"%LocalAppData%\Dumps", Some(r"AppData\Local\Dumps")),
            (r"%USERPROFILE%\Dumps\", Some("Dumps")),
            ("%TEMP%", Some(r"AppData\Local\Temp")),
            (r"%USERPROFILE%", None),
            (r"%USERPROFILE%x\y", None),
            (r"%USERPROFILE%\..\y", None),
            (r"%USERPROFILE%\%X%", None),
            (r"C:\x", None),
        ] {
            assert_eq!(below_profiles(written).as_deref(), below, "{written}");
        }
    }
}
