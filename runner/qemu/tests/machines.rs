//! Real QEMU processes running boot sectors of our own: no image is needed, only QEMU itself.

// The configuration allows it in tests, but clippy does not see that these are: they are async, or helpers of such.
#![allow(clippy::unwrap_used)]

mod rungs;
mod sectors;
mod wants;
mod world;

use std::net::TcpStream;
use std::time::Duration;

use coexist_lab::Provider;
use coexist_model::{DiskBus, FaultKind, Firmware, MachineSign, NetworkCard, boot_edges, crashes};
use coexist_qemu::{QemuOptions, QemuProvider};
use world::{World, is_end, is_reset};

fn reset() -> MachineSign {
    MachineSign::Reset { guest: true, reason: Some("guest-reset".to_owned()) }
}

#[tokio::test]
async fn resets_are_signs_and_the_serial_port_is_kept() {
    let world = World::new("resets").await;
    let machine = world.machine(&sectors::RESET).await;
    machine.start().await.unwrap();
    // One round may show itself as two or three resets, so rounds are counted where the guest tells them.
    world.until("two rounds on the serial port", || world.serial().matches("round\n").count() >= 2).await;
    let signs = world.signs_until(&*machine, "a reset", |signs| signs.iter().any(is_reset)).await;
    assert_eq!(signs[0].what, MachineSign::Started);
    assert!(signs[1..].iter().all(|sign| sign.what == reset()), "{signs:?}");
    // This guest takes less time for a round than what the model takes for one edge: only the first counts for sure.
    assert!(boot_edges(&signs) >= 1);
    machine.cut_power().await.unwrap();
    let signs = machine.journal().since(0);
    let last: Vec<_> = signs[signs.len() - 2..].iter().map(|sign| sign.what.clone()).collect();
    let quit = MachineSign::Shutdown { guest: false, reason: "host-qmp-quit".to_owned() };
    assert_eq!(last, [quit, MachineSign::Exited { status: "exit code 0".to_owned() }]);
    world.end(machine).await;
}

#[tokio::test]
async fn a_panic_is_told_and_never_stops_the_machine() {
    let world = World::new("panic").await;
    let machine = world.machine(&sectors::PANIC).await;
    machine.start().await.unwrap();
    let signs = world.signs_until(&*machine, "a reset after a panic", |signs| signs.iter().any(is_reset)).await;
    let expected = [MachineSign::Started, MachineSign::CrashLoaded, MachineSign::Panicked { stop: None }, reset()];
    let told: Vec<_> = signs.iter().map(|sign| sign.what.clone()).take(4).collect();
    assert_eq!(told, expected);
    assert_eq!(crashes(&signs[..4]), 1);
    world.end(machine).await;
}

#[tokio::test]
async fn a_guest_that_powers_off_ends_the_machine() {
    let world = World::new("power-off").await;
    let machine = world.machine(&sectors::POWER_OFF).await;
    machine.start().await.unwrap();
    let signs = world.signs_until(&*machine, "the end", |signs| signs.iter().any(is_end)).await;
    let told: Vec<_> = signs.iter().map(|sign| sign.what.clone()).collect();
    let off = MachineSign::Shutdown { guest: true, reason: "guest-shutdown".to_owned() };
    assert_eq!(told, [MachineSign::Started, off, MachineSign::Exited { status: "exit code 0".to_owned() }]);
    machine.cut_power().await.unwrap();
    machine.start().await.expect("a machine that is off can be powered on again");
    world.signs_until(&*machine, "a second end", |signs| signs.iter().filter(|s| is_end(s)).count() == 2).await;
    world.end(machine).await;
}

#[tokio::test]
async fn a_screenshot_is_a_png_and_the_forward_is_bound_to_loopback() {
    let world = World::new("screen").await;
    let machine = world.machine(&sectors::HALT).await;
    machine.start().await.unwrap();
    world.serial_until("H").await;
    let picture = world.folder().join("screen.png");
    machine.screenshot(&picture).await.unwrap();
    let bytes = std::fs::read(&picture).unwrap();
    assert!(bytes.starts_with(b"\x89PNG\r\n\x1a\n") && bytes.ends_with(b"IEND\xaeB`\x82"));
    machine.check().await.unwrap();
    assert!(machine.endpoint().ip().is_loopback());
    TcpStream::connect_timeout(&machine.endpoint(), Duration::from_secs(5)).expect("QEMU holds the forward");
    assert_eq!(machine.start().await.unwrap_err().kind, FaultKind::QemuStart, "it is on already");
    world.end(machine).await;
}

#[tokio::test]
async fn every_bus_card_and_firmware_boots() {
    let world = World::new("buses").await;
    for (bus, card) in [(DiskBus::Sata, NetworkCard::E1000e), (DiskBus::Nvme, NetworkCard::VirtioNet)] {
        let machine = world
            .machine_with(&sectors::HALT, |profile| {
                profile.disk_bus = bus;
                profile.network = card;
                profile.cpus = 2;
                profile.product_name = Some("Some, product".to_owned());
            })
            .await;
        machine.start().await.unwrap();
        world.serial_until("H").await;
        world.end(machine).await;
    }
    let uefi = world.machine_with(&sectors::HALT, |profile| profile.firmware = Firmware::Uefi).await;
    uefi.start().await.unwrap();
    // OVMF clears its serial terminal first of all, before it looks for something to boot.
    world.serial_until("\x1b[2J").await;
    world.end(uefi).await;
}

#[tokio::test]
async fn a_killed_qemu_is_a_sign_and_a_fault() {
    let world = World::new("killed").await;
    let machine = world.machine(&sectors::HALT).await;
    machine.start().await.unwrap();
    world.serial_until("H").await;
    world.signal_qemu("KILL");
    let signs = world.signs_until(&*machine, "the end", |signs| signs.iter().any(is_end)).await;
    assert_eq!(signs.last().unwrap().what, MachineSign::Exited { status: "signal 9".to_owned() });
    let fault = machine.screenshot(&world.folder().join("screen.png")).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::QemuDied, "{fault}");
    assert!(fault.message.contains("signal 9"), "{fault}");
    assert_eq!(machine.check().await.unwrap_err(), fault);
    world.end(machine).await;
}

#[tokio::test]
async fn a_qemu_that_hangs_is_a_fault_and_is_ended_all_the_same() {
    let world = World::new("hung").await;
    let machine = world.machine(&sectors::HALT).await;
    machine.start().await.unwrap();
    world.serial_until("H").await;
    world.signal_qemu("STOP");
    let begun = std::time::Instant::now();
    let fault = machine.screenshot(&world.folder().join("screen.png")).await.unwrap_err();
    let first = begun.elapsed();
    assert_eq!(fault.kind, FaultKind::QemuHung, "{fault}");
    let begun = std::time::Instant::now();
    let fault = machine.check().await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::QemuHung, "{fault}");
    assert!(begun.elapsed() < first, "who was silent once is not waited for in full again");
    machine.cut_power().await.unwrap();
    assert_eq!(machine.check().await.unwrap_err().kind, FaultKind::QemuDied);
    assert!(machine.journal().end().is_some());
    world.end(machine).await;
}

#[tokio::test]
async fn dropping_a_machine_ends_its_process() {
    let world = World::new("dropped").await;
    let machine = world.machine(&sectors::HALT).await;
    machine.start().await.unwrap();
    world.serial_until("H").await;
    assert_eq!(world.qemus().len(), 1);
    drop(machine);
    world.until("QEMU is gone", || world.qemus().is_empty()).await;
}

#[tokio::test]
async fn a_coordinator_that_is_killed_takes_its_machines_along() {
    const CHILD: &str = "COEXIST_TEST_COORDINATOR";
    if let Some(folder) = std::env::var_os(CHILD) {
        let world = World::inside("orphan", folder.into()).await;
        let machine = world.machine(&sectors::HALT).await;
        machine.start().await.unwrap();
        world.serial_until("H").await;
        std::fs::write(world.folder().join("up"), "").unwrap();
        std::future::pending::<()>().await;
    }
    let world = World::new("orphan").await;
    let mut coordinator = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_coordinator_that_is_killed_takes_its_machines_along"])
        .env(CHILD, world.root())
        .spawn()
        .unwrap();
    world.until("the other coordinator's machine is up", || world.folder().join("up").exists()).await;
    assert_eq!(world.qemus().len(), 1);
    coordinator.kill().unwrap();
    coordinator.wait().unwrap();
    world.until("its QEMU is gone", || world.qemus().is_empty()).await;
}

#[tokio::test]
async fn images_that_are_not_the_plans_are_refused() {
    let world = World::new("images").await;
    let mut altered = world.spec(&sectors::HALT).await;
    altered.image.disk.sha256 = "0".repeat(64).into();
    let mut missing = world.spec(&sectors::HALT).await;
    missing.image.disk.path = "/nonexistent/golden.qcow2".into();
    for (spec, kind) in [(altered, FaultKind::ImageAltered), (missing, FaultKind::ImageMissing)] {
        let folder = spec.folder.clone();
        let fault = world.provider().create(spec).await.err().expect("a fault");
        assert_eq!(fault.kind, kind, "{fault}");
        assert!(!folder.join("vm").exists());
    }
}

#[tokio::test]
async fn what_qemu_does_not_understand_is_its_own_last_words() {
    let world = World::new("words").await;
    let machine = world.machine_with(&sectors::HALT, |profile| profile.processor = "Abacus".to_owned()).await;
    let fault = machine.start().await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::QemuStart);
    assert!(fault.message.contains("Abacus"), "{fault}");
    assert!(machine.journal().is_empty(), "nothing was powered on");
    world.end(machine).await;
}

#[tokio::test]
async fn a_port_that_is_taken_is_replaced() {
    let world = World::new("port").await;
    let machine = world.machine(&sectors::HALT).await;
    let taken = machine.endpoint();
    let _holder = std::net::TcpListener::bind(taken).unwrap();
    machine.start().await.unwrap();
    assert_ne!(machine.endpoint(), taken);
    TcpStream::connect_timeout(&machine.endpoint(), Duration::from_secs(5)).expect("QEMU holds the forward");
    world.end(machine).await;
}

#[tokio::test]
async fn qemu_is_confined() {
    let world = World::new("confined").await;
    let machine = world.machine(&sectors::HALT).await;
    machine.start().await.unwrap();
    let number = world.qemus()[0];
    let status = std::fs::read_to_string(format!("/proc/{number}/status")).unwrap();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.and_then(|rest| rest.split_whitespace().next()).unwrap_or_default().to_owned()
    };
    let notes = world.provider().restrictions();
    let noted = |words: &str| notes.iter().any(|note| note.contains(words));
    assert!(field("Uid") != "0" || noted("as root"), "{notes:?}\n{status}");
    assert!(field("Seccomp") == "2" || noted("seccomp"), "{notes:?}\n{status}");
    assert!(field("NoNewPrivs") == "1" || noted("setpriv"), "{notes:?}\n{status}");
    let log = std::fs::read_to_string(world.folder().join("qemu.log")).unwrap();
    assert!(notes.iter().all(|note| log.contains(note)), "what is missing is in the log");
    world.end(machine).await;
}

#[tokio::test]
async fn files_that_only_we_can_reach_keep_qemu_with_us() {
    use std::os::unix::fs::PermissionsExt;

    let world = World::new("private").await;
    std::fs::set_permissions(world.root(), std::fs::Permissions::from_mode(0o700)).unwrap();
    let machine = world.machine(&sectors::HALT).await;
    machine.start().await.unwrap();
    world.serial_until("H").await;
    let noted = world.provider().restrictions().iter().any(|note| note.contains("as root"));
    assert_eq!(noted, rustix::process::geteuid().is_root());
    world.end(machine).await;
}

/// Runs itself again in a mount namespace of its own, where a small file system can be had without touching the host:
/// as root directly, otherwise in a user namespace.
#[tokio::test]
async fn a_full_disk_below_the_folder_is_its_own_fault() {
    const INSIDE: &str = "COEXIST_TEST_SMALL_DISK";
    if std::env::var_os(INSIDE).is_some() {
        return on_a_small_disk().await;
    }
    let mut outside = std::process::Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        outside.args(["--user", "--map-root-user"]);
    }
    let ended = outside
        .args(["--mount", "--"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "a_full_disk_below_the_folder_is_its_own_fault", "--nocapture"])
        .env(INSIDE, "1")
        .status()
        .expect("unshare (util-linux) starts");
    assert!(ended.success(), "see above; without root this test needs user namespaces");
}

async fn on_a_small_disk() {
    let world = World::new("full").await;
    let spec = world.spec(&sectors::FILL).await;
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=2m,mode=755", "none"])
        .arg(&spec.folder)
        .status()
        .unwrap();
    assert!(mounted.success(), "a tmpfs can be mounted");

    let machine = world.provider().create(spec.clone()).await.unwrap();
    machine.start().await.unwrap();
    let paused = |signs: &[coexist_model::MachineEvent]| {
        signs.iter().any(|sign| matches!(&sign.what, MachineSign::Paused { .. }))
    };
    let signs = world.signs_until(&*machine, "a pause", paused).await;
    assert_eq!(signs.last().unwrap().what, MachineSign::Paused { state: "io-error".to_owned(), host_full: true });
    assert_eq!(machine.check().await.unwrap_err().kind, FaultKind::HostDiskFull);
    machine.cut_power().await.unwrap();

    // Not even an overlay fits beside the full one.
    let mut second = spec.clone();
    second.folder = spec.folder.join("second");
    std::fs::create_dir(&second.folder).unwrap();
    world.fill(&spec.folder);
    let fault = world.provider().create(second).await.err().expect("a fault");
    assert_eq!(fault.kind, FaultKind::HostDiskFull, "{fault}");
    std::fs::remove_file(spec.folder.join("filler")).unwrap();
    machine.destroy().await.unwrap();
    assert!(!spec.folder.join("vm").exists());
    drop(machine);
    // Otherwise the folder could not be removed.
    assert!(std::process::Command::new("umount").arg(&spec.folder).status().unwrap().success());
}

#[tokio::test]
async fn the_host_report_names_what_was_found() {
    let begin = std::time::Instant::now();
    let provider = QemuProvider::discover(QemuOptions::default()).await.unwrap();
    println!("found in {:?}", begin.elapsed());
    let report = provider.report().await;
    println!("{report:#?}");
    assert!(report.version.major >= 7);
    assert_eq!(report.qemu_img_version.map(|version| version.major), Some(report.version.major));
    assert!(!report.acceleration.reason.is_empty());
    let host = provider.host();
    assert_eq!(host.acceleration, report.acceleration.accelerator.to_string());
    assert_eq!(host.qemu, report.version.to_string());
    assert!(!host.name.is_empty());
}
