//! What Windows asks for where the candidate's drivers are signed in a given way.
//!
//! Test-signed drivers load only with the boot option TESTSIGNING, and that option has no effect while Secure Boot is on
//! ([R] Windows driver documentation, "How to Test Preproduction Drivers with Secure Boot Enabled": it "requires
//! disabling Secure Boot"; "Secure boot feature signing requirements for kernel-mode drivers": testsigning is disabled
//! when Secure Boot is on). Nothing that was read says that memory integrity keeps a test-signed driver out where
//! TESTSIGNING is on, so that no rule speaks of it ([K]). Attested and WHQL-signed drivers ask for nothing here.

use coexist_model::CandidateKind;

use crate::checked::matrix::Checker;
use crate::checked::{Because, Condition, Constraint, Means, Signing, kind_word};
use crate::message::{Message, Mistake};
use crate::source::Span;
use crate::words::{listed, quote};

const PAGE: &str = "matrix.md#signing";

impl Checker<'_> {
    /// Tells of two settings that mean the same: no rule could say which of them it speaks of.
    pub(super) fn check_means(&mut self) {
        let Some(settings) = &self.written.settings else { return };
        let meant: Vec<_> =
            settings.value.entries.iter().filter_map(|(name, axis)| Some((name, axis.value.means.as_ref()?))).collect();
        for (at, (_, means)) in meant.iter().enumerate() {
            if let Some((first, place)) = meant[..at].iter().find(|(_, it)| it.value == means.value) {
                let found = format!("the setting {} means {} already", quote(&first.value.0), means.value.word());
                let message =
                    Message::error(Mistake::Duplicate, means.span, found, "again").related(place.span, "first here");
                self.tell(message, "matrix.md#settings");
            }
        }
    }

    /// The rules that the candidate's signature leads to.
    pub(super) fn check_signing(&mut self) -> Vec<Constraint> {
        let written = self.written;
        let Some(signing) = written.candidate.as_ref().and_then(|it| it.value.signing.as_ref()) else {
            return Vec::new();
        };
        if let Some(kind) = self.kind().filter(|it| matches!(it, CandidateKind::Content | CandidateKind::WindowsUpdate))
        {
            let found = format!("a candidate of kind {} has no use for `signing`", quote(kind_word(kind)));
            self.tell(Message::error(Mistake::NotForThisKind, signing.span, found, "not for this kind"), PAGE);
            return Vec::new();
        }
        let wanted: &[(Means, &str)] = match signing.value {
            Signing::Test => &[(Means::SecureBoot, "off"), (Means::TestSigning, "on")],
            Signing::Attested | Signing::Whql => &[],
        };
        wanted.iter().filter_map(|(means, value)| self.forced(*means, value, signing.span)).collect()
    }

    fn forced(&mut self, means: Means, value: &str, span: Span) -> Option<Constraint> {
        let axis = self.axes.iter().find(|axis| axis.means == Some(means))?;
        let values = || axis.values.iter().map(|it| it.setting.value.as_str());
        let (name, has) = (axis.name.clone(), values().any(|it| it == value));
        if has {
            let label = format!("signing: test needs {name} {value}");
            let condition = Condition::Setting(name, vec![value.to_owned()]);
            return Some(Constraint { condition, why: Because { label, span } });
        }
        if self.are_values_whole(&name) {
            let found =
                format!("`signing: test` needs {} to be `{value}`, and it has no value of that name", quote(&name));
            let help = format!("its values are {}; name the one that is meant `{value}`, or add it", listed(values()));
            let message = Message::error(
                Mistake::ValueNotNamed,
                span,
                found,
                format!("expected a value `{value}` of {}", quote(&name)),
            );
            let place = self.place_of_values(&name);
            let message =
                place.map_or(message.clone(), |place| message.related(place, format!("means {}", means.word())));
            self.tell(message.help(help), PAGE);
        }
        None
    }

    fn are_values_whole(&self, setting: &str) -> bool {
        let axis = self.written_axis(setting).and_then(|axis| axis.values.as_ref());
        axis.is_some_and(|values| values.value.whole)
    }

    fn place_of_values(&self, setting: &str) -> Option<Span> {
        Some(self.written_axis(setting)?.means.as_ref()?.span)
    }

    fn written_axis(&self, setting: &str) -> Option<&crate::written::matrix::Axis> {
        let settings = self.written.settings.as_ref()?;
        settings.value.entries.iter().find(|(name, _)| name.value.0 == setting).map(|(_, axis)| &axis.value)
    }
}

impl Means {
    fn word(self) -> &'static str {
        match self {
            Self::MemoryIntegrity => "`memory-integrity`",
            Self::SecureBoot => "`secure-boot`",
            Self::TestSigning => "`test-signing`",
        }
    }
}
