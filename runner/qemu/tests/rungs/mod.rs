//! What a machine gives when its guest does not: signs of life, an interrupt, its memory.

use coexist_lab::{Activity, Machine, MemoryForm, Provider};
use coexist_model::{FaultKind, MachineSign};

use crate::sectors;
use crate::world::World;

/// Room for the dumps of these tests.
const ROOM: u64 = 256 << 20;

#[tokio::test]
async fn an_interrupt_reaches_a_guest_that_waits_and_activity_shows_it() {
    let world = World::new("nmi").await;
    let machine = world.machine(&sectors::NMI).await;
    assert_eq!(machine.inject_nmi().await.unwrap_err().message, "a machine that is off cannot be interrupted");
    machine.start().await.unwrap();
    world.serial_until("H").await;
    // The picture follows the guest's writes within a frame.
    let still = settled(&*machine).await;
    assert_eq!(machine.activity().await.unwrap(), still, "it stands still");
    assert!(still.disk_operations > 0, "the firmware read its boot sector: {still:?}");
    assert!(still.console_bytes > 0, "{still:?}");

    machine.inject_nmi().await.unwrap();
    world.serial_until("HN").await;
    let after = settled(&*machine).await;
    assert_ne!(after.screen, still.screen);
    assert_eq!(after, Activity { console_bytes: still.console_bytes + 1, screen: after.screen.clone(), ..still });
    world.end(machine).await;
}

/// Activity that does not change any more.
async fn settled(machine: &dyn Machine) -> Activity {
    let mut last = machine.activity().await.unwrap();
    for _ in 0..50 {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        let now = machine.activity().await.unwrap();
        if now == last {
            return now;
        }
        last = now;
    }
    panic!("it does not stand still: {last:?}");
}

#[tokio::test]
async fn a_busy_disk_is_activity() {
    let world = World::new("busy").await;
    let machine = world.machine(&sectors::FILL).await;
    machine.start().await.unwrap();
    world.serial_until("..").await;
    let first = machine.activity().await.unwrap();
    world.until("more on the serial port", || world.serial().len() as u64 > first.console_bytes + 10).await;
    let second = machine.activity().await.unwrap();
    assert!(second.disk_operations > first.disk_operations, "{first:?} {second:?}");
    assert!(second.console_bytes > first.console_bytes + 10, "{first:?} {second:?}");
    machine.cut_power().await.unwrap();
    assert_eq!(machine.activity().await.unwrap_err().message, "a machine that is off does nothing");
    world.end(machine).await;
}

/// What lies at an address of the guest, by the program headers of an ELF core (`elf(5)`).
fn at(core: &[u8], address: u64, length: usize) -> Option<&[u8]> {
    let number = |at: usize, length: usize| {
        let bytes = core.get(at..at + length)?;
        Some(bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    };
    assert!(core.starts_with(b"\x7fELF\x02\x01"), "64 bits, little-endian");
    let (first, size, count) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
    (0..count).find_map(|index| {
        let header = usize::try_from(first + index * size).ok()?;
        let (kind, offset) = (number(header, 4)?, number(header + 8, 8)?);
        let (begin, in_file) = (number(header + 24, 8)?, number(header + 32, 8)?);
        let inside = address.checked_sub(begin).filter(|inside| kind == 1 && *inside < in_file)?;
        let from = usize::try_from(offset + inside).ok()?;
        core.get(from..from + length)
    })
}

#[tokio::test]
async fn memory_is_written_as_elf_and_the_guest_goes_on() {
    let world = World::new("memory").await;
    let machine = world.machine(&sectors::MEMORY).await;
    let file = world.root().join("memory.elf");
    assert_eq!(machine.dump_memory(&file, ROOM).await.unwrap_err().message, "a machine that is off has no memory");
    machine.start().await.unwrap();
    world.serial_until("H").await;
    assert_eq!(machine.dump_memory(&file, ROOM).await.unwrap(), MemoryForm::Elf);
    let core = std::fs::read(&file).unwrap();
    println!("64 MiB of memory make a file of {} KiB", core.len() >> 10);
    assert_eq!(at(&core, sectors::MEMORY_ADDRESS, 16), Some(sectors::MEMORY_WORDS.as_slice()));
    assert!(core.len() as u64 <= (64 + 32) << 20, "larger than foretold");
    machine.check().await.unwrap();
    let told: Vec<_> = machine.journal().since(0).into_iter().map(|sign| sign.what).collect();
    assert_eq!(told, [MachineSign::Started], "a pause that the lab asked for is no sign");

    let there = machine.dump_memory(&file, ROOM).await.unwrap_err();
    assert!(there.kind == FaultKind::HostFile && there.message.contains("is there already"), "{there}");
    let other = world.root().join("other.elf");
    let large = machine.dump_memory(&other, 64 << 20).await.unwrap_err();
    assert!(large.kind == FaultKind::HostDiskFull && large.message.contains("up to 96 MiB"), "{large}");
    assert!(!other.exists());
    machine.dump_memory(&other, ROOM).await.expect("a second dump");
    world.end(machine).await;
}

#[tokio::test]
async fn a_windows_machine_whose_guest_gave_no_note_falls_back_to_elf() {
    let world = World::new("no-note").await;
    let mut spec = world.spec(&sectors::MEMORY).await;
    spec.image.stand_in = false;
    let machine = world.provider().create(spec).await.unwrap();
    machine.start().await.unwrap();
    world.serial_until("H").await;
    let file = world.root().join("memory.elf");
    assert_eq!(machine.dump_memory(&file, ROOM).await.unwrap(), MemoryForm::Elf);
    let core = std::fs::read(&file).unwrap();
    assert_eq!(at(&core, sectors::MEMORY_ADDRESS, 16), Some(sectors::MEMORY_WORDS.as_slice()));
    let log = std::fs::read_to_string(world.folder().join("qemu.log")).unwrap();
    assert!(log.contains("no Windows dump of the guest's memory: win-dump: "), "{log}");
    world.end(machine).await;
}

#[tokio::test]
async fn a_qemu_that_dies_over_a_dump_leaves_nothing_behind() {
    let world = World::new("killed-dump").await;
    let machine = world.machine(&sectors::MEMORY).await;
    machine.start().await.unwrap();
    world.serial_until("H").await;
    world.signal_qemu("STOP");
    let half = world.folder().join("vm/memory.dump");
    std::fs::write(&half, b"\x7fELF").unwrap();
    let file = world.root().join("memory.elf");
    let (dumped, second) = tokio::join!(machine.dump_memory(&file, ROOM), async {
        let second = machine.dump_memory(&world.root().join("other.elf"), ROOM).await;
        world.signal_qemu("KILL");
        second
    });
    assert_eq!(second.unwrap_err().message, "the machine's memory is being written already");
    let fault = dumped.unwrap_err();
    assert_eq!(fault.kind, FaultKind::QemuDied, "{fault}");
    assert!(!file.exists() && !half.exists());
    world.end(machine).await;
}

/// A machine whose guest says which of its pages (first and number of each run) belong to a Windows dump.
async fn with_note(world: &World, runs: &[(u64, u64)]) -> Box<dyn Machine> {
    let mut spec = world.spec(&sectors::windows_note(runs)).await;
    spec.image.stand_in = false;
    let machine = world.provider().create(spec).await.unwrap();
    machine.start().await.unwrap();
    world.serial_until("H").await;
    machine
}

#[tokio::test]
async fn a_guest_that_gives_its_note_gets_a_windows_dump() {
    let world = World::new("note").await;
    let machine = with_note(&world, &[(0, 0x30)]).await;
    let file = world.root().join("memory.dmp");
    let form = machine.dump_memory(&file, ROOM).await.unwrap();
    let log = std::fs::read_to_string(world.folder().join("qemu.log")).unwrap();
    assert_eq!(form, MemoryForm::Windows, "{log}");
    let dump = std::fs::read(&file).unwrap();
    assert_eq!(dump.len(), 0x2000 + 0x30 * 0x1000);
    assert!(dump.starts_with(b"PAGEDU64"));
    assert_eq!(&dump[0x2000 + 0x2_000c..][..10], b"VMCOREINFO", "the guest's memory is in it");
    machine.check().await.unwrap();
    world.end(machine).await;
}

#[tokio::test]
async fn a_guest_that_makes_its_dump_too_large_loses_its_power() {
    let world = World::new("large").await;
    let machine = with_note(&world, &[(0x100, 0x3000); 40]).await;
    let file = world.root().join("memory.dmp");
    let fault = machine.dump_memory(&file, ROOM).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::GuestDisagrees, "{fault}");
    assert!(fault.message.contains("beyond 96 MiB: its power was cut"), "{fault}");
    assert!(!file.exists() && !world.folder().join("vm/memory.dump").exists());
    assert!(machine.journal().end().is_some());
    world.end(machine).await;
}
