//! A folder, a provider, and ways to look at its machines from outside.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use coexist_lab::{Machine, MachineSpec, Provider};
use coexist_model::{
    Arm, ArmRef, Disk, DiskBus, Edition, Firmware, GuestAccess, Image, MachineEvent, MachineProfile, MachineSign,
    NetworkCard, Pace, Seconds, WindowsFacts,
};
use coexist_qemu::{QemuOptions, QemuProvider};
use sha2::Digest;

/// Longest wait for anything, on a host whose every core is busy.
const DEADLINE: Duration = Duration::from_secs(60);

pub(crate) fn is_reset(event: &MachineEvent) -> bool {
    matches!(event.what, MachineSign::Reset { .. })
}

pub(crate) fn is_end(event: &MachineEvent) -> bool {
    matches!(event.what, MachineSign::Exited { .. })
}

/// One test's surroundings.
pub(crate) struct World {
    provider: QemuProvider,
    root: PathBuf,
    folder: PathBuf,
    run: String,
    /// Removes the folder; absent in a process that works in another's folder.
    _guard: Option<tempfile::TempDir>,
}

impl World {
    pub(crate) async fn new(name: &str) -> Self {
        Self::guarded(name, None).await
    }

    /// With this script for a QEMU.
    pub(crate) async fn with_qemu(name: &str, script: &str) -> Self {
        Self::guarded(name, Some(script)).await
    }

    async fn guarded(name: &str, script: Option<&str>) -> Self {
        let guard = tempfile::Builder::new().prefix("coexist-live-").tempdir().unwrap();
        // For QEMU as another user, as a run's folder would be.
        std::fs::set_permissions(guard.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let qemu = script.map(|text| {
            let file = guard.path().join("qemu.sh");
            std::fs::write(&file, text).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
            file
        });
        let mut world = Self::made(name, guard.path().to_owned(), qemu).await;
        world._guard = Some(guard);
        world
    }

    /// Always under emulation: what these tests look at is the same, and hosts without a working KVM pay for the proof.
    pub(crate) async fn inside(name: &str, root: PathBuf) -> Self {
        Self::made(name, root, None).await
    }

    async fn made(name: &str, root: PathBuf, qemu: Option<PathBuf>) -> Self {
        let patience = Duration::from_secs(10);
        let options = QemuOptions { qemu, patience, allow_kvm: false, ..QemuOptions::default() };
        let provider =
            QemuProvider::discover(options).await.unwrap_or_else(|error| panic!("live tests need QEMU: {error}"));
        let folder = root.join("arm");
        std::fs::create_dir_all(&folder).unwrap();
        let unique = root.file_name().unwrap().to_string_lossy().into_owned();
        Self { provider, root, folder, run: format!("{name}-{unique}"), _guard: None }
    }

    pub(crate) fn provider(&self) -> &QemuProvider {
        &self.provider
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Folder of the machine.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A machine's making, with a golden disk that boots this program.
    pub(crate) async fn spec(&self, program: &[u8]) -> MachineSpec {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let raw = self.root.join(format!("golden-{number}.raw"));
        let golden = raw.with_extension("qcow2");
        let mut disk = vec![0; 16 << 20];
        disk[..program.len()].copy_from_slice(program);
        disk[510..512].copy_from_slice(&[0x55, 0xaa]);
        std::fs::write(&raw, &disk).unwrap();
        let converted = tokio::process::Command::new("qemu-img")
            .args(["convert", "-f", "raw", "-O", "qcow2"])
            .args([&raw, &golden])
            .status()
            .await
            .unwrap();
        assert!(converted.success());
        std::fs::remove_file(raw).unwrap();
        let digest = sha2::Sha256::digest(std::fs::read(&golden).unwrap());
        let sha256: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        MachineSpec {
            run: self.run.clone().into(),
            arm: ArmRef { cell: "cell".into(), arm: Arm::Baseline },
            image: image(golden, sha256),
            folder: self.folder.clone(),
        }
    }

    pub(crate) async fn machine(&self, program: &[u8]) -> Box<dyn Machine> {
        self.machine_with(program, |_| ()).await
    }

    pub(crate) async fn machine_with(
        &self,
        program: &[u8],
        change: impl FnOnce(&mut MachineProfile),
    ) -> Box<dyn Machine> {
        let mut spec = self.spec(program).await;
        change(&mut spec.image.machine);
        self.provider.create(spec).await.unwrap()
    }

    pub(crate) fn serial(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.folder.join("serial.log")).unwrap()).into_owned()
    }

    pub(crate) async fn serial_until(&self, text: &str) {
        self.until(&format!("{text:?} on the serial port"), || self.serial().contains(text)).await;
    }

    /// How fast this host is.
    pub(crate) fn pace(&self) -> Pace {
        self.provider.host().pace
    }

    /// Waits until the machine's signs are as wished.
    pub(crate) async fn signs_until(
        &self,
        machine: &dyn Machine,
        what: &str,
        wished: impl Fn(&[MachineEvent]) -> bool,
    ) -> Vec<MachineEvent> {
        let journal = machine.journal();
        let wait = async {
            loop {
                let signs = journal.since(0);
                if wished(&signs) {
                    return signs;
                }
                journal.more_than(signs.len()).await;
            }
        };
        let deadline = self.pace().stretch(DEADLINE);
        let waited = tokio::time::timeout(deadline, wait).await;
        waited.unwrap_or_else(|_| panic!("no {what} within {deadline:?}; signs: {:?}", journal.since(0)))
    }

    pub(crate) async fn until(&self, what: &str, condition: impl Fn() -> bool) {
        let begin = Instant::now();
        while !condition() {
            assert!(begin.elapsed() < DEADLINE, "not within {DEADLINE:?}: {what}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Numbers of the QEMU processes that carry this run's name.
    pub(crate) fn qemus(&self) -> Vec<u32> {
        let wanted = format!("guest=coexist {} ", self.run);
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let numbers = processes.filter_map(|entry| entry.file_name().to_string_lossy().parse::<u32>().ok());
        let is_ours = |number: &u32| {
            let line = std::fs::read(format!("/proc/{number}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains(&wanted)
        };
        numbers.filter(is_ours).collect()
    }

    pub(crate) fn signal_qemu(&self, signal: &str) {
        let numbers = self.qemus();
        let [number] = numbers[..] else { panic!("one QEMU of this run, not {numbers:?}") };
        let sent = std::process::Command::new("kill").args(["-s", signal, &number.to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Uses up what room a small disk has left.
    pub(crate) fn fill(&self, folder: &Path) {
        use std::io::Write;
        let mut filler = std::fs::File::create(folder.join("filler")).unwrap();
        while filler.write_all(&[1; 4096]).is_ok() {}
    }

    /// Destroys the machine, twice, and looks for what is left.
    pub(crate) async fn end(&self, machine: Box<dyn Machine>) {
        machine.destroy().await.unwrap();
        machine.destroy().await.unwrap();
        assert_eq!(self.qemus(), Vec::<u32>::new());
        let mut left: Vec<_> =
            std::fs::read_dir(&self.folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.retain(|name| name != "screen.png");
        left.sort();
        assert_eq!(left, ["qemu.log", "serial.log"]);
        assert!(machine.start().await.is_err(), "what is destroyed stays so");
    }
}

fn image(golden: PathBuf, sha256: String) -> Image {
    Image {
        id: "sector".into(),
        title: "Boot sector".to_owned(),
        stand_in: true,
        disk: Disk { path: golden, sha256: sha256.into() },
        windows: WindowsFacts { build: 1, edition: Edition::Client },
        machine: MachineProfile {
            firmware: Firmware::Bios,
            processor: "Westmere".to_owned(),
            cpus: 1,
            memory_mib: 64,
            disk_bus: DiskBus::VirtioBlk,
            network: NetworkCard::VirtioNet,
            product_name: None,
            translation_cache_mib: Some(32),
        },
        access: GuestAccess { user: "nobody".to_owned(), host_key: String::new(), key_file: PathBuf::new() },
        boot_deadline: Seconds::from_secs(60),
        expires: None,
    }
}
