//! The ledger's file, and what `coexist ledger` can be asked.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Subcommand;
use jiff::SignedDuration;

#[derive(Debug, clap::Args)]
pub(crate) struct LedgerFile {
    /// The ledger: which combinations were tested, when and with which verdict
    #[arg(
        id = "ledger-file",
        long = "ledger",
        value_name = "FILE",
        env = "COEXIST_LEDGER",
        default_value = "reports/out/ledger.sqlite"
    )]
    pub(crate) path: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(crate) struct LedgerArgs {
    #[command(subcommand)]
    pub(crate) what: LedgerCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LedgerCommand {
    /// Remember runs from their folders; a run that is remembered already stays as it is
    Add {
        /// Folders of runs
        #[arg(required = true, value_name = "RUN")]
        runs: Vec<PathBuf>,
        #[command(flatten)]
        ledger: LedgerFile,
    },
    /// Show which runs are remembered
    Show {
        #[command(flatten)]
        ledger: LedgerFile,
    },
    /// Forget runs: their combinations count as untested, unless another run tested them
    Forget {
        /// Ids of runs, as `coexist ledger show` prints them
        #[arg(required = true, value_name = "ID")]
        runs: Vec<String>,
        #[command(flatten)]
        ledger: LedgerFile,
    },
}

/// How long ago: `12h`, `30d`, `8w`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ago(pub(crate) SignedDuration);

impl FromStr for Ago {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "a time was expected: a number and m, h, d or w, such as 12h or 30d".to_owned();
        let unit = text.chars().last().ok_or_else(wrong)?;
        let seconds: i64 = match unit {
            'm' => 60,
            'h' => 60 * 60,
            'd' => 24 * 60 * 60,
            'w' => 7 * 24 * 60 * 60,
            _ => return Err(wrong()),
        };
        let number = text.strip_suffix(unit).filter(|it| it.bytes().all(|byte| byte.is_ascii_digit()));
        // A century and more ago there was nothing to remember.
        let number: i64 = number.and_then(|it| it.parse().ok()).filter(|it| *it <= 1_000_000).ok_or_else(wrong)?;
        Ok(Self(SignedDuration::from_secs(number * seconds)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_a_number_and_a_unit() {
        let told = ["90m", "12h", "30d", "8w"].map(|text| text.parse::<Ago>().unwrap().0.as_secs());
        assert_eq!(told, [5400, 43_200, 2_592_000, 4_838_400]);
        for wrong in ["", "d", "30", "-1d", "1.5h", "30 d", "3y", "30é", "99999999999999999999d"] {
            assert!(wrong.parse::<Ago>().is_err(), "{wrong}");
        }
    }
}
