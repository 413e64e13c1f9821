//! `%VAR%`, `%1`, `%i` and `!VAR!`.

use super::Shell;

impl Shell {
    /// The value of a variable, computed ones included.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        if let Some(value) = self.process.environment.get(name) {
            return Some(value.to_owned());
        }
        match name.to_ascii_uppercase().as_str() {
            "ERRORLEVEL" => Some(self.error_level.to_string()),
            "CD" => Some(self.process.directory.clone()),
            "DATE" => Some(super::builtins::date()),
            "TIME" => Some(super::builtins::time()),
            "CMDEXTVERSION" => Some("2".to_owned()),
            // Only has to differ from call to call.
            "RANDOM" => std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .ok()
                .map(|it| ((it.subsec_nanos() / 100) % 32768).to_string()),
            _ => None,
        }
    }

    /// `NAME`, `NAME:a=b` or `NAME:~1,2` between percent signs or exclamation marks.
    fn substituted(&self, inside: &str) -> Option<String> {
        if let Some(value) = self.variable(inside) {
            return Some(value);
        }
        let (name, change) = inside.split_once(':')?;
        let value = self.variable(name)?;
        if let Some(range) = change.strip_prefix('~') {
            return Some(substring(&value, range));
        }
        let (from, to) = change.split_once('=')?;
        Some(replaced(&value, from, to))
    }

    /// Replaces `%…%` in a line as it is read. In a batch file `%%` is a percent sign, `%1` an argument and an unknown
    /// variable nothing; on a command line an unknown variable stays as it is written.
    pub(crate) fn expand_percent(&self, line: &str) -> String {
        let batch = self.frames.last();
        let mut out = String::with_capacity(line.len());
        let mut rest = line;
        while let Some(at) = rest.find('%') {
            out.push_str(&rest[..at]);
            let after = &rest[at + 1..];
            if let Some(frame) = batch {
                if let Some(tail) = after.strip_prefix('%') {
                    out.push('%');
                    rest = tail;
                    continue;
                }
                if let Some((text, tail)) = frame.argument(after, &self.process) {
                    out.push_str(&text);
                    rest = tail;
                    continue;
                }
            }
            let inside = after.find('%').map(|end| (&after[..end], &after[end + 1..]));
            match inside.and_then(|(name, tail)| Some((self.substituted(name)?, tail))) {
                Some((value, tail)) => {
                    out.push_str(&value);
                    rest = tail;
                }
                None if batch.is_some() => match inside {
                    Some((name, tail)) if !name.is_empty() && !name.contains(':') => rest = tail,
                    _ => rest = after,
                },
                None => {
                    out.push('%');
                    rest = after;
                }
            }
        }
        out + rest
    }

    /// Replaces loop variables, then `!VAR!` when that is on, as a command is about to run.
    pub(crate) fn expand_late(&self, text: &str) -> String {
        let text = if self.loops.is_empty() { text.to_owned() } else { self.expand_loops(text) };
        if self.delayed && text.contains('!') { self.expand_delayed(&text) } else { text }
    }

    fn expand_loops(&self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('%') {
            out.push_str(&rest[..at]);
            let after = &rest[at + 1..];
            let modifiers: &str = match after.strip_prefix('~') {
                Some(tail) => {
                    let letters = tail.find(|it: char| !"fdpnxsatzFDPNXSATZ".contains(it)).unwrap_or(tail.len());
                    // The variable may itself be one of the modifier letters: the last that names a loop is it.
                    let end = (0..=letters)
                        .rev()
                        .find(|end| tail[*end..].chars().next().is_some_and(|it| self.loop_value(it).is_some()));
                    match end {
                        Some(end) => &after[..=end],
                        None => "",
                    }
                }
                None => "",
            };
            let tail = &after[modifiers.len()..];
            match tail.chars().next().and_then(|letter| Some((letter, self.loop_value(letter)?))) {
                Some((letter, value)) => {
                    let plain = value.to_owned();
                    out.push_str(&match modifiers.strip_prefix('~') {
                        Some(modifiers) => modified(&plain, modifiers, &self.process),
                        None => plain,
                    });
                    rest = &tail[letter.len_utf8()..];
                }
                None => {
                    out.push('%');
                    rest = after;
                }
            }
        }
        out + rest
    }

    fn loop_value(&self, letter: char) -> Option<&str> {
        self.loops.iter().rev().find(|(name, _)| *name == letter).map(|(_, value)| value.as_str())
    }

    fn expand_delayed(&self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('!') {
            out.push_str(before);
            match after.split_once('!') {
                Some((name, tail)) => {
                    out.push_str(&self.substituted(name).unwrap_or_default());
                    rest = tail;
                }
                None => rest = after,
            }
        }
        out + rest
    }
}

fn substring(value: &str, range: &str) -> String {
    let letters: Vec<char> = value.chars().collect();
    let length = i64::try_from(letters.len()).unwrap_or(i64::MAX);
    let (start, count) = range.split_once(',').map_or((range, None), |(start, count)| (start, Some(count)));
    let number = |text: &str| text.trim().parse::<i64>().unwrap_or(0);
    let from_end = |number: i64| if number < 0 { (length + number).max(0) } else { number.min(length) };
    let start = from_end(number(start));
    let end = match count.map(number) {
        None => length,
        Some(count) if count < 0 => length + count,
        Some(count) => (start + count).min(length),
    };
    (start..end).filter_map(|at| letters.get(usize::try_from(at).ok()?)).collect()
}

fn replaced(value: &str, from: &str, to: &str) -> String {
    // In ASCII only, so that places in one are places in the other.
    let lower = value.to_ascii_lowercase();
    if let Some(from) = from.strip_prefix('*') {
        return match lower.find(&from.to_ascii_lowercase()) {
            Some(at) if !from.is_empty() => format!("{to}{}", &value[(at + from.len()).min(value.len())..]),
            _ => value.to_owned(),
        };
    }
    if from.is_empty() {
        return value.to_owned();
    }
    let wanted = from.to_ascii_lowercase();
    let mut out = String::new();
    let mut at = 0;
    while let Some(found) = lower[at..].find(&wanted) {
        out.push_str(&value[at..at + found]);
        out.push_str(to);
        at += found + wanted.len();
    }
    out + &value[at..]
}

/// Applies `~` modifiers (`~dp`, `~nx` …) to a path.
pub(super) fn modified(value: &str, modifiers: &str, process: &crate::Process) -> String {
    let value = value.trim_matches('"');
    if modifiers.is_empty() {
        return value.to_owned();
    }
    let full = process.absolute(value);
    let (folder, name) = full.rsplit_once('\\').unwrap_or(("C:", &full));
    let dot = name.rfind('.').unwrap_or(name.len());
    let (stem, extension) = name.split_at(dot);
    let modifiers = modifiers.to_ascii_lowercase();
    if modifiers.contains('f') || modifiers == "s" {
        return full;
    }
    let mut out = String::new();
    for modifier in modifiers.chars() {
        match modifier {
            'd' => out.push_str(&folder[..2]),
            'p' => {
                out.push_str(&folder[2..]);
                out.push('\\');
            }
            'n' => out.push_str(stem),
            'x' => out.push_str(extension),
            'z' => {
                let size = std::fs::metadata(process.resolve(value)).map(|it| it.len());
                out.push_str(&size.map(|it| it.to_string()).unwrap_or_default());
            }
            _ => {}
        }
    }
    out
}
