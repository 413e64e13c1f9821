//! One thing that the doctor found.

use serde_json::{Value, json};

use crate::printable;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    /// As it should be.
    Ok,
    /// Machines can be made; have a look all the same.
    Warning,
    /// No machine can be made.
    Problem,
}

impl State {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

/// What was found, and the command or step that mends it where it is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) name: String,
    pub(crate) state: State,
    pub(crate) found: String,
    pub(crate) mend: Option<String>,
}

impl Finding {
    pub(crate) fn ok(name: impl Into<String>, found: impl Into<String>) -> Self {
        Self { name: name.into(), state: State::Ok, found: found.into(), mend: None }
    }

    pub(crate) fn warning(name: impl Into<String>, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { name: name.into(), state: State::Warning, found: found.into(), mend: Some(mend.into()) }
    }

    pub(crate) fn problem(name: impl Into<String>, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { name: name.into(), state: State::Problem, found: found.into(), mend: Some(mend.into()) }
    }

    /// Fit for a terminal: folders and what programs say are named in it.
    fn printable(&self) -> Self {
        Self {
            name: printable::line(&self.name),
            state: self.state,
            found: printable::line(&self.found),
            mend: self.mend.as_deref().map(printable::line),
        }
    }

    pub(crate) fn as_json(&self) -> Value {
        let mut value = json!({ "name": self.name, "state": self.state.as_str(), "found": self.found });
        if let Some(mend) = &self.mend {
            value["mend"] = json!(mend);
        }
        value
    }
}

/// One line per finding, a second one where there is something to mend, and the outcome.
pub(crate) fn as_text(findings: &[Finding]) -> String {
    let findings: Vec<Finding> = findings.iter().map(Finding::printable).collect();
    let width = findings.iter().map(|finding| finding.name.chars().count()).max().unwrap_or_default();
    let mut text = String::new();
    for Finding { name, state, found, mend } in &findings {
        text.push_str(&format!("{:7}  {name:width$}  {found}\n", state.as_str()));
        if let Some(mend) = mend {
            text.push_str(&format!("{:7}  {:width$}  to mend it: {}\n", "", "", mend));
        }
    }
    let problems: Vec<&str> =
        findings.iter().filter(|it| it.state == State::Problem).map(|finding| finding.name.as_str()).collect();
    text.push_str(&match problems[..] {
        [] => "machines can be made on this host\n".to_owned(),
        _ => format!("no machine can be made before this is mended: {}\n", problems.join(", ")),
    });
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_per_finding_and_what_to_do_below() {
        let mut findings = vec![
            Finding::ok("QEMU", "7.2.22"),
            Finding::warning("acceleration", "tcg: this host has no /dev/kvm", "modprobe kvm_intel"),
        ];
        let expected = "ok       QEMU          7.2.22\n\
                        warning  acceleration  tcg: this host has no /dev/kvm\n         \
                        \x20             to mend it: modprobe kvm_intel\n\
                        machines can be made on this host\n";
        assert_eq!(as_text(&findings), expected);
        findings.push(Finding::problem("disk", "full\u{1b}[31m", "free some"));
        let text = as_text(&findings);
        assert!(text.contains("full␛[31m"), "{text}");
        assert!(text.ends_with("no machine can be made before this is mended: disk\n"), "{text}");
    }

    #[test]
    fn what_is_as_it_should_be_has_nothing_to_mend() {
        assert_eq!(Finding::ok("a", "b").as_json(), json!({"name": "a", "state": "ok", "found": "b"}));
        let warning = json!({"name": "a", "state": "warning", "found": "b", "mend": "c"});
        assert_eq!(Finding::warning("a", "b", "c").as_json(), warning);
    }
}
