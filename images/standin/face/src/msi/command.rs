//! The command line of `msiexec`.

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Install,
    Remove,
    Repair,
}

/// A parsed command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) verb: Verb,
    /// Path of a package, or a product code in braces.
    pub(super) target: String,
    pub(super) log: Option<String>,
    norestart: bool,
    pub(super) force_restart: bool,
    /// `NAME=value`, in order.
    pub(super) properties: Vec<(String, String)>,
}

impl Command {
    /// None when the line makes no sense (1639).
    pub(super) fn parse(words: &[String]) -> Option<Self> {
        let mut verb = None;
        let mut target = None;
        let mut log = None;
        let (mut norestart, mut force_restart) = (false, false);
        let mut properties = Vec::new();
        let mut words = words.iter().peekable();
        while let Some(word) = words.next() {
            let Some(switch) = word.strip_prefix(['/', '-']) else {
                let (name, value) = word.split_once('=')?;
                let public = name.chars().all(|it| it.is_ascii_uppercase() || it.is_ascii_digit() || "_.".contains(it));
                if !public || name.is_empty() {
                    return None;
                }
                properties.push((name.to_owned(), value.trim_matches('"').to_owned()));
                continue;
            };
            let lower = switch.to_ascii_lowercase();
            let mut act = |it: Verb, rest: &str, words: &mut std::iter::Peekable<std::slice::Iter<'_, String>>| {
                verb = Some(it);
                target = if rest.is_empty() { words.next().cloned() } else { Some(rest.to_owned()) };
            };
            match lower.as_str() {
                "quiet" | "passive" => {}
                "norestart" => norestart = true,
                "promptrestart" => {}
                "forcerestart" => force_restart = true,
                "package" => act(Verb::Install, "", &mut words),
                "uninstall" => act(Verb::Remove, "", &mut words),
                "log" => log = Some(words.next()?.clone()),
                _ if lower.starts_with('q') => {}
                _ if lower.starts_with('l') => log = Some(words.next()?.clone()),
                // The target may stick to its switch: /x{GUID}, /ipackage.msi.
                _ if lower.starts_with('i') => act(Verb::Install, &switch[1..], &mut words),
                _ if lower.starts_with('x') => act(Verb::Remove, &switch[1..], &mut words),
                _ if lower.starts_with('f') => act(Verb::Repair, "", &mut words),
                _ => return None,
            }
        }
        let target = target.filter(|it| !it.is_empty())?;
        Some(Self { verb: verb?, target, log, norestart, force_restart, properties })
    }

    pub(super) fn property(&self, name: &str) -> Option<&str> {
        self.properties.iter().rev().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }

    /// Whether a restart that is needed is only told, not done.
    pub(super) fn no_restart(&self) -> bool {
        self.norestart
            || self
                .property("REBOOT")
                .is_some_and(|it| it.to_ascii_lowercase().starts_with('r') || it.eq_ignore_ascii_case("s"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Option<Command> {
        Command::parse(&line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn lines() {
        let full = parse(r"/i C:\p.msi /qn /norestart /l*v C:\x.log TOKEN=a=b REBOOT=ReallySuppress").unwrap();
        assert_eq!(
            (full.verb, full.target.as_str(), full.log.as_deref()),
            (Verb::Install, r"C:\p.msi", Some(r"C:\x.log"))
        );
        assert_eq!(full.property("TOKEN"), Some("a=b"));
        assert!(full.no_restart());
        assert_eq!(parse("/x{123} /quiet").unwrap().target, "{123}");
        assert_eq!(parse("/X {123} -q").unwrap().verb, Verb::Remove);
        assert!(!parse("/i p.msi /qn").unwrap().no_restart());
        for bad in ["", "/qn", "/i", "/i p.msi /zap", "p.msi", "/i p.msi lower=1", "/i p.msi /log"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
