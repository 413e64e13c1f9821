//! A lab in memory: machines and guests that follow a script, on tokio's paused clock.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use coexist_lab::{
    Activity, Clock, DiskFiles, Door, Guest, Journal, LogFile, Machine, MachineSpec, MemoryForm, Provider, Unanswered,
    UnexpectedEnd,
};
use coexist_model::{Arms, EvidenceKind, FaultKind, GuestAccess, Hex, Host, LabFault, MachineEvent, MachineSign, Pace};

use crate::guest::ScriptedGuest;
use crate::loot::{AtInterrupt, NoPicture};
use crate::script::{Blow, Fate, Script};

/// The clock of the paused runtime.
pub(crate) struct PausedClock(pub(crate) tokio::time::Instant);

#[async_trait]
impl Clock for PausedClock {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH + self.elapsed()
    }
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Starting,
    Up,
    /// Runs without a network.
    Silent,
    /// Does nothing any more.
    Still,
    Refusing,
    WrongKey,
    LockedOut,
    Contained,
    Greeting(u64),
    Gone,
}

/// As QEMU tells it.
pub(crate) fn asked_reset() -> MachineSign {
    MachineSign::Reset { guest: true, reason: Some("guest-reset".to_owned()) }
}

fn stop() -> [Hex; 5] {
    [0x50, 1, 2, 3, 4].map(|number: u64| number.into())
}

/// One machine's inside.
pub(crate) struct Inside {
    pub(crate) script: Script,
    pub(crate) fates: Mutex<VecDeque<Fate>>,
    pub(crate) state: Mutex<(State, u32)>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) dumps: Mutex<u32>,
    /// What the guest's log will tell of ends that were not in order.
    pub(crate) ends: Mutex<Vec<UnexpectedEnd>>,
    /// Boots of which the guest's log knows nothing.
    pub(crate) unlogged: Mutex<u32>,
    /// How many questions for the log's word on boots still break.
    pub(crate) records_break: Mutex<u32>,
    pub(crate) settings: Mutex<bool>,
    /// How often another installation still runs.
    pub(crate) busy: Mutex<u32>,
    /// How many looks got no answer in their time.
    pub(crate) slow_looks: Mutex<u32>,
    /// Whether the candidate's installation began.
    pub(crate) candidate: Mutex<bool>,
    /// How many transfers still break.
    pub(crate) cuts: Mutex<u32>,
    /// Whether somebody wanted a picture of the screen.
    pub(crate) picture_asked: Mutex<bool>,
    /// How often it was asked for its files since it stopped.
    pub(crate) looks: Mutex<u32>,
    /// What of the product is not there any more.
    pub(crate) vanished: Mutex<BTreeSet<Part>>,
    /// What it had done when it was last asked while it did something.
    pub(crate) done: Mutex<Activity>,
}

/// A part of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Service,
    Filter,
}

impl Inside {
    pub(crate) fn sign(&self, what: MachineSign) {
        self.journal.push(MachineEvent { at: self.clock.now(), what });
    }

    pub(crate) fn set(&self, state: State) {
        self.state.lock().unwrap().0 = state;
    }

    pub(crate) fn state(&self) -> (State, u32) {
        *self.state.lock().unwrap()
    }

    pub(crate) fn restart_in_order(self: &Arc<Self>) {
        self.sign(asked_reset());
        self.begin_boot();
    }

    pub(crate) fn begin_boot(self: &Arc<Self>) {
        let fate = self.fates.lock().unwrap().pop_front().unwrap_or(Fate::Good);
        *self.state.lock().unwrap() = (State::Starting, self.state().1 + 1);
        if !self.script.vanished_for_good {
            self.vanished.lock().unwrap().clear();
        }
        let inside = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(2)).await;
            match fate {
                Fate::Good => inside.set(State::Up),
                Fate::Hang => inside.set(State::Still),
                Fate::NoNetwork => inside.set(State::Silent),
                Fate::Slow(seconds) => {
                    tokio::time::sleep(Duration::from_secs(seconds)).await;
                    inside.set(State::Up);
                }
                Fate::StopForGood => {
                    inside.sign(MachineSign::CrashLoaded);
                    inside.set(State::Still);
                }
                Fate::CrashLater(ms) => {
                    inside.set(State::Up);
                    tokio::time::sleep(Duration::from_millis(ms)).await;
                    inside.crash().await;
                }
                Fate::ResetLater(ms) => {
                    inside.set(State::Up);
                    tokio::time::sleep(Duration::from_millis(ms)).await;
                    inside.reset(None);
                }
                Fate::StopUnseenLater(ms) => {
                    inside.set(State::Up);
                    tokio::time::sleep(Duration::from_millis(ms)).await;
                    inside.reset(Some(stop()));
                }
                Fate::Dirty => {
                    inside.ends.lock().unwrap().push(UnexpectedEnd { stop: None });
                    inside.set(State::Up);
                }
                Fate::Refuse => inside.set(State::Refusing),
                Fate::WrongKey => inside.set(State::WrongKey),
                Fate::Lockout => inside.set(State::LockedOut),
                Fate::Contain => inside.set(State::Contained),
                Fate::LateBanner(seconds) => inside.set(State::Greeting(seconds)),
                Fate::Die => inside.die(),
                Fate::Crash => inside.crash().await,
                Fate::Reset => inside.reset(None),
                Fate::Restart => inside.restart_in_order(),
                Fate::EarlyReset => {
                    *inside.unlogged.lock().unwrap() += 1;
                    inside.restart_in_order();
                }
            }
        });
    }

    fn reset(self: &Arc<Self>, stop: Option<[Hex; 5]>) {
        self.ends.lock().unwrap().push(UnexpectedEnd { stop });
        self.sign(asked_reset());
        self.begin_boot();
    }

    /// Comes to this a few seconds from now.
    pub(crate) fn later(self: &Arc<Self>, state: State) {
        let inside = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(4)).await;
            inside.set(state);
        });
    }

    fn vanish(&self, part: Part) {
        self.vanished.lock().unwrap().insert(part);
    }

    pub(crate) fn has(&self, part: Part) -> bool {
        !self.vanished.lock().unwrap().contains(&part)
    }

    fn activity(&self) -> Activity {
        let mut done = self.done.lock().unwrap();
        if !matches!(self.state().0, State::Still | State::Gone) {
            let disk_operations = u64::try_from(self.clock.elapsed().as_millis()).unwrap();
            *done = Activity { screen: Some("picture".to_owned()), console_bytes: 0, disk_operations };
        }
        done.clone()
    }

    fn die(&self) {
        self.set(State::Gone);
        self.sign(MachineSign::Exited { status: "killed by signal 9".to_owned() });
    }

    async fn crash(self: &Arc<Self>) {
        self.set(State::Starting);
        if let Some(stop) = self.script.loot.told {
            self.sign(MachineSign::Panicked { stop: Some(stop) });
        }
        if self.script.loot.tells_of_no_dump {
            self.sign(MachineSign::Panicked { stop: None });
        } else {
            self.sign(MachineSign::CrashLoaded);
            *self.dumps.lock().unwrap() += 1;
        }
        self.ends.lock().unwrap().push(UnexpectedEnd { stop: Some(stop()) });
        tokio::time::sleep(Duration::from_millis(300)).await;
        self.sign(asked_reset());
        self.sign(asked_reset());
        // Boxed: a boot may crash, which begins a boot.
        let inside = self.clone();
        let next: std::pin::Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(async move { inside.begin_boot() });
        next.await;
    }

    pub(crate) async fn strike(self: &Arc<Self>, blow: Blow) {
        match blow {
            Blow::Crash | Blow::ShortWriteInCrash => self.crash().await,
            Blow::Die => self.die(),
            Blow::Silence => self.set(State::Silent),
            Blow::Hang => self.set(State::Still),
            Blow::EndService => self.vanish(Part::Service),
            Blow::DetachFilter => self.vanish(Part::Filter),
            Blow::EndServiceFor(seconds) => {
                self.vanish(Part::Service);
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                self.vanished.lock().unwrap().clear();
            }
            Blow::QuietDump => *self.dumps.lock().unwrap() += 1,
            Blow::Refuse => self.set(State::Refusing),
            Blow::Lockout => self.set(State::LockedOut),
            Blow::Restart
            | Blow::RestartUnheard
            | Blow::RestartUnnoticed
            | Blow::RestartInTransfer
            | Blow::CodeAndRestart(_) => {
                self.restart_in_order();
            }
            Blow::ResetThenDie => {
                self.fates.lock().unwrap().push_front(Fate::Die);
                self.ends.lock().unwrap().push(UnexpectedEnd { stop: None });
                self.restart_in_order();
            }
            Blow::CutThenHang => self.later(State::Still),
            Blow::CutThenSilence => self.later(State::Silent),
            Blow::Stranger => self.state.lock().unwrap().1 += 1,
            Blow::NoSpace => self.sign(MachineSign::Paused { state: "io-error".to_owned(), host_full: true }),
            Blow::Code(1641) => {
                tokio::time::sleep(Duration::from_secs(1)).await;
                self.restart_in_order();
            }
            Blow::Cut
            | Blow::CutTransfer
            | Blow::ShortWrite
            | Blow::GuestFull
            | Blow::Contain
            | Blow::Never
            | Blow::Busy(_)
            | Blow::Code(_) => {}
        }
    }
}

/// Makes machines that follow their arm's scripts: one for each attempt, the last one for all further ones.
pub(crate) struct World {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) pace: Pace,
    pub(crate) scripts: Arms<Mutex<VecDeque<Script>>>,
    pub(crate) living: Arc<Mutex<BTreeMap<SocketAddr, Arc<Inside>>>>,
}

impl World {
    fn next_script(&self, arm: coexist_model::Arm) -> Script {
        let mut left = self.scripts[arm].lock().unwrap();
        if left.len() > 1 { left.pop_front() } else { left.front().cloned() }.unwrap_or_default()
    }
}

#[async_trait]
impl Provider for World {
    fn host(&self) -> Host {
        Host {
            name: "memory".to_owned(),
            acceleration: "none".to_owned(),
            qemu: "0".to_owned(),
            pace: self.pace,
            notes: Vec::new(),
        }
    }

    async fn create(&self, spec: MachineSpec) -> Result<Box<dyn Machine>, LabFault> {
        let script = self.next_script(spec.arm.arm);
        if let Some(kind) = script.no_machine {
            return Err(LabFault::new(kind, "as the script says"));
        }
        let inside = Arc::new(Inside {
            fates: Mutex::new(script.boots.iter().copied().collect()),
            state: Mutex::new((State::Gone, 0)),
            journal: Arc::default(),
            clock: self.clock.clone(),
            dumps: Mutex::new(0),
            ends: Mutex::default(),
            busy: Mutex::new(if let Some(Blow::Busy(times)) = script.candidate { times } else { 0 }),
            unlogged: Mutex::new(0),
            records_break: Mutex::new(script.records_break),
            settings: Mutex::new(false),
            slow_looks: Mutex::new(0),
            candidate: Mutex::new(false),
            cuts: Mutex::new(script.loot.cuts),
            picture_asked: Mutex::new(false),
            looks: Mutex::default(),
            vanished: Mutex::default(),
            done: Mutex::default(),
            script,
        });
        let mut living = self.living.lock().unwrap();
        // Never one that a living machine has, as its forward would be.
        let mut ports = (1000..).map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        let endpoint = ports.find(|endpoint| !living.contains_key(endpoint)).unwrap();
        living.insert(endpoint, inside.clone());
        let serial = spec.folder.join("serial.log");
        Ok(Box::new(ScriptedMachine { inside, endpoint, serial, living: self.living.clone() }))
    }
}

struct ScriptedMachine {
    inside: Arc<Inside>,
    endpoint: SocketAddr,
    serial: PathBuf,
    living: Arc<Mutex<BTreeMap<SocketAddr, Arc<Inside>>>>,
}

#[async_trait]
impl Machine for ScriptedMachine {
    async fn start(&self) -> Result<(), LabFault> {
        self.inside.sign(MachineSign::Started);
        self.inside.begin_boot();
        Ok(())
    }
    fn endpoint(&self) -> SocketAddr {
        self.endpoint
    }
    fn journal(&self) -> Arc<Journal> {
        self.inside.journal.clone()
    }
    async fn check(&self) -> Result<(), LabFault> {
        let hangs = self.inside.script.loot.no_picture == Some(NoPicture::Hangs);
        if self.inside.script.hung_machine || hangs && *self.inside.picture_asked.lock().unwrap() {
            return Err(LabFault::new(coexist_model::FaultKind::QemuHung, "no answer on the control socket"));
        }
        if self.inside.script.starved_machine {
            return Err(LabFault::new(coexist_model::FaultKind::HostMemory, "the kernel killed it"));
        }
        Ok(())
    }
    async fn screenshot(&self, file: &Path) -> Result<(), LabFault> {
        *self.inside.picture_asked.lock().unwrap() = true;
        if self.inside.script.loot.no_picture.is_some() {
            return Err(LabFault::new(FaultKind::QemuHung, "as the script says"));
        }
        std::fs::write(file, "picture").unwrap();
        Ok(())
    }
    async fn inject_nmi(&self) -> Result<(), LabFault> {
        let inside = self.inside.clone();
        let again = match inside.script.loot.at_interrupt {
            AtInterrupt::Unable => return Err(LabFault::new(FaultKind::QemuHung, "this machine cannot inject an NMI")),
            AtInterrupt::Nothing => return Ok(()),
            AtInterrupt::Stop => {
                inside.sign(MachineSign::Panicked { stop: None });
                return Ok(());
            }
            AtInterrupt::PowerOff => {
                inside.sign(MachineSign::Shutdown { guest: true, reason: "guest-shutdown".to_owned() });
                inside.die();
                return Ok(());
            }
            AtInterrupt::ComeBack => Fate::Good,
            AtInterrupt::HangAgain => Fate::Hang,
            AtInterrupt::CrashAgain => Fate::Crash,
        };
        inside.fates.lock().unwrap().push_front(again);
        tokio::spawn(async move { inside.crash().await });
        Ok(())
    }
    async fn dump_memory(&self, file: &Path, _limit: u64) -> Result<MemoryForm, LabFault> {
        let form = self.inside.script.loot.memory;
        let form = form.ok_or_else(|| LabFault::new(FaultKind::QemuHung, "this machine cannot write its memory"))?;
        let content = self.inside.script.loot.remembers.clone().unwrap_or_else(|| b"memory".as_slice().into());
        std::fs::write(file, content).unwrap();
        Ok(form)
    }
    async fn activity(&self) -> Result<Activity, LabFault> {
        if self.inside.script.blind {
            return Err(LabFault::new(FaultKind::QemuHung, "it does not tell"));
        }
        Ok(self.inside.activity())
    }
    async fn cut_power(&self) -> Result<(), LabFault> {
        self.inside.set(State::Gone);
        Ok(())
    }
    fn disk(&self) -> DiskFiles {
        let none = || DiskFiles { overlay: PathBuf::from("no-such-disk"), golden: PathBuf::from("no-such-disk") };
        self.inside.script.loot.disk.clone().unwrap_or_else(none)
    }
    fn logs(&self) -> Vec<LogFile> {
        let log = self.inside.script.loot.serial.map(|text| {
            std::fs::write(&self.serial, text).unwrap();
            LogFile { path: self.serial.clone(), kind: EvidenceKind::SerialLog }
        });
        log.into_iter().collect()
    }
    async fn destroy(&self) -> Result<(), LabFault> {
        self.living.lock().unwrap().remove(&self.endpoint);
        Ok(())
    }
}

/// Opens sessions with the world's guests.
pub(crate) struct WorldDoor(pub(crate) Arc<Mutex<BTreeMap<SocketAddr, Arc<Inside>>>>);

#[async_trait]
impl Door for WorldDoor {
    async fn knock(
        &self,
        at: SocketAddr,
        _access: &GuestAccess,
        patience: Duration,
    ) -> Result<Box<dyn Guest>, Unanswered> {
        let inside = self.0.lock().unwrap().get(&at).cloned();
        let Some(inside) = inside else { return Err(Unanswered::Silent) };
        match inside.state() {
            (State::Up, boot) => Ok(Box::new(ScriptedGuest { inside, boot })),
            (State::Refusing, _) => Err(Unanswered::Refused),
            (State::Contained, boot) => Ok(Box::new(ScriptedGuest { inside, boot })),
            (State::LockedOut, _) => Err(Unanswered::Authentication { user: "lab".to_owned() }),
            (State::Greeting(seconds), boot) => {
                let greeting = Duration::from_secs(seconds);
                tokio::time::sleep(greeting.min(patience)).await;
                if greeting > patience {
                    return Err(Unanswered::Silent);
                }
                inside.set(State::Up);
                Ok(Box::new(ScriptedGuest { inside, boot }))
            }
            (State::WrongKey, _) => Err(Unanswered::WrongKey { found: "SHA256:other".to_owned() }),
            (State::Starting | State::Silent | State::Still | State::Gone, _) => {
                tokio::time::sleep(patience.min(Duration::from_millis(500))).await;
                Err(Unanswered::Silent)
            }
        }
    }
}
