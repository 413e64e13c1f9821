//! Misfortunes on the built image, as far as only a whole machine shows them.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use standin_behaviour::CutShort;
use standin_forge::misbehaving::{Misbehaving, Trouble};

use crate::vm::{Firmware, Vm, run};
use crate::{image, text, volume};

/// One of these machines at a time: they wait for one another's processors otherwise.
static TURN: Mutex<()> = Mutex::new(());

/// A machine that has come up, and the turn to have one.
fn machine() -> (Vm, MutexGuard<'static, ()>) {
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let vm = Vm::start(image(), Firmware::Bios, "standin-client-26100");
    assert_eq!(vm.ssh("ver").0, 0);
    (vm, turn)
}

/// Installs a product with this trouble.
fn install(vm: &Vm, seed: u64, trouble: Trouble) -> Misbehaving {
    let drawn = Misbehaving::random(seed, trouble);
    vm.put(&drawn.agent.package().unwrap(), "/C:/product.msi");
    assert_eq!(vm.ssh(r"msiexec /i C:\product.msi /qn /norestart").0, 0, "{trouble:?}");
    drawn
}

/// The system's volume as the machine leaves it now, held still meanwhile.
struct Frozen {
    _folder: tempfile::TempDir,
    volume: PathBuf,
}

impl Frozen {
    fn of(vm: &mut Vm) -> Self {
        vm.qmp("stop");
        let folder = tempfile::tempdir().unwrap();
        let disk = folder.path().join("frozen.qcow2");
        fs::copy(vm.disk(), &disk).unwrap();
        vm.qmp("cont");
        let volume = volume(&disk, folder.path());
        Self { _folder: folder, volume }
    }

    fn file(&self, path: &str) -> Vec<u8> {
        run(Command::new("ntfscat").arg("-f").arg(&self.volume).arg(path))
    }
}

fn word(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()).try_into().unwrap()
}

#[test]
fn two_failed_boots_lead_to_the_recovery_screen_where_it_is_on() {
    let (mut vm, _turn) = machine();
    install(&vm, 11, Trouble::BootLoop);
    assert_eq!(vm.ssh("bcdedit /set {default} recoveryenabled yes").0, 0);
    vm.ssh("shutdown /r /t 0");
    vm.said("recovery environment", 1);
    assert_eq!(vm.serial().matches("*** STOP: 0x").count(), 2);
    let frozen = Frozen::of(&mut vm);
    let trail = frozen.file("Windows/System32/LogFiles/Srt/SrtTrail.txt");
    assert!(text(&trail).replace('\0', "").contains("Startup Repair diagnosis and repair log"));
    assert_eq!(frozen.file("pagefile.sys")[..8], *b"PAGEDU64", "no good boot has taken the dump");
}

#[test]
fn a_kernel_dump_becomes_two_files() {
    let (mut vm, _turn) = machine();
    let key = r#""HKLM\SYSTEM\CurrentControlSet\Control\CrashControl""#;
    assert_eq!(vm.ssh(&format!("reg add {key} /v CrashDumpEnabled /t REG_DWORD /d 7 /f")).0, 0);
    vm.ssh("shutdown /r /t 0");
    vm.said("listening", 2);
    vm.qmp("inject-nmi");
    vm.event("GUEST_CRASHLOADED");
    vm.said("listening", 3);
    assert!(vm.ssh(r"dir /b C:\Windows\Minidump").1.contains("-01.dmp"));
    let (_, events) = vm.ssh("wevtutil qe System /f:xml");
    assert!(events.contains(r"<Data Name='param2'>C:\Windows\MEMORY.DMP</Data>"), "{events}");
    let dump = Frozen::of(&mut vm).file("Windows/MEMORY.DMP");
    assert_eq!((&dump[..8], word(&dump, 0x38), word(&dump, 0xf98)), (&b"PAGEDU64"[..], 0x80, 6));
    assert_eq!(word(&dump, 0xfa0), dump.len());
}

#[test]
fn an_interrupt_reaches_a_system_that_hangs() {
    let (mut vm, _turn) = machine();
    install(&vm, 19, Trouble::Hang);
    vm.ssh("shutdown /r /t 0");
    vm.said("drivers are in memory", 2);
    vm.qmp("inject-nmi");
    vm.event("GUEST_CRASHLOADED");
    vm.said("bytes written", 1);
    let page_file = Frozen::of(&mut vm).file("pagefile.sys");
    assert_eq!((&page_file[..8], word(&page_file, 0x38)), (&b"PAGEDU64"[..], 0x80));
}

#[test]
fn half_a_dump_stays_half() {
    let (mut vm, _turn) = machine();
    let drawn = install(&vm, 13, Trouble::PowerLost { end: CutShort::StandStill });
    vm.ssh("shutdown /r /t 0");
    vm.event("GUEST_CRASHLOADED");
    vm.said("bytes written", 1);
    let frozen = Frozen::of(&mut vm);
    let page_file = frozen.file("pagefile.sys");
    assert_eq!((&page_file[..8], word(&page_file, 0x38)), (&b"PAGEDU64"[..], drawn.truth.stop.unwrap().code as usize));
    let end = word(&page_file, 0x2008);
    assert_eq!(page_file[end..end + 4], [0; 4], "the last word is missing");

    vm.qmp("system_reset");
    let (_, events) = vm.ssh("wevtutil qe System /f:xml");
    assert!(events.contains("<EventID Qualifiers='49152'>161</EventID>"), "{events}");
    assert!(events.contains("<Data Name='BugcheckCode'>0</Data>"), "{events}");
    assert_eq!(vm.ssh(r"dir /b C:\Windows\Minidump").1.trim(), "");
}

#[test]
fn a_full_disk_keeps_no_dump_and_no_system_from_running() {
    let (mut vm, _turn) = machine();
    install(&vm, 14, Trouble::FullDisk { leave: 32 << 10 });
    vm.ssh("shutdown /r /t 0");
    vm.event("GUEST_CRASHLOADED");
    vm.said("listening", 2);
    assert!(vm.serial().contains("dump stays where it is"), "{}", vm.serial());
    assert_eq!(vm.ssh(r"dir /b C:\Windows\Minidump").1.trim(), "");
    let (_, events) = vm.ssh("wevtutil qe System /f:xml");
    assert!(events.contains("<EventID Qualifiers='49152'>161</EventID>"), "{events}");
    assert_eq!(Frozen::of(&mut vm).file("pagefile.sys")[..8], *b"PAGEDU64");
    // and again, on a disk that is still full
    vm.ssh("shutdown /r /t 0");
    vm.said("listening", 3);
    assert_eq!(vm.ssh("ver").0, 0);
}

#[test]
fn what_a_system_survives_is_told_in_its_files() {
    let (vm, _turn) = machine();
    let after_ms = 500;
    install(&vm, 15, Trouble::LiveReport { after_ms });
    let crashes = install(&vm, 16, Trouble::ServiceCrashes { after_ms });
    let vanishes = install(&vm, 17, Trouble::FilterVanishes { after_ms });
    install(&vm, 18, Trouble::SlowNetwork { ms: 3_000 });
    vm.ssh("shutdown /r /t 0");
    vm.said("listening", 2);
    // the network comes back by itself
    assert_eq!(vm.ssh("ver").0, 0);
    vm.said("live report", 2);
    assert!(vm.ssh(r"dir /s /b C:\Windows\LiveKernelReports").1.contains("WATCHDOG-"));
    assert!(vm.ssh(r"dir /s /b C:\ProgramData\Microsoft\Windows\WER\ReportQueue").1.contains(".mdmp"));
    let (_, services) = vm.ssh(&format!("sc query {}", crashes.agent.service.name));
    assert!(services.contains("STOPPED") && services.contains("1067"), "{services}");
    let (_, filters) = vm.ssh("fltmc filters");
    assert!(!filters.contains(&vanishes.agent.driver.unwrap().service), "{filters}");
    let (_, events) = vm.ssh("wevtutil qe Application /f:xml");
    assert!(events.contains("LiveKernelEvent") && events.contains("APPCRASH"), "{events}");
}
