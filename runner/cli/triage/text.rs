//! A triage for people. Every line begins with words of ours, and what a guest said is made printable.

use std::fmt::Write;

use coexist_evidence::stop_codes::{self, Suspects};
use coexist_model::{Blame, BootHistory, Crash, LoggedBoot, LoggedEnd, Strength, Triage, TriageFacts};

use crate::printable;

/// Names of unloaded drivers in one line.
const SHOWN_UNLOADED: usize = 12;

pub(super) fn render(triage: &Triage) -> String {
    let mut page = Page::default();
    let format = match &triage.found.facts {
        Some(TriageFacts::KernelDump(crash)) => crash.format.as_deref(),
        Some(TriageFacts::EventLog(_)) | None => None,
    };
    let mut title = format!("{}: {}", triage.path, triage.found.kind.title());
    format.iter().for_each(|format| title.push_str(&format!(" ({format})")));
    if triage.found.damaged {
        title.push_str(", not whole");
    }
    page.text.push_str(&format!("{}\n", printable::line(&title)));
    match &triage.found.facts {
        Some(TriageFacts::KernelDump(crash)) => page.crash(crash),
        Some(TriageFacts::EventLog(history)) => page.history(history),
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
        let name = crash.stop_name.as_deref().unwrap_or("(no public name)");
        self.line("stop", &format!("{} {name}", crash.stop_code));
        let code = u32::try_from(crash.stop_code.0).ok();
        for (index, parameter) in crash.parameters.iter().enumerate() {
            let label = if index == 0 { "parameters" } else { "" };
            let meaning = code.and_then(|code| meaning(code, index + 1)).unwrap_or_default();
            self.line(label, format!("{} {parameter:<18} {meaning}", index + 1).trim_end());
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
        let unloaded = crash.unloaded.len();
        if !crash.drivers.is_empty() || unloaded > 0 {
            self.line("drivers", &format!("{} loaded, {unloaded} unloaded", crash.drivers.len()));
        }
        if unloaded > 0 {
            let names = crash.unloaded.iter().map(|driver| driver.name.as_str());
            let more = if unloaded > SHOWN_UNLOADED { ", …" } else { "" };
            let list: Vec<&str> = names.take(SHOWN_UNLOADED).collect();
            self.line("unloaded", &format!("{}{more}", list.join(", ")));
        }
    }

    fn history(&mut self, history: &BootHistory) {
        let boots = history.boots.len();
        self.line("boots", &if boots == 0 { "none".to_owned() } else { boots.to_string() });
        for boot in &history.boots {
            self.boot(boot);
        }
    }

    fn boot(&mut self, boot: &LoggedBoot) {
        let record = boot.first_record.map_or("no record".to_owned(), |record| format!("record {record}"));
        let started = boot.started.map_or("began before the log".to_owned(), |time| format!("began {}", second(time)));
        let began = if boot.first_record.is_some() { format!("{record}, {started}") } else { record };
        let mut how = boot.ended.map_or("end unknown", LoggedEnd::as_str).to_owned();
        if let Some(code) = boot.stop_code {
            let name = u32::try_from(code.0).ok().and_then(stop_codes::name).unwrap_or("(no public name)");
            let _ = write!(how, " {code} {name}");
        }
        if let Some(at) = boot.ended_at {
            let _ = write!(how, ", {}", second(at));
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

/// What a parameter of a code stands for, where that is known here.
fn meaning(code: u32, number: usize) -> Option<&'static str> {
    match stop_codes::suspects(code) {
        Suspects::Parameter(faulting) if faulting == number => Some("the faulting instruction"),
        Suspects::Parameter(_) | Suspects::Hints | Suspects::Nobody(_) => None,
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
