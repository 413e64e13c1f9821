//! One boot, from the kernel's hand-over to the SSH server.
//!
//! ```text
//! kernel file systems ─► disk ─► volume ─► registry ─► boot record (or recovery) ─► drivers into memory ─► their boot moments
//!                  network, entropy ──┘ (meanwhile)                            a bad one ends here ┘      │
//!                        SSH ◄─ automatic services ◄─ events ◄─ last crash's dump becomes a file ◄─ good ─┘
//! ```

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use standin_face::{BootIdentity, BootStore, Event, EventLogs, Registry, SshKeys, System, Volume, serve};

use crate::hardware::{Hardware, NMI_HARDWARE_FAILURE, Preparations};
use crate::nt::{Machine, Nt};
use crate::personality::Role;
use crate::platform::panic_device::PanicDevice;
use crate::platform::serial::{mark, uptime_ms};
use crate::platform::{button, console, entropy, interrupts, kmods, mounts, network, power, pulse};
use crate::session::crash_settings::{CrashSettings, DumpKind};
use crate::session::dump_file::{DumpFile, Found};
use crate::session::{events, memory_dump, record, recovery};
use crate::setup;

/// Where sshd listens.
const SSH: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED), 22);
/// Threads of the SSH server.
const WORKERS: usize = 2;
/// So many failed boots in a row lead to the recovery environment (Windows RE technical reference).
const FAILURES_TO_RECOVERY: u32 = 2;
/// A boot that was up for so long did not fail (same page).
const STEADY_AFTER: Duration = Duration::from_secs(120);
/// First parameter of the stop code for a non-maskable interrupt, as Windows 10 gives it. [K]
const NMI_PARAMETER: u64 = 0x4f_4454;

/// Boots; returns only when the machine is to be given up.
pub(crate) fn run() -> ! {
    let machine = match early() {
        Ok(panic_device) => Arc::new(Hardware::new(panic_device)),
        Err(error) => {
            mark!("cannot start: {error}");
            power::park();
        }
    };
    let outcome = if setup::is_due() { setup::run(&machine) } else { windows(&machine) };
    match outcome {
        Ok(()) => power::park(),
        Err(error) if setup::is_due() => {
            mark!("setup failed: {error}");
            power::off()
        }
        Err(error) => machine.give_up(&error.to_string()),
    }
}

/// Everything before the volume, and the volume.
fn early() -> io::Result<PanicDevice> {
    mounts::kernel_file_systems()?;
    mark!("init");
    kmods::load(kmods::Group::Disk)?;
    let (child, partition) = mounts::start_volume()?;
    mark!("volume on {}", partition.display());
    // the file system's helper works meanwhile; neither of these stops a boot
    for (what, result) in [("network", bring_up_network()), ("entropy", bring_up_entropy())] {
        if let Err(error) = result {
            mark!("{what}: {error}");
        }
    }
    let panic_device = PanicDevice::find().unwrap_or_else(|error| {
        mark!("panic device: {error}");
        PanicDevice::default()
    });
    mounts::mounted(child)?;
    mounts::write_back_soon();
    power::reap_orphans();
    mark!("mounted");
    Ok(panic_device)
}

fn bring_up_network() -> io::Result<()> {
    if setup::is_due() {
        return Ok(());
    }
    kmods::load(kmods::Group::Net)?;
    network::up()
}

fn bring_up_entropy() -> io::Result<()> {
    if entropy::has_device() {
        kmods::load(kmods::Group::Entropy)?;
    }
    let source = entropy::seed()?;
    mark!("entropy from {source:?}");
    Ok(())
}

/// The system's parts on a mounted volume.
pub(crate) struct Parts {
    pub(crate) volume: Volume,
    pub(crate) registry: Arc<Registry>,
    pub(crate) logs: EventLogs,
}

impl Parts {
    /// Reads them from the volume.
    pub(crate) fn load() -> io::Result<Self> {
        let volume = Volume::new(PathBuf::from(mounts::VOLUME));
        let registry = Arc::new(Registry::load(&volume)?);
        let logs = EventLogs::load(&volume)?;
        Ok(Self { volume, registry, logs })
    }

    /// Puts the kernel under them.
    pub(crate) fn assemble(
        self,
        machine: &Arc<Hardware>,
        identity: BootIdentity,
        role: &Role,
    ) -> (Arc<System>, Arc<Nt>) {
        let under: Arc<dyn Machine> = Arc::clone(machine) as _;
        let registry = Arc::clone(&self.registry);
        let nt = Nt::new(self.volume.clone(), registry, under, identity, role.windows.build, rand::random());
        let system = System::new(self.volume, self.registry, self.logs, Arc::clone(&nt) as _);
        nt.attach(&system);
        (system, nt)
    }
}

fn windows(machine: &Arc<Hardware>) -> io::Result<()> {
    let role = Role::of_machine();
    let parts = Parts::load()?;
    let registry = Arc::clone(&parts.registry);
    let boots = BootStore::new(&registry);
    let policy = boots.policy();
    let failures = record::failures_in_a_row(&registry, policy)?;
    if failures >= FAILURES_TO_RECOVERY && boots.recovery_enabled() {
        mark!("{failures} boots in a row have failed");
        enter_recovery(machine, &parts);
    }
    let held = registry.hold();
    let started = SystemTime::now() - Duration::from_millis(uptime_ms());
    let (identity, last) = record::begin(&registry, started)?;
    let (system, nt) = parts.assemble(machine, identity, &role);
    role.settle(&system)?;
    let settings = CrashSettings::read(&system.registry);
    prepare_for_crashes(machine, &system, &settings);
    watch_nmi(&nt);
    shows_life(machine);
    let mut failed = load_drivers(&system);
    held.release()?;
    mark!("boot {}: drivers are in memory", identity.boot_id);

    failed.extend(nt.boot_drivers());
    // from here on the boot is good
    record::good(&system.registry)?;
    let mut log = vec![
        events::started(role.windows.build, identity.started),
        events::last_boot(&last, policy),
        events::boot_type(),
    ];
    log.extend(keep_dump(machine, &system, &settings, &last)?);
    log.extend(events::log_started(role.windows.build));
    if settings.dump != DumpKind::None && machine.dump_file().is_none() {
        log.push(events::no_dump_file());
    }
    nt.is_up();
    failed.extend(system.services.start_automatic());
    nt.services_are_started();
    log.extend(failed.iter().map(|(name, error)| {
        let driver = system.services.config(name).is_some_and(|it| it.is_driver());
        events::not_started(name, *error, driver)
    }));
    // a full disk takes no events and keeps no system from running
    if let Err(error) = system.logs.system.append_all(log) {
        mark!("System log: {error}");
    }
    mark!("boot {}: good", identity.boot_id);
    becomes_steady(machine, &system.registry);
    serve_ssh(system, nt, &role)
}

/// Loads boot, system and automatic drivers in that order. Their own moments come later, when all are in memory.
fn load_drivers(system: &System) -> Vec<(String, u32)> {
    let mut drivers: Vec<_> = system.services.all().into_iter().filter(|it| it.is_driver() && it.start <= 2).collect();
    drivers.sort_by_key(|it| it.start);
    let load = |name: String| system.kernel.load_driver(&name, false).err().map(|error| (name, error));
    drivers.into_iter().filter_map(|it| load(it.name)).collect()
}

/// Where dumps go in this boot. A file that cannot be made, as on a full disk, means none.
fn prepare_for_crashes(machine: &Hardware, system: &System, settings: &CrashSettings) {
    let open = |reserved| match DumpFile::open(&system.volume, reserved) {
        Ok(file) => Some(file),
        Err(error) => {
            mark!("{}: {error}", reserved.path);
            None
        }
    };
    let page_file = settings.page_file.as_ref().and_then(open);
    let dump_file = match (settings.target(), &settings.dedicated) {
        (None, _) => None,
        (Some(_), None) => page_file,
        (Some(_), Some(dedicated)) => open(dedicated),
    };
    machine.prepare(Preparations { dump_file, kind: settings.dump, restart: settings.restart });
}

fn watch_nmi(nt: &Arc<Nt>) {
    let nt = Arc::clone(nt);
    interrupts::watch_nmi(move || nt.bugcheck(NMI_HARDWARE_FAILURE, [NMI_PARAMETER, 0, 0, 0], None));
}

/// From now on the disk works now and then, until the system hangs or is over.
fn shows_life(machine: &Arc<Hardware>) {
    let machine = Arc::clone(machine);
    if let Err(error) = pulse::beat_while(move || machine.is_alive()) {
        mark!("pulse: {error}");
    }
}

/// The recovery environment takes the place of this boot.
fn enter_recovery(machine: &Arc<Hardware>, parts: &Parts) -> ! {
    let written = record::recovered(&parts.registry)
        .and_then(|()| recovery::write_trail(&parts.volume, record::last_good(&parts.registry), SystemTime::now()));
    if let Err(error) = written {
        mark!("recovery: {error}");
    }
    machine.recover()
}

/// Two minutes from now the boot no longer counts as one that may have failed.
fn becomes_steady(machine: &Arc<Hardware>, registry: &Arc<Registry>) {
    let (machine, registry) = (Arc::clone(machine), Arc::clone(registry));
    std::thread::spawn(move || {
        std::thread::sleep(STEADY_AFTER);
        // one that hangs writes nothing any more; others may be on their way down by then
        if machine.is_alive() {
            record::steady(&registry).ok();
        }
    });
}

/// Turns the dump of the last crash, if there is one, into files, and tells what happened. What cannot be kept for want of
/// room stays where the crash left it.
fn keep_dump(
    machine: &Hardware,
    system: &System,
    settings: &CrashSettings,
    last: &record::LastBoot,
) -> io::Result<Vec<Event>> {
    let file = machine.dump_file();
    let found = file.map(DumpFile::found).transpose()?.unwrap_or(Found::Nothing);
    let dump = if let Found::Whole(dump) = &found { Some(&**dump) } else { None };
    let mut log = Vec::new();
    if !last.shutdown_good {
        let when = dump.map(|it| crate::clock::moment(it.time)).or(last.started);
        log.push(events::not_shut_down(dump, last.button));
        log.push(events::unexpected(when.unwrap_or_else(SystemTime::now)));
    }
    if found == Found::CutShort {
        log.push(events::dump_failed());
        file.map(DumpFile::wipe).transpose()?;
    }
    let Some(dump) = dump else { return Ok(log) };
    match memory_dump::keep(&system.volume, settings, dump, SystemTime::now(), uptime_ms()) {
        Ok(path) => {
            file.map(DumpFile::wipe).transpose()?;
            mark!("the last crash's dump is {path}");
            if settings.log_event {
                log.push(events::bugcheck(dump, &path, &report_id()));
            }
        }
        Err(error) => {
            mark!("the last crash's dump stays where it is: {error}");
            log.push(events::dump_failed());
        }
    }
    Ok(log)
}

/// A random GUID, as Windows 10 and later name reports. [K]
fn report_id() -> String {
    let [a, b, c, d]: [u32; 4] = rand::random();
    let (b, variant, c) = ((b >> 16, b & 0xfff), c >> 20, c & 0xffff);
    format!("{a:08x}-{:04x}-4{:03x}-8{variant:03x}-{c:04x}{d:08x}", b.0, b.1)
}

fn serve_ssh(system: Arc<System>, nt: Arc<Nt>, role: &Role) -> io::Result<()> {
    let keys = SshKeys::load(&system.volume).map_err(io::Error::other)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build()?;
    let greeting = format!("{} (stand-in), build {}", role.windows.product_name, role.windows.build);
    runtime.block_on(async move {
        let listener = tokio::net::TcpListener::bind(SSH).await?;
        mark!("listening");
        std::thread::spawn(move || late(&nt, &greeting));
        serve(system, listener, keys).await
    })
}

/// What nobody waits for.
fn late(nt: &Arc<Nt>, greeting: &str) {
    console::say(greeting);
    let nt = Arc::clone(nt);
    let watched = kmods::load(kmods::Group::Late).and_then(|()| button::watch(move || nt.power_button()));
    if let Err(error) = watched {
        mark!("power button: {error}");
    }
}
