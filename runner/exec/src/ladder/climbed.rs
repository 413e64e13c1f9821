//! What came of climbing a rung, its files not counted.

use coexist_model::RungOutcome;

/// Most reasons that are told of one rung: a damaged disk has one trouble many times.
const MOST: usize = 20;
/// Longest reason, in characters: a guest's paths may have tens of thousands.
const LONGEST: usize = 400;

/// What a rung should have given and did not, with reasons.
#[derive(Debug, Default)]
pub(super) struct Lacks {
    words: Vec<String>,
    untold: usize,
    /// Whether something that is there, or may be, could not be had.
    broken: bool,
}

impl Lacks {
    /// It is not there.
    pub(super) fn absent(&mut self, why: impl AsRef<str>) {
        if self.words.len() == MOST {
            self.untold += 1;
        } else {
            self.words.push(why.as_ref().chars().take(LONGEST).collect());
        }
    }

    /// It is there, or may be, and could not be had.
    pub(super) fn failed(&mut self, why: impl AsRef<str>) {
        self.broken = true;
        self.absent(why);
    }

    /// What else was lacking.
    pub(super) fn append(&mut self, others: Self) {
        self.broken |= others.broken;
        self.untold += others.untold;
        others.words.into_iter().for_each(|why| self.absent(why));
    }

    fn told(mut self) -> Option<String> {
        if self.untold > 0 {
            self.words.push(format!("and {} more of the kind", self.untold));
        }
        (!self.words.is_empty()).then(|| self.words.join(", "))
    }
}

/// What came of climbing a rung.
pub(super) enum Climbed {
    /// It was climbed, as far as it went.
    Done {
        /// A fact that it gave.
        what: Option<String>,
        lacks: Lacks,
    },
    /// There is a volume that cannot be read.
    Encrypted,
}

impl Climbed {
    pub(super) fn lacking(lacks: Lacks) -> Self {
        Self::Done { what: None, lacks }
    }

    /// A fact, and what should have come with it.
    pub(super) fn gave(what: impl Into<String>, lacks: Lacks) -> Self {
        Self::Done { what: Some(what.into()), lacks }
    }

    /// There was nothing on it.
    pub(super) fn nothing(why: impl AsRef<str>) -> Self {
        let mut lacks = Lacks::default();
        lacks.absent(why);
        Self::lacking(lacks)
    }

    /// It broke.
    pub(super) fn broken(why: impl AsRef<str>) -> Self {
        let mut lacks = Lacks::default();
        lacks.failed(why);
        Self::lacking(lacks)
    }

    pub(super) fn with(self, files: u32) -> RungOutcome {
        match self {
            Self::Done { what: None, lacks } if files == 0 => {
                let broken = lacks.broken;
                let why = lacks.told().unwrap_or_else(|| "there was nothing new".to_owned());
                if broken { RungOutcome::Failed { why } } else { RungOutcome::Nothing { why } }
            }
            Self::Done { what, lacks } => RungOutcome::Gave { files, what, lacks: lacks.told() },
            Self::Encrypted => RungOutcome::Encrypted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rung_that_broke_is_not_one_with_nothing_on_it() {
        let nothing = |why: &str| RungOutcome::Nothing { why: why.to_owned() };
        let failed = |why: &str| RungOutcome::Failed { why: why.to_owned() };
        assert_eq!(Climbed::lacking(Lacks::default()).with(0), nothing("there was nothing new"));
        assert_eq!(Climbed::nothing("no dump").with(0), nothing("no dump"));
        assert_eq!(Climbed::broken("the session broke").with(0), failed("the session broke"));
        let mut both = Lacks::default();
        both.absent("no dump");
        both.failed("the session broke");
        assert_eq!(Climbed::lacking(both).with(0), failed("no dump, the session broke"));
        let lacks = Some("the session broke".to_owned());
        let gave = RungOutcome::Gave { files: 1, what: None, lacks };
        assert_eq!(Climbed::broken("the session broke").with(1), gave);
    }

    #[test]
    fn a_guest_cannot_flood_the_record() {
        let mut lacks = Lacks::default();
        for _ in 0..1000 {
            lacks.failed("x".repeat(100_000));
        }
        let RungOutcome::Failed { why } = Climbed::lacking(lacks).with(0) else { panic!("it broke") };
        assert!(why.len() < MOST * (LONGEST + 2) + 40, "{}", why.len());
        assert!(why.ends_with("and 980 more of the kind"), "{why}");
    }
}
