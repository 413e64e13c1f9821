//! The collection ladder: what each rung gave of an arm's evidence, and why the ones above did not.

use serde::{Deserialize, Serialize};

use crate::{Rung, Seconds};

/// What is known of one rung.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RungRecord {
    /// Which.
    pub rung: Rung,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: RungOutcome,
    /// How long it took.
    pub took_s: Seconds,
}

/// What came of one rung.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "result")]
pub enum RungOutcome {
    /// Files, or a fact that needs no file.
    Gave {
        /// How many files are safe.
        files: u32,
        /// The fact, in a few words: `stop 0x7e`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        what: Option<String>,
        /// What it should have given and did not, with the reason: why a rung below was climbed all the same.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lacks: Option<String>,
    },
    /// It was climbed, and there was nothing on it.
    Nothing {
        /// Why.
        why: String,
    },
    /// It broke before it gave anything.
    Failed {
        /// Why.
        why: String,
    },
    /// It was not needed, or could not have helped.
    Skipped {
        /// Why.
        why: String,
    },
    /// The guest's volume is encrypted: whatever lies on it cannot be read from outside.
    Encrypted,
}

impl RungOutcome {
    /// In half a line: `2 files, but the session broke`; `None` for a rung that was skipped.
    #[must_use]
    pub fn words(&self) -> Option<String> {
        Some(match self {
            Self::Gave { files, what, lacks } => {
                let files = match files {
                    0 => None,
                    1 => Some("1 file".to_owned()),
                    more => Some(format!("{more} files")),
                };
                let gave: Vec<_> = what.iter().cloned().chain(files).collect();
                let lacks = lacks.iter().map(|lacks| format!(", but {lacks}")).collect::<String>();
                format!("{}{lacks}", gave.join(", "))
            }
            Self::Nothing { why } | Self::Failed { why } => why.clone(),
            Self::Skipped { .. } => return None,
            Self::Encrypted => "the volume is encrypted".to_owned(),
        })
    }
}

/// The rungs that were climbed, in that order, in one line: `panic: stop 0x7e; sftp: the guest did not come back; disk:
/// 2 files`. `None` where none was.
#[must_use]
pub fn ladder_words(ladder: &[RungRecord]) -> Option<String> {
    let climbed = ladder.iter().filter_map(|it| Some(format!("{}: {}", it.rung, it.outcome.words()?)));
    let words: Vec<_> = climbed.collect();
    (!words.is_empty()).then(|| words.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(rung: Rung, outcome: RungOutcome) -> RungRecord {
        RungRecord { rung, outcome, took_s: Seconds::from_millis(40) }
    }

    fn gave(files: u32, what: Option<&str>, lacks: Option<&str>) -> RungOutcome {
        RungOutcome::Gave { files, what: what.map(str::to_owned), lacks: lacks.map(str::to_owned) }
    }

    #[test]
    fn a_ladder_is_told_in_one_line() {
        let ladder = [
            record(Rung::Panic, gave(0, Some("stop 0x7e"), None)),
            record(Rung::Sftp, RungOutcome::Nothing { why: "the guest did not come back".to_owned() }),
            record(Rung::Nmi, RungOutcome::Skipped { why: "no hang".to_owned() }),
            record(Rung::Disk, gave(2, None, None)),
        ];
        let words = "panic: stop 0x7e; sftp: the guest did not come back; disk: 2 files";
        assert_eq!(ladder_words(&ladder).as_deref(), Some(words));
        assert_eq!(ladder_words(&ladder[2..3]), None);
        assert_eq!(ladder_words(&[]), None);
        let part = gave(1, Some("stop 0x50"), Some("the session broke"));
        assert_eq!(part.words().as_deref(), Some("stop 0x50, 1 file, but the session broke"));
        assert_eq!(RungOutcome::Encrypted.words().as_deref(), Some("the volume is encrypted"));
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        for outcome in [
            gave(2, None, Some("the budget is used up")),
            RungOutcome::Nothing { why: "no dump".to_owned() },
            RungOutcome::Failed { why: "no such disk".to_owned() },
            RungOutcome::Skipped { why: "the evidence is complete".to_owned() },
            RungOutcome::Encrypted,
        ] {
            let record = record(Rung::Disk, outcome);
            let json = serde_json::to_string(&record).unwrap();
            assert!(json.starts_with(r#"{"rung":"disk","result":""#), "{json}");
            assert_eq!(serde_json::from_str::<RungRecord>(&json).unwrap(), record);
        }
    }
}
