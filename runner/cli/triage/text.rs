//! A triage for people. Every line begins with words of ours, and what a guest said is made printable.

use std::fmt::Write;

use coexist_evidence::stop_codes;
use coexist_model::{
    Blame, BootHistory, Crash, CrashSettings, DriverFile, HiveFacts, LoggedBoot, LoggedEnd, Strength, Triage,
    TriageFacts, UserCrash, UserException,
};

use crate::printable;

/// Names of unloaded drivers in one line.
const SHOWN_UNLOADED: usize = 12;
/// Stack candidates that are listed.
const SHOWN_STACK: usize = 6;
/// Of a stop code that is not in the list of names; others may have one for it.
const NO_NAME: &str = "(no name known)";

pub(super) fn render(triage: &Triage) -> String {
    let mut page = Page::default();
    let format = match &triage.found.facts {
        Some(TriageFacts::KernelDump(crash)) => crash.format.as_deref(),
        Some(TriageFacts::UserDump(crash)) => Some(crash.format.as_str()),
        Some(TriageFacts::EventLog(_) | TriageFacts::RegistryHive(_) | TriageFacts::Pe(_)) | None => None,
    };
    let mut title = format!("{}: {}", triage.path, triage.found.kind.title());
    format.iter().for_each(|format| title.push_str(&format!(" ({format})")));
    if triage.found.damaged {
        title.push_str(", not whole");
    }
    page.text.push_str(&format!("{}\n", printable::line(&title)));
    match &triage.found.facts {
        Some(TriageFacts::KernelDump(crash)) => page.crash(crash),
        Some(TriageFacts::UserDump(crash)) => page.process(crash, triage.found.damaged),
        Some(TriageFacts::EventLog(history)) => page.history(history),
        Some(TriageFacts::RegistryHive(hive)) => page.hive(hive),
        Some(TriageFacts::Pe(file)) => page.file(file),
        None => {}
    }
    triage.found.notes.iter().for_each(|note| page.line("note", note));
    page.text
}

/// Lines of a label and what belongs to it.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn line(&mut self, label: &str, text: &str) {
        let _ = writeln!(self.text, "  {label:<11} {}", printable::line(text));
    }

    fn crash(&mut self, crash: &Crash) {
        let name = crash.stop_name.as_deref().unwrap_or(NO_NAME);
        self.line("stop", &format!("{} {name}", crash.stop_code));
        let meanings = meanings(crash);
        for (index, parameter) in crash.parameters.iter().enumerate() {
            let label = if index == 0 { "parameters" } else { "" };
            let meaning = meanings.get(index).and_then(Option::as_deref).unwrap_or_default();
            self.line(label, format!("{} {:<18} {meaning}", index + 1, parameter.to_string()).trim_end());
        }
        self.line("blame", &blame(&crash.blame));
        self.line("why", &crash.blame.reason);
        self.line("bucket", &crash.bucket.0);
        self.line("system", &system(crash));
        if let Some(time) = crash.time {
            self.line("time", &second(time));
        }
        if let Some(process) = &crash.process {
            self.line("process", process);
        }
        for (index, found) in crash.stack.iter().take(SHOWN_STACK).enumerate() {
            let label = if index == 0 { "stack" } else { "" };
            let how = if found.follows_call { ", behind a call" } else { "" };
            self.line(label, &format!("{} {}+{}{how}", found.address, found.module, found.offset));
        }
        let unloaded = crash.unloaded.len();
        if !crash.drivers.is_empty() || unloaded > 0 {
            self.line("drivers", &format!("{} loaded, {unloaded} unloaded", crash.drivers.len()));
        }
        if unloaded > 0 {
            let names = crash.unloaded.iter().map(|driver| driver.name.as_deref().unwrap_or("(no name)"));
            let more = if unloaded > SHOWN_UNLOADED { ", …" } else { "" };
            let list: Vec<&str> = names.take(SHOWN_UNLOADED).collect();
            self.line("unloaded", &format!("{}{more}", list.join(", ")));
        }
    }

    fn process(&mut self, crash: &UserCrash, damaged: bool) {
        match &crash.exception {
            None if damaged => self.line("exception", "none that can be read"),
            None => self.line("exception", "none in the dump"),
            Some(exception) => self.exception(exception),
        }
        self.some("process", crash.process.as_deref());
        self.some("thread", crash.thread.map(|thread| thread.to_string()).as_deref());
        let build = crash.build.map(|build| format!("Windows build {build}"));
        let parts: Vec<String> = [build, crash.architecture.clone()].into_iter().flatten().collect();
        self.some("system", Some(parts.join(", ").as_str()).filter(|text| !text.is_empty()));
        self.some("time", crash.time.map(second).as_deref());
        self.some("modules", Some(crash.modules.len()).filter(|&count| count > 0).map(|it| it.to_string()).as_deref());
    }

    fn exception(&mut self, exception: &UserException) {
        self.line("exception", &format!("{} {}", exception.code, exception.name.as_deref().unwrap_or_default()));
        let place = match (&exception.module, exception.offset) {
            (Some(module), Some(offset)) => format!("{module}+{offset}"),
            (None, Some(offset)) => format!("(a module without a readable name)+{offset}"),
            (_, None) => "in no module that the dump lists".to_owned(),
        };
        self.line("at", &format!("{} {place}", exception.address));
        self.some("accessed", exception.accessed.map(|it| it.to_string()).as_deref());
    }

    fn hive(&mut self, hive: &HiveFacts) {
        let name = hive.name.as_deref().unwrap_or("(no name)");
        let root = hive.root.as_deref().map(|root| format!(", root key {root}")).unwrap_or_default();
        self.line("hive", &format!("{name}{root}"));
        self.some("time", hive.time.map(second).as_deref());
        let revision = hive.revision.map(|revision| format!(".{revision}")).unwrap_or_default();
        self.some("system", hive.build.map(|build| format!("Windows build {build}{revision}")).as_deref());
        self.some("control set", hive.control_set.map(|set| set.to_string()).as_deref());
        if let Some(settings) = &hive.crash_settings {
            self.settings(settings);
        }
        let drivers = hive.drivers.len();
        self.some("services", hive.services.map(|all| format!("{all}, of them {drivers} drivers")).as_deref());
    }

    /// What Windows was to do at a stop.
    fn settings(&mut self, settings: &CrashSettings) {
        let kind = match settings.crash_dump_enabled {
            None => "a dump of a kind that is not told",
            Some(0) => "no dump",
            Some(1) if settings.filter_pages == Some(1) => "a dump of active memory",
            Some(1) => "a complete dump",
            Some(2) => "a kernel dump",
            Some(3) => "a small dump",
            Some(7) => "an automatic dump",
            Some(_) => "a dump of an unknown kind",
        };
        let restart = match settings.auto_reboot {
            Some(true) => ", then a restart",
            Some(false) => ", and no restart",
            None => "",
        };
        self.line("at a stop", &format!("as set: {kind}{restart}"));
        self.some("dump file", settings.dump_file.as_deref());
        self.some("small dumps", settings.minidump_dir.as_deref());
        self.some("raw dump", settings.dedicated_dump_file.as_deref());
    }

    fn file(&mut self, file: &DriverFile) {
        self.some("name", file.name.as_deref());
        self.some("company", file.company.as_deref());
        self.some("product", file.product.as_deref());
        self.some("version", file.version.as_deref());
        self.some("signer", file.signer.as_deref().map(|signer| format!("{signer} (not validated)")).as_deref());
        self.some("machine", file.architecture.as_deref());
        let (stamp, size) = (file.timestamp.map(|it| it.to_string()), file.size.map(|size| format!("{size} bytes")));
        let image: Vec<String> = [stamp, size].into_iter().flatten().collect();
        self.some("image", Some(image.join(", ").as_str()).filter(|text| !text.is_empty()));
    }

    /// A line for what is known.
    fn some(&mut self, label: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.line(label, text);
        }
    }

    fn history(&mut self, history: &BootHistory) {
        let boots = history.boots.len();
        self.line("boots", &if boots == 0 { "none that it tells of".to_owned() } else { boots.to_string() });
        for boot in &history.boots {
            self.boot(boot);
        }
    }

    fn boot(&mut self, boot: &LoggedBoot) {
        let record = boot.first_record.map_or("no record".to_owned(), |record| format!("record {record}"));
        let started = boot.started.map_or("beginning not told".to_owned(), |time| format!("began {}", second(time)));
        let began = if boot.first_record.is_some() { format!("{record}, {started}") } else { record };
        let mut how = boot.ended.map_or("end unknown", ended).to_owned();
        if let Some(code) = boot.stop_code {
            let name = u32::try_from(code.0).ok().and_then(stop_codes::name).unwrap_or(NO_NAME);
            let _ = write!(how, " {code} {name}");
        }
        if let Some(at) = boot.ended_at {
            // Nobody writes down the moment of another end.
            let seen = if boot.ended == Some(LoggedEnd::Clean) { "" } else { "last known to run " };
            let _ = write!(how, ", {seen}{}", second(at));
        }
        self.line("boot", &format!("{began}: {how}"));
        if !boot.parameters.is_empty() {
            let list: Vec<String> = boot.parameters.iter().map(ToString::to_string).collect();
            self.line("", &format!("parameters {}", list.join(", ")));
        }
        if let Some(dump) = &boot.dump {
            self.line("", &format!("dump {dump}"));
        }
    }
}

/// How a boot ended, with what a word does not tell by itself.
fn ended(end: LoggedEnd) -> &'static str {
    match end {
        LoggedEnd::PowerLoss => "power-loss (or a reset, or a hang before either: no stop was recorded)",
        LoggedEnd::PowerButton => "power-button (held, by the record)",
        LoggedEnd::Clean | LoggedEnd::Bugcheck | LoggedEnd::Unexpected | LoggedEnd::Running => end.as_str(),
    }
}

/// What the parameters stand for, where that is known.
fn meanings(crash: &Crash) -> Vec<Option<String>> {
    let parameters: Result<[u64; 4], _> = crash.parameters.iter().map(|it| it.0).collect::<Vec<_>>().try_into();
    match (u32::try_from(crash.stop_code.0), parameters) {
        (Ok(code), Ok(parameters)) => stop_codes::parameter_meanings(code, &parameters).to_vec(),
        _ => Vec::new(),
    }
}

fn blame(blame: &Blame) -> String {
    let strength = match blame.strength {
        Strength::None => return "nobody".to_owned(),
        Strength::Weak => "weak",
        Strength::Likely => "likely",
        Strength::Strong => "strong",
    };
    let module = blame.module.as_deref().unwrap_or("?");
    let offset = blame.offset.map(|offset| format!("+{offset}")).unwrap_or_default();
    let vendor = blame.vendor.as_deref().map(|vendor| format!(" ({vendor})")).unwrap_or_default();
    format!("{strength}: {module}{offset}{vendor}")
}

fn system(crash: &Crash) -> String {
    let parts = [
        crash.build.map(|build| format!("Windows build {build}")),
        crash.architecture.clone(),
        crash.processors.map(|count| format!("{count} processor{}", if count == 1 { "" } else { "s" })),
        crash.uptime_s.map(|up| format!("up {up} s")),
    ];
    let known: Vec<String> = parts.into_iter().flatten().collect();
    if known.is_empty() { "unknown".to_owned() } else { known.join(", ") }
}

/// A time without the parts of a second.
fn second(time: jiff::Timestamp) -> String {
    let whole = jiff::TimestampRound::new().smallest(jiff::Unit::Second).mode(jiff::RoundMode::Trunc);
    time.round(whole).map_or_else(|_| time.to_string(), |time| time.to_string())
}

#[cfg(test)]
mod tests;
