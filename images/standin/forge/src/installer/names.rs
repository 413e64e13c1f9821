//! Short names: the `File` and `Directory` tables want `SHORT~1.EXT|long name.ext`.

use std::collections::BTreeMap;

/// Hands out short names that differ within a folder.
#[derive(Debug, Default)]
pub(crate) struct ShortNames {
    used: BTreeMap<String, u32>,
}

impl ShortNames {
    /// The table's form of a name: itself when it is short enough.
    pub(crate) fn of(&mut self, folder: &str, long: &str) -> String {
        let (stem, extension) = long.rsplit_once('.').unwrap_or((long, ""));
        let plain = |text: &str| text.chars().all(|it| it.is_ascii_alphanumeric() || "_-".contains(it));
        if (1..=8).contains(&stem.len()) && extension.len() <= 3 && plain(stem) && plain(extension) {
            return long.to_owned();
        }
        let keep = |text: &str, most| {
            let kept: String = text.chars().filter(char::is_ascii_alphanumeric).take(most).collect();
            kept.to_ascii_uppercase()
        };
        let (stem, extension) = (keep(stem, 6), keep(extension, 3));
        let number = self.used.entry(format!("{folder}/{stem}.{extension}")).or_insert(0);
        *number += 1;
        let dot = if extension.is_empty() { "" } else { "." };
        format!("{stem}~{number}{dot}{extension}|{long}")
    }
}

/// The last part of a Windows path.
pub(crate) fn file_name(path: &str) -> &str {
    path.rsplit('\\').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names() {
        let mut names = ShortNames::default();
        let table = [
            ("acmeflt.sys", "acmeflt.sys"),
            ("Acme", "Acme"),
            ("initechflt.sys", "INITEC~1.SYS|initechflt.sys"),
            ("initechflu.sys", "INITEC~2.SYS|initechflu.sys"),
            ("Acme Agent", "ACMEAG~1|Acme Agent"),
            ("channel.data", "CHANNE~1.DAT|channel.data"),
            ("a b", "AB~1|a b"),
        ];
        for (long, expected) in table {
            assert_eq!(names.of("X", long), expected);
        }
        assert_eq!(names.of("Y", "initechflt.sys"), "INITEC~1.SYS|initechflt.sys");
    }
}
