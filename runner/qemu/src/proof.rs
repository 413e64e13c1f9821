//! Proves acceleration by booting something under it.
//!
//! `/dev/kvm` may open, create machines, and run none of them (nested hosts without the right support do). So a boot
//! sector of ours has to run to its end. The same one runs under emulation at the same time: that proves QEMU itself, and
//! its time tells how long this host takes for it now, so that a busy host is not taken for a broken one.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use coexist_model::Pace;
use tokio::io::AsyncReadExt;

use crate::command::SANDBOX;
use crate::identity::Starter;
use crate::spawner;

/// What runs the guest's instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accelerator {
    /// QEMU's emulation.
    Tcg,
    /// The processor, through the kernel.
    Kvm,
}

impl Accelerator {
    /// As QEMU names it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcg => "tcg",
            Self::Kvm => "kvm",
        }
    }
}

impl std::fmt::Display for Accelerator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// The accelerator that was proved to work, and why it is this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acceleration {
    /// Which.
    pub accelerator: Accelerator,
    /// One sentence for people.
    pub reason: String,
    /// What would make it faster, where something would.
    pub mend: Option<&'static str>,
}

/// The device that promises KVM.
pub(crate) const KVM: &str = "/dev/kvm";

/// ```text
/// ba f4 00    mov dx, 0xf4     the debug exit device
/// b0 31       mov al, 0x31
/// ee          out dx, al       QEMU ends with the status (0x31 << 1) | 1
/// f4          hlt              never reached
/// eb fd       jmp to the hlt
/// ```
const PROGRAM: [u8; 9] = [0xba, 0xf4, 0x00, 0xb0, 0x31, 0xee, 0xf4, 0xeb, 0xfd];
/// Exit status of a QEMU whose guest ran [`PROGRAM`].
const PROVED: i32 = (0x31 << 1) | 1;
/// SeaBIOS does not boot a disk of a single sector on AHCI (seen with QEMU 7.2).
const DISK_BYTES: usize = 1 << 20;

/// Longest time for the proof under emulation, on the slowest host worth using.
const EMULATION_DEADLINE: Duration = Duration::from_secs(30);
/// How long the proof under emulation takes on a host for which deadlines are planned. The two processors that this project
/// is built on take 0.11 s when nothing else runs.
const AS_PLANNED: Duration = Duration::from_millis(250);

/// Least and most time for the proof under KVM.
const KVM_LEAST: Duration = Duration::from_millis(1200);
const KVM_MOST: Duration = Duration::from_secs(10);

/// How a proof ended.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Proof {
    Finished(Duration),
    Failed(String),
    Hung,
}

/// What the proofs showed.
#[derive(Debug)]
pub(crate) struct Proved {
    pub(crate) acceleration: Acceleration,
    /// How fast the host was meanwhile.
    pub(crate) pace: Pace,
    /// Whether QEMU's seccomp filter works here.
    pub(crate) sandbox: bool,
}

/// Runs the proofs. The error says what QEMU said when not even emulation works.
pub(crate) async fn prove(qemu: &Path, starter: &Starter, allow_kvm: bool) -> Result<Proved, String> {
    let folder = tempfile::Builder::new().prefix("coexist-proof-").tempdir().map_err(|error| error.to_string())?;
    let disk = write_disk(folder.path()).await.map_err(|error| error.to_string())?;
    let attempt = Attempt { qemu, starter, disk: &disk };

    let emulation = async {
        match attempt.run(Accelerator::Tcg, true, EMULATION_DEADLINE).await {
            Proof::Failed(words) if mentions_sandbox(&words) => {
                (attempt.run(Accelerator::Tcg, false, EMULATION_DEADLINE).await, false)
            }
            proof => (proof, true),
        }
    };
    let promised = allow_kvm && Path::new(KVM).exists();
    let kvm = async { if promised { Some(attempt.run(Accelerator::Kvm, false, KVM_MOST).await) } else { None } };
    tokio::pin!(emulation, kvm);

    let begin = Instant::now();
    let mut kvm_proof = None;
    let mut kvm_ended = false;
    let (emulated, sandbox) = loop {
        tokio::select! {
            ended = &mut emulation => break ended,
            ended = &mut kvm, if !kvm_ended => {
                kvm_proof = ended;
                kvm_ended = true;
            }
        }
    };
    let took = match emulated {
        Proof::Finished(took) => took,
        Proof::Failed(words) => return Err(words),
        Proof::Hung => return Err(format!("a boot sector did not run to its end within {EMULATION_DEADLINE:?}")),
    };
    if !kvm_ended {
        let left = kvm_deadline(took).saturating_sub(begin.elapsed());
        // Dropping the unfinished proof kills its QEMU.
        kvm_proof = tokio::time::timeout(left, &mut kvm).await.unwrap_or(Some(Proof::Hung));
    }
    let pace = attempt.pace(took, sandbox).await;
    Ok(Proved { acceleration: judge(allow_kvm, kvm_proof, took), pace, sandbox })
}

/// KVM is faster than emulation or it is broken; a little is granted for the noise of a busy host.
fn kvm_deadline(emulation_took: Duration) -> Duration {
    (emulation_took * 4).clamp(KVM_LEAST, KVM_MOST)
}

/// Where there is no device.
const NO_DEVICE: &str = "modprobe kvm_intel or kvm_amd, with virtualisation on in the firmware; for a virtual machine, \
                         nested virtualisation on its host; for a container, `--device /dev/kvm`";
/// Where this user may not use it.
const NO_ENTRY: &str = "usermod -aG kvm USER, then log in again";
/// Where it runs nothing.
const BROKEN: &str = "this host's own hypervisor must allow nested virtualisation; without, emulation is used";

fn judge(allowed: bool, kvm: Option<Proof>, emulation_took: Duration) -> Acceleration {
    let (accelerator, reason, mend) = match kvm {
        None if !allowed => (Accelerator::Tcg, "KVM was not asked for".to_owned(), None),
        None => (Accelerator::Tcg, format!("this host has no {KVM}"), Some(NO_DEVICE)),
        Some(Proof::Finished(took)) => {
            (Accelerator::Kvm, format!("a test guest ran under KVM in {:.1} s", took.as_secs_f64()), None)
        }
        Some(Proof::Failed(words)) => {
            let mend = if words.contains("Permission denied") { NO_ENTRY } else { BROKEN };
            (Accelerator::Tcg, format!("{KVM} is there, but cannot be used: {words}"), Some(mend))
        }
        Some(Proof::Hung) => {
            let emulated = emulation_took.as_secs_f64();
            let given = kvm_deadline(emulation_took).as_secs_f64();
            let reason = format!(
                "{KVM} opens, but a test guest that takes {emulated:.1} s under emulation hung under KVM (given {given:.1} s)"
            );
            (Accelerator::Tcg, reason, Some(BROKEN))
        }
    };
    Acceleration { accelerator, reason, mend }
}

fn mentions_sandbox(words: &str) -> bool {
    let words = words.to_lowercase();
    words.contains("sandbox") || words.contains("seccomp")
}

async fn write_disk(folder: &Path) -> std::io::Result<PathBuf> {
    let mut disk = vec![0; DISK_BYTES];
    for (place, byte) in disk.iter_mut().zip(PROGRAM) {
        *place = byte;
    }
    for (place, byte) in disk.iter_mut().skip(510).zip([0x55, 0xaa]) {
        *place = byte;
    }
    let file = folder.join("proof.img");
    tokio::fs::write(&file, disk).await?;
    Ok(file)
}

struct Attempt<'a> {
    qemu: &'a Path,
    starter: &'a Starter,
    disk: &'a Path,
}

impl Attempt<'_> {
    /// The host's pace, from the time that a proof took. A slow one is tried once more, and the better time counts: what
    /// kept the host busy for a moment must not stretch a whole run's deadlines.
    async fn pace(&self, took: Duration, sandbox: bool) -> Pace {
        if Pace::measured(took, AS_PLANNED) == Pace::AS_PLANNED {
            return Pace::AS_PLANNED;
        }
        let again = match self.run(Accelerator::Tcg, sandbox, EMULATION_DEADLINE).await {
            Proof::Finished(again) => again,
            Proof::Failed(_) | Proof::Hung => took,
        };
        Pace::measured(took.min(again), AS_PLANNED)
    }

    async fn run(&self, accelerator: Accelerator, sandbox: bool, deadline: Duration) -> Proof {
        let mut command = self.starter.command(self.qemu);
        command.args(["-nodefaults", "-no-user-config", "-machine", "q35,vmport=off", "-m", "size=32M"]);
        command.args(["-accel", accelerator.as_str(), "-display", "none", "-no-reboot"]);
        command.args(["-device", "isa-debug-exit,iobase=0xf4,iosize=0x1"]);
        command.args(["-device", "ide-hd,drive=disk0,bus=ide.0,bootindex=0", "-blockdev"]);
        // Both proofs use one disk at the same time, which nobody writes.
        command.arg(
            serde_json::json!({
                "driver": "raw", "node-name": "disk0", "file": { "driver": "file", "filename": self.disk, "locking": "off" }
            })
            .to_string(),
        );
        if accelerator == Accelerator::Kvm {
            command.args(["-cpu", "host"]);
        }
        if sandbox {
            command.args(SANDBOX);
        }
        command.stderr(Stdio::piped());
        let begin = Instant::now();
        let run = async {
            let mut child = spawner::spawn(command).await?;
            let mut words = Vec::new();
            if let Some(stderr) = child.stderr.take() {
                stderr.take(4096).read_to_end(&mut words).await?;
            }
            Ok::<_, std::io::Error>((child.wait().await?, words))
        };
        match tokio::time::timeout(deadline, run).await {
            Err(_late) => Proof::Hung,
            Ok(Err(error)) => Proof::Failed(error.to_string()),
            Ok(Ok((status, _))) if status.code() == Some(PROVED) => Proof::Finished(begin.elapsed()),
            Ok(Ok((status, words))) => {
                let words = String::from_utf8_lossy(&words);
                let last = words.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it printed nothing");
                Proof::Failed(format!("{last} ({status})"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOOK: Duration = Duration::from_millis(110);

    #[test]
    fn only_a_finished_guest_proves_kvm() {
        let judged = |kvm| judge(true, kvm, TOOK);
        let proved = judged(Some(Proof::Finished(TOOK)));
        assert_eq!(
            (proved.accelerator, proved.reason.as_str()),
            (Accelerator::Kvm, "a test guest ran under KVM in 0.1 s")
        );
        assert_eq!(judged(None).reason, "this host has no /dev/kvm");
        assert_eq!(judge(false, None, TOOK).reason, "KVM was not asked for");
        let mend = |kvm| judged(kvm).mend;
        assert_eq!((mend(Some(Proof::Finished(TOOK))), mend(None)), (None, Some(NO_DEVICE)));
        assert_eq!(mend(Some(Proof::Failed("Could not access KVM: Permission denied".to_owned()))), Some(NO_ENTRY));
        assert_eq!(mend(Some(Proof::Hung)), Some(BROKEN));
        for broken in [Some(Proof::Hung), Some(Proof::Failed("Permission denied".to_owned())), None] {
            assert_eq!(judged(broken.clone()).accelerator, Accelerator::Tcg, "{broken:?}");
        }
    }

    #[test]
    fn a_busy_host_gets_more_time() {
        assert_eq!(kvm_deadline(TOOK), KVM_LEAST);
        assert_eq!(kvm_deadline(Duration::from_secs(1)), Duration::from_secs(4));
        assert_eq!(kvm_deadline(Duration::from_secs(20)), KVM_MOST);
    }
}
