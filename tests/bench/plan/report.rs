//! What is told: tables as they come, then their sum, then what was missed.

use coexist_cover::Effort;

#[derive(Default)]
pub(crate) struct Report {
    tables: Vec<String>,
    sums: Vec<String>,
    missed: Vec<String>,
}

impl Report {
    /// A line of the tables, shown as it comes to whoever waits.
    pub(crate) fn say(&mut self, line: &str) {
        eprintln!("{line}");
        self.tables.push(line.to_string());
    }

    /// A line of the sum.
    pub(crate) fn sum(&mut self, line: &str) {
        self.sums.push(line.to_string());
    }

    /// Something that has to be so.
    pub(crate) fn hold(&mut self, so: bool, what: impl FnOnce() -> String) {
        if !so {
            self.missed.push(what());
        }
    }

    pub(crate) fn nothing_missed(&self) -> bool {
        self.missed.is_empty()
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.sums.is_empty() {
            writeln!(f, "## In all\n")?;
            writeln!(
                f,
                "| family | strength | effort | models | mean | worst | target | accepted | CPU s | at most | |"
            )?;
            writeln!(f, "|---|--:|---|--:|--:|--:|--:|--:|--:|--:|---|")?;
            self.sums.iter().try_for_each(|line| writeln!(f, "{line}"))?;
            writeln!(f)?;
        }
        if self.missed.is_empty() {
            writeln!(f, "Nothing was missed.\n")?;
        } else {
            writeln!(f, "**Missed:**\n")?;
            self.missed.iter().try_for_each(|what| writeln!(f, "- {what}"))?;
            writeln!(f)?;
        }
        writeln!(f, "## Model by model")?;
        self.tables.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// The geometric mean; 1 of nothing.
pub(crate) fn mean(ratios: &[f64]) -> f64 {
    (ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len().max(1) as f64).exp()
}

pub(crate) fn word(effort: Effort) -> &'static str {
    match effort {
        Effort::Quick => "quick",
        Effort::Normal => "normal",
        Effort::Long => "long",
    }
}
