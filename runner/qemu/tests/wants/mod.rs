//! A host that lacks something: memory, file handles, ports, or a QEMU that goes on.

use std::time::Duration;

use coexist_lab::Provider;
use coexist_model::{FaultKind, MachineSign};
use rustix::process::{Resource, getrlimit, setrlimit};

use crate::sectors;
use crate::world::World;

/// A QEMU that proves itself, and then says this instead of running a machine.
async fn fault_after(words: &str, folder: &str) -> (World, coexist_model::LabFault) {
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in *guest=*) echo \"{words}\" >&2; exit 1;; esac\nexec qemu-system-x86_64 \"$@\"\n"
    );
    let world = World::with_qemu(folder, &script).await;
    let machine = world.machine(&sectors::HALT).await;
    let fault = machine.start().await.unwrap_err();
    world.end(machine).await;
    (world, fault)
}

#[tokio::test]
async fn what_qemu_lacks_is_named_in_its_own_words() {
    let table = [
        ("qemu: cannot set up guest memory 'pc.ram': Cannot allocate memory", FaultKind::HostMemory),
        ("qemu: Could not open '/x': Too many open files", FaultKind::HostFileHandles),
        ("qemu: Could not write: No space left on device", FaultKind::HostDiskFull),
    ];
    for (words, kind) in table {
        let (_, fault) = fault_after(words, "lacks").await;
        assert_eq!(fault.kind, kind, "{fault}");
        assert!(fault.message.contains(words), "{fault}");
    }
}

#[tokio::test]
async fn ports_that_are_all_taken_are_their_own_fault() {
    let words = "qemu: -netdev user: Could not set up host forwarding rule";
    let (world, fault) = fault_after(words, "ports").await;
    assert_eq!(fault.kind, FaultKind::PortTaken, "{fault}");
    let log = std::fs::read_to_string(world.folder().join("qemu.log")).unwrap();
    let offered: Vec<&str> =
        log.split("hostfwd=tcp:127.0.0.1:").skip(1).filter_map(|rest| rest.split('-').next()).collect();
    assert_eq!(offered.len(), 8, "{log}");
    assert!(fault.message.contains(&offered.join(", ")), "{fault} {offered:?}");
    assert!(fault.message.contains(words) && fault.message.contains("ss -ltnp"), "{fault}");
}

/// Runs one test of this file again in a process whose limits it may lower.
fn again(test: &str) -> bool {
    const INSIDE: &str = "COEXIST_TEST_LIMITED";
    if std::env::var_os(INSIDE).is_some() {
        return false;
    }
    let mut alone = std::process::Command::new(std::env::current_exe().unwrap());
    let ended = alone.args(["--exact", test, "--nocapture"]).env(INSIDE, "1").status().unwrap();
    assert!(ended.success(), "see above");
    true
}

fn limit(resource: Resource, to: u64) {
    let mut limits = getrlimit(resource);
    limits.current = Some(to);
    setrlimit(resource, limits).unwrap();
}

#[tokio::test]
async fn a_guest_larger_than_the_memory_is_a_fault_of_the_host() {
    if again("wants::a_guest_larger_than_the_memory_is_a_fault_of_the_host") {
        return;
    }
    let world = World::new("memory").await;
    let machine = world.machine_with(&sectors::HALT, |profile| profile.memory_mib = 16 << 10).await;
    limit(Resource::As, 8 << 30);
    let fault = machine.start().await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::HostMemory, "{fault}");
    assert!(fault.message.contains("coexist doctor"), "{fault}");
    limit(Resource::As, 1 << 40);
    world.end(machine).await;
}

#[tokio::test]
async fn a_coordinator_without_file_handles_is_a_fault_of_the_host() {
    if again("wants::a_coordinator_without_file_handles_is_a_fault_of_the_host") {
        return;
    }
    let world = World::new("handles").await;
    let machine = world.machine(&sectors::HALT).await;
    let mut spec = world.spec(&sectors::HALT).await;
    spec.folder = world.root().join("other");
    std::fs::create_dir(&spec.folder).unwrap();
    let before = getrlimit(Resource::Nofile).current.unwrap_or(1024);
    limit(Resource::Nofile, 3);
    let (started, made) = (machine.start().await, world.provider().create(spec).await);
    limit(Resource::Nofile, before);
    for fault in [started.unwrap_err(), made.err().expect("a fault")] {
        assert_eq!(fault.kind, FaultKind::HostFileHandles, "{fault}");
        assert!(fault.message.contains("ulimit -n"), "{fault}");
    }
    world.end(machine).await;
}

#[tokio::test]
async fn a_frozen_qemu_is_found_out_although_nobody_asks_it() {
    let world = World::new("frozen").await;
    let machine = world.machine(&sectors::HALT).await;
    machine.start().await.unwrap();
    world.serial_until("H").await;
    world.signal_qemu("STOP");
    let paused = |sign: &coexist_model::MachineEvent| matches!(sign.what, MachineSign::Paused { .. });
    let signs = world.signs_until(&*machine, "a sign of the freeze", |signs| signs.iter().any(paused)).await;
    let MachineSign::Paused { state, host_full: false } = &signs.last().unwrap().what else { panic!("{signs:?}") };
    assert!(state.starts_with("no answer on its control socket for "), "{state}");
    let fault = machine.check().await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::QemuHung, "{fault}");
    assert!(fault.message.contains("its last words: ") && fault.message.contains("ps -C"), "{fault}");
    world.end(machine).await;
}

#[tokio::test]
async fn a_qemu_that_runs_is_never_taken_for_frozen() {
    let world = World::new("awake").await;
    let machine = world.machine(&sectors::HALT).await;
    machine.start().await.unwrap();
    world.serial_until("H").await;
    // Longer than the watchdog's first look and its patience together.
    tokio::time::sleep(world.pace().stretch(Duration::from_secs(16))).await;
    let signs: Vec<_> = machine.journal().since(0).into_iter().map(|sign| sign.what).collect();
    assert_eq!(signs, [MachineSign::Started]);
    world.end(machine).await;
}
