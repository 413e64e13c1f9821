//! How much work a plan is worth.

use clap::ValueEnum;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Effort {
    /// A first complete plan
    Quick,
    /// About two seconds of CPU for the models of a lab
    #[default]
    Normal,
    /// About ten
    Long,
}

impl Effort {
    /// As it is written on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Normal => "normal",
            Self::Long => "long",
        }
    }
}

impl From<Effort> for coexist_cover::Effort {
    fn from(effort: Effort) -> Self {
        match effort {
            Effort::Quick => Self::Quick,
            Effort::Normal => Self::Normal,
            Effort::Long => Self::Long,
        }
    }
}
