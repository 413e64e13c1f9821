//! What Windows asks for where the candidate's drivers are signed in a given way.
//!
//! Test-signed drivers load only with the boot option TESTSIGNING, and that option has no effect while Secure Boot is on
//! ([R] Windows driver documentation, "How to Test Preproduction Drivers with Secure Boot Enabled": it "requires
//! disabling Secure Boot"; "Secure boot feature signing requirements for kernel-mode drivers": testsigning is disabled
//! when Secure Boot is on). Nothing that was read says that memory integrity keeps a test-signed driver out where
//! TESTSIGNING is on, so that no rule speaks of it, for no signature ([K]).
//!
//! Attested drivers are for clients: attestation "only works on Windows 10 Desktop and later", while drivers that passed
//! the tests of the hardware laboratory work on "Windows Server editions" too ([R] Windows driver documentation, "Driver
//! signing offerings"). For Windows Server "Attestation Signing is not an option", with Secure Boot off as one of the
//! exceptions ([R] OSR, "Driver Signing Details Emerge", 2016-06-02, after Microsoft's own talk). Whether Windows Server
//! enforces it was not seen here ([K]: in OSR's forum a Server 2016 evaluation loaded attested drivers in 2016). WHQL-signed
//! drivers ask for nothing.

use coexist_model::{CandidateKind, Edition, Firmware};

use crate::checked::matrix::Checker;
use crate::checked::{Because, Checked, Condition, Constraint, IncludeRow, ListedImage, Means, Signing, kind_word};
use crate::message::{Message, Mistake, Severity};
use crate::source::Span;
use crate::words::{listed, quote};

const PAGE: &str = "matrix.md#signing";
/// How the rules that come from a signature are told apart from those that somebody wrote: no sentence has a colon.
const LABEL: &str = "signing: ";

/// What the candidate's signature forces in every cell: settings, each with its value.
pub(crate) fn forced(checked: &Checked) -> Vec<(String, String)> {
    let by_signing = checked.constraints.iter().filter(|constraint| constraint.why.label.starts_with(LABEL));
    let setting = |condition: &Condition| match condition {
        Condition::Setting(name, values) => Some((name.clone(), values.first()?.clone())),
        _ => None,
    };
    by_signing.filter_map(|constraint| setting(&constraint.condition)).collect()
}

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
    pub(super) fn check_signing(&mut self, images: &[ListedImage], include: &[IncludeRow]) -> Vec<Constraint> {
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
        match signing.value {
            Signing::Test => {
                let wanted = [(Means::SecureBoot, "off"), (Means::TestSigning, "on")];
                wanted.iter().filter_map(|(means, value)| self.forced(*means, value, signing.span)).collect()
            }
            Signing::Attested => {
                let all = images.iter().chain(include.iter().map(|row| &row.image));
                // Secure Boot is a part of UEFI: a machine with a BIOS has it off.
                let servers = all.filter(|it| {
                    it.image.windows.edition == Edition::Server && it.image.machine.firmware == Firmware::Uefi
                });
                let servers: Vec<&ListedImage> = servers.collect();
                self.no_attested_server(&servers, signing.span).into_iter().collect()
            }
            Signing::Whql => Vec::new(),
        }
    }

    /// What a test-signed driver needs of a setting.
    fn forced(&mut self, means: Means, value: &str, span: Span) -> Option<Constraint> {
        let (name, values) = self.meaning(means)?;
        if values.iter().any(|it| it == value) {
            let label = format!("{LABEL}test needs {name} {value}");
            let condition = Condition::Setting(name, vec![value.to_owned()]);
            return Some(Constraint { condition, why: Because { label, span } });
        }
        self.tell_value_not_named("test", means, value, span);
        None
    }

    /// Keeps servers with Secure Boot away from attested drivers.
    fn no_attested_server(&mut self, servers: &[&ListedImage], span: Span) -> Option<Constraint> {
        if servers.is_empty() {
            return None;
        }
        let Some((name, values)) = self.meaning(Means::SecureBoot) else {
            self.warn_of_servers(servers, span);
            return None;
        };
        if values.iter().any(|it| it == "on") {
            let label = format!("{LABEL}attested is not for Windows Server with {name} on");
            let of_servers = Condition::Image(servers.iter().map(|it| it.image.id.clone()).collect());
            let both = Condition::All(vec![of_servers, Condition::Setting(name, vec!["on".to_owned()])]);
            return Some(Constraint { condition: Condition::Not(Box::new(both)), why: Because { label, span } });
        }
        // Where Secure Boot is off in every cell there is nothing to keep out.
        if values.iter().any(|it| it != "off") {
            self.tell_value_not_named("attested", Means::SecureBoot, "on", span);
        }
        None
    }

    /// No setting says whether Secure Boot is on, so that no rule can.
    fn warn_of_servers(&mut self, servers: &[&ListedImage], span: Span) {
        // What could not be read may be that setting.
        if !self.are_settings_whole() {
            return;
        }
        let found = "attested drivers are for Windows clients: a server with Secure Boot on may refuse them";
        let message = Message::error(Mistake::NotForServer, span, found, "not for Windows Server");
        let message = servers.iter().fold(message.severity(Severity::Warning), |message, server| {
            message.related(server.span, format!("{} is a server", quote(&server.image.id)))
        });
        let help = "say which setting `means: secure-boot`, so that the plan keeps these cells out; leave the servers out; \
                    or try a `whql` candidate";
        self.tell(message.help(help), PAGE);
    }

    /// The setting of that meaning, with the names of its values.
    fn meaning(&self, means: Means) -> Option<(String, Vec<String>)> {
        let axis = self.axes.iter().find(|axis| axis.means == Some(means))?;
        Some((axis.name.clone(), axis.values.iter().map(|it| it.setting.value.clone()).collect()))
    }

    fn tell_value_not_named(&mut self, signing: &str, means: Means, value: &str, span: Span) {
        let Some((name, values)) = self.meaning(means) else { return };
        // A value that could not be read may be the one.
        if !self.are_values_whole(&name) {
            return;
        }
        let found =
            format!("`signing: {signing}` speaks of {} `{value}`, and it has no value of that name", quote(&name));
        let help = format!("its values are {}; name the one that is meant `{value}`, or add it", listed(values));
        let expected = format!("expected a value `{value}` of {}", quote(&name));
        let message = Message::error(Mistake::ValueNotNamed, span, found, expected);
        let message = match self.place_of_meaning(&name) {
            Some(place) => message.related(place, format!("means {}", means.word())),
            None => message,
        };
        self.tell(message.help(help), PAGE);
    }

    fn are_values_whole(&self, setting: &str) -> bool {
        let axis = self.written_axis(setting).and_then(|axis| axis.values.as_ref());
        axis.is_some_and(|values| values.value.whole)
    }

    fn place_of_meaning(&self, setting: &str) -> Option<Span> {
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
