//! The lab's faults: one room for all of them, each with its name and what to do about it.
//!
//! A fault is raised where it happens and keeps its kind on the way to every report. It never accuses a product, and no
//! failure of a product is ever told as one: that is [`StepFailure`](crate::StepFailure)'s.

use serde::{Deserialize, Serialize};

/// Our lab did wrong, or cannot tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct LabFault {
    /// Which fault.
    pub kind: FaultKind,
    /// One line for people: what was tried, what was seen, what to do.
    pub message: String,
}

impl LabFault {
    /// A fault of this kind.
    pub fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

/// What there is to know of a kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FaultFacts {
    /// Its name in every format.
    pub name: &'static str,
    /// What it is, a sentence.
    pub meaning: &'static str,
    /// What to look at, or to do.
    pub look_at: &'static str,
    /// Whether it may be gone when the arm is begun anew.
    pub may_pass: bool,
}

/// The lab's faults, by name: host first, then image, connection, guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// QEMU could not be started.
    QemuStart,
    /// QEMU ended although nobody asked it to.
    QemuDied,
    /// QEMU does not answer on its control socket, or paused the machine.
    QemuHung,
    /// The host has no memory for a machine, or took it away.
    HostMemory,
    /// The host has no room left on a disk.
    HostDiskFull,
    /// The host gives no more file handles.
    HostFileHandles,
    /// The host's file system refused something.
    HostFile,
    /// Every port for the guest's SSH service was taken by somebody else.
    PortTaken,
    /// Another machine answers where this one should.
    WrongMachine,
    /// The image is not there.
    ImageMissing,
    /// The image is not what the plan was made from.
    ImageAltered,
    /// The image's evaluation period is over.
    ImageExpired,
    /// The image did not come up, or failed, before any product was in it.
    NoAnswer,
    /// The guest lives, and its SSH service refuses connections or commands.
    SshRefused,
    /// The guest shows another host key than the image's.
    SshWrongKey,
    /// The guest does not accept the lab's key.
    SshAuthentication,
    /// A command's connection broke although the guest lives on.
    ExecCut,
    /// A transfer broke although the guest lives on.
    TransferCut,
    /// A file in the guest is not as long as what was written to it.
    ShortWrite,
    /// The guest's disk has no room for what the lab puts there.
    GuestDiskFull,
    /// The guest's clock is more than a day off.
    GuestClock,
    /// A setting did not take effect, or did not stay.
    NotAsConfigured,
    /// A product keeps the lab out of the guest.
    BlockedByAgent,
    /// The guest answered in a way that the lab does not understand.
    GuestDisagrees,
    /// A step of the lab's own took longer than it may.
    Deadline,
}

impl FaultKind {
    /// All of them.
    pub const ALL: [Self; 25] = [
        Self::QemuStart,
        Self::QemuDied,
        Self::QemuHung,
        Self::HostMemory,
        Self::HostDiskFull,
        Self::HostFileHandles,
        Self::HostFile,
        Self::PortTaken,
        Self::WrongMachine,
        Self::ImageMissing,
        Self::ImageAltered,
        Self::ImageExpired,
        Self::NoAnswer,
        Self::SshRefused,
        Self::SshWrongKey,
        Self::SshAuthentication,
        Self::ExecCut,
        Self::TransferCut,
        Self::ShortWrite,
        Self::GuestDiskFull,
        Self::GuestClock,
        Self::NotAsConfigured,
        Self::BlockedByAgent,
        Self::GuestDisagrees,
        Self::Deadline,
    ];

    /// What there is to know of it.
    #[must_use]
    pub fn facts(self) -> FaultFacts {
        let facts = |name, meaning, look_at, may_pass| FaultFacts { name, meaning, look_at, may_pass };
        match self {
            Self::QemuStart => facts(
                "qemu-start",
                "QEMU could not be started.",
                "qemu.log of the arm and the command in it; `coexist doctor` proves QEMU on this host",
                true,
            ),
            Self::QemuDied => facts(
                "qemu-died",
                "QEMU ended although nobody asked it to.",
                "qemu.log, and the host's journal: something killed it, or it crashed",
                true,
            ),
            Self::QemuHung => facts(
                "qemu-hung",
                "QEMU does not answer on its control socket, or paused the machine.",
                "qemu.log; whether the host is overloaded or something stopped the process",
                true,
            ),
            Self::HostMemory => facts(
                "host-memory",
                "The host has no memory for a machine, or took it away.",
                "`coexist doctor` for what fits at once; free some memory, or raise the limit of the container",
                true,
            ),
            Self::HostDiskFull => facts(
                "host-disk-full",
                "The host has no room left on a disk.",
                "free some room where the run's folder lies, then run again",
                false,
            ),
            Self::HostFileHandles => facts(
                "host-file-handles",
                "The host gives no more file handles.",
                "raise the limit (`ulimit -n`), or close what holds them",
                false,
            ),
            Self::HostFile => facts(
                "host-file",
                "The host's file system refused something.",
                "the path and the system's words in the message",
                false,
            ),
            Self::PortTaken => facts(
                "port-taken",
                "Every port for the guest's SSH service was taken by somebody else.",
                "what listens on this host (`ss -ltnp`); widen `ip_local_port_range` if it is narrow",
                true,
            ),
            Self::WrongMachine => facts(
                "wrong-machine",
                "Another machine answers where this one should.",
                "who else forwards the port in the message",
                true,
            ),
            Self::ImageMissing => facts(
                "image-missing",
                "The image is not there.",
                "the path in the message; build or fetch the image again",
                false,
            ),
            Self::ImageAltered => facts(
                "image-altered",
                "The image is not what the plan was made from.",
                "restore the disk, or give the catalogue entry its new digest and make the plan again",
                false,
            ),
            Self::ImageExpired => facts(
                "image-expired",
                "The image's evaluation period is over.",
                "build the image anew from current media",
                false,
            ),
            Self::NoAnswer => facts(
                "no-answer",
                "The image did not come up, or failed, before any product was in it.",
                "the picture of the screen and the serial log; start the image by itself",
                true,
            ),
            Self::SshRefused => facts(
                "ssh-refused",
                "The guest lives, and its SSH service refuses connections or commands.",
                "the event log of the guest: what stopped `sshd`",
                true,
            ),
            Self::SshWrongKey => facts(
                "ssh-wrong-key",
                "The guest shows another host key than the image's.",
                "the host key in the image's catalogue entry; whether another machine answers",
                false,
            ),
            Self::SshAuthentication => facts(
                "ssh-authentication",
                "The guest does not accept the lab's key.",
                "the account, and the rights of `administrators_authorized_keys` in the image",
                false,
            ),
            Self::ExecCut => facts(
                "exec-cut",
                "A command's connection broke although the guest lives on.",
                "whether something in the guest or on the host resets connections",
                true,
            ),
            Self::TransferCut => facts(
                "transfer-cut",
                "A transfer broke although the guest lives on.",
                "whether something in the guest or on the host resets connections",
                true,
            ),
            Self::ShortWrite => facts(
                "short-write",
                "A file in the guest is not as long as what was written to it.",
                "room on the guest's disk; whether a product truncates or locks the file",
                true,
            ),
            Self::GuestDiskFull => facts(
                "guest-disk-full",
                "The guest's disk has no room for what the lab puts there.",
                "give the image a larger disk, or shrink what the matrix puts there",
                false,
            ),
            Self::GuestClock => facts(
                "guest-clock",
                "The guest's clock is more than a day off.",
                "the host's clock (`timedatectl`), then what sets the image's",
                false,
            ),
            Self::NotAsConfigured => facts(
                "not-as-configured",
                "A setting did not take effect, or did not stay.",
                "how the matrix applies it and reads it back, by hand on the image",
                false,
            ),
            Self::BlockedByAgent => facts(
                "blocked-by-agent",
                "A product keeps the lab out of the guest.",
                "the product's console: an exception for the lab's account, port and folder, agreed with the vendor",
                false,
            ),
            Self::GuestDisagrees => facts(
                "guest-disagrees",
                "The guest answered in a way that the lab does not understand.",
                "the answer in the message beside what Windows documents; report it to us if Windows is right",
                false,
            ),
            Self::Deadline => facts(
                "deadline",
                "A step of the lab's own took longer than it may.",
                "whether the host is overloaded; the matrix' `policy: deadlines`",
                true,
            ),
        }
    }

    /// Its name in every format.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.facts().name
    }

    /// Whether it may be gone when the arm is begun anew.
    #[must_use]
    pub fn may_pass(self) -> bool {
        self.facts().may_pass
    }
}

impl std::fmt::Display for FaultKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_one_name_and_says_what_to_do() {
        for kind in FaultKind::ALL {
            let facts = kind.facts();
            assert_eq!(serde_json::to_value(kind).unwrap(), facts.name, "the record's name is the reports' name");
            assert!(facts.meaning.ends_with('.') && !facts.look_at.is_empty());
            assert_eq!(FaultKind::ALL.iter().filter(|it| it.as_str() == facts.name).count(), 1);
        }
        let unknown = serde_json::from_str::<FaultKind>("\"nonsense\"").unwrap_err().to_string();
        let names = FaultKind::ALL.map(|kind| format!("`{kind}`")).join(", ");
        assert!(unknown.contains(&format!("one of {names} at")), "a kind is missing in ALL: {unknown}");
    }
}
