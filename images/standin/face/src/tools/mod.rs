//! The programs of System32 that the lab uses, one small file each.

mod bcdedit;
mod certutil;
mod driverquery;
mod find;
mod findstr;
mod fltmc;
mod fsutil;
mod net;
mod ping;
mod reg;
mod sc;
mod shutdown;
mod small;
mod systeminfo;
mod tar;
mod tasklist;
#[cfg(test)]
mod tests;
mod verifier;
mod wevtutil;
mod xpath;

use crate::process::Process;

/// A program: gets its process, returns its exit code.
pub(crate) type Tool = fn(&mut Process, &Arguments) -> u32;

/// What follows a program's name.
pub(crate) struct Arguments {
    /// As it was written.
    pub(crate) raw: String,
    /// Split as Microsoft's runtime does.
    pub(crate) words: Vec<String>,
}

impl Arguments {
    pub(crate) fn new(raw: &str) -> Self {
        Self { raw: raw.to_owned(), words: crate::cmd::split_arguments(raw) }
    }

    /// The word at this place, or nothing.
    pub(crate) fn word(&self, at: usize) -> &str {
        self.words.get(at).map_or("", String::as_str)
    }

    /// Whether a switch is there, written with `/` or `-`, in any letters.
    pub(crate) fn has(&self, switch: &str) -> bool {
        self.words.iter().any(|word| is_switch(word, switch))
    }

    /// The word after a switch.
    pub(crate) fn after(&self, switch: &str) -> Option<&str> {
        let at = self.words.iter().position(|word| is_switch(word, switch))?;
        self.words.get(at + 1).map(String::as_str)
    }
}

/// Whether a word is this switch, written with `/` or `-`, in any letters.
pub(crate) fn is_switch(word: &str, switch: &str) -> bool {
    word.strip_prefix(['/', '-']).is_some_and(|it| it.eq_ignore_ascii_case(switch))
}

const TABLE: &[(&str, Tool)] = &[
    ("bcdedit", bcdedit::run),
    ("certutil", certutil::run),
    ("chcp", small::chcp),
    ("cmd", small::cmd),
    ("driverquery", driverquery::run),
    ("fc", small::fc),
    ("find", find::run),
    ("findstr", findstr::run),
    ("fltmc", fltmc::run),
    ("fsutil", fsutil::run),
    ("hostname", small::hostname),
    ("more", small::more),
    ("msiexec", crate::msi::run),
    ("net", net::run),
    ("ping", ping::run),
    ("reg", reg::run),
    ("sc", sc::run),
    ("shutdown", shutdown::run),
    ("sort", small::sort),
    ("systeminfo", systeminfo::run),
    ("tar", tar::run),
    ("tasklist", tasklist::run),
    ("timeout", small::timeout),
    ("verifier", verifier::run),
    ("wevtutil", wevtutil::run),
    ("where", small::locate),
    ("whoami", small::whoami),
];

/// The tool with this name, with or without `.exe` (`chcp` and `more` are `.com`).
pub(crate) fn find(name: &str) -> Option<Tool> {
    let lower = name.to_ascii_lowercase();
    let stem = lower.strip_suffix(".exe").or_else(|| lower.strip_suffix(".com")).unwrap_or(&lower);
    TABLE.iter().find(|(name, _)| *name == stem).map(|(_, run)| *run)
}

/// All names.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|(name, _)| *name)
}

/// What Windows says for a Win32 error.
pub(crate) fn message(error: u32) -> String {
    match error {
        2 => "The system cannot find the file specified.",
        3 => "The system cannot find the path specified.",
        5 => "Access is denied.",
        29 => "The system cannot write to the specified device.",
        31 => "A device attached to the system is not functioning.",
        80 => "The file exists.",
        87 => "The parameter is incorrect.",
        112 => "There is not enough space on the disk.",
        193 => "%1 is not a valid Win32 application.",
        577 => "Windows cannot verify the digital signature for this file. A recent hardware or software change might have \
                installed a file that is signed incorrectly or damaged, or that might be malicious software from an \
                unknown source.",
        1052 => "The requested control is not valid for this service.",
        1053 => "The service did not respond to the start or control request in a timely fashion.",
        1056 => "An instance of the service is already running.",
        1058 => "The service cannot be started, either because it is disabled or because it has no enabled devices \
                 associated with it.",
        1060 => "The specified service does not exist as an installed service.",
        1062 => "The service has not been started.",
        1068 => "The dependency service or group failed to start.",
        1073 => "The specified service already exists.",
        1275 => "This driver has been blocked from loading",
        _ => return format!("Unknown error {error}."),
    }
    .to_owned()
}
