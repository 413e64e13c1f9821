//! A hung guest: an interrupt that makes it write its own dump, and its memory where that moves nothing.

use std::time::Duration;

use coexist_lab::MemoryForm;
use coexist_model::{Crash, EvidenceKind, MachineSign, Rung};
use jiff::SignedDuration;

use super::crashes::is_of_an_interrupt;
use super::needs::Need;
use super::{Climbed, Lacks, Ladder};

/// A Windows that still takes interrupts stops at once; an emulated one under load needs a while to tell.
const REACTION: Duration = Duration::from_secs(60);
/// From the stop to the restart after it: the dump is written meanwhile.
const DUMP_WRITTEN: Duration = Duration::from_secs(120);
/// From the restart until the guest answers, if the plan does not give its starts less. One that hangs at boot does so
/// again.
const COMES_BACK: Duration = Duration::from_secs(120);
/// A guest's first boot says that it began this much later than its machine was powered on, at most.
const FIRMWARE: Duration = Duration::from_secs(30);
/// Largest memory of a guest that is written to this host: those of the lab have 4 to 8 GiB.
const MEMORY_LIMIT: u64 = 9 << 30;

/// What a guest did at an interrupt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reaction {
    /// Nothing that could be seen.
    None,
    /// It stopped, and still shows it.
    Stop,
    /// It restarted.
    Restart,
    /// Its machine is off.
    Off,
}

/// What a dump is of that is the lab's own doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ours {
    /// The interrupt itself.
    Interrupt,
    /// A boot that the interrupt led to.
    BootAfterIt,
}

impl Ours {
    /// For people, to follow the dump's name.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Interrupt => "is of the stop that the lab's interrupt caused: it accuses nobody",
            Self::BootAfterIt => {
                "is of a boot that the lab's interrupt led to, and not of what hung: it accuses nobody"
            }
        }
    }
}

impl Ladder<'_, '_> {
    pub(super) async fn nmi(&mut self) -> Climbed {
        let Some(machine) = &self.arm.machine else { return Climbed::broken("there is no machine") };
        // Before it is sent: a stop that it causes is no crash of the guest's.
        self.arm.sign(MachineSign::NmiInjected);
        let seen = machine.journal().len();
        // Whatever the machine answers: an interrupt that was sent may arrive.
        self.interrupted = Some(Reaction::None);
        if let Err(fault) = machine.inject_nmi().await {
            return Climbed::broken(fault.message);
        }
        let mut reaction = self.reaction(seen, REACTION, Reaction::Stop).await;
        self.interrupted = Some(reaction);
        if reaction == Reaction::Stop {
            reaction = self.reaction(seen, DUMP_WRITTEN, Reaction::Restart).await;
            self.interrupted = Some(reaction);
        }
        match reaction {
            Reaction::None => {
                let waited = self.arm.paced(REACTION).as_secs();
                Climbed::nothing(format!("the guest did nothing within {waited} s of the interrupt"))
            }
            Reaction::Stop => {
                let mut lacks = Lacks::default();
                lacks.absent("it did not restart");
                Climbed::gave("the guest stopped at the interrupt", lacks)
            }
            Reaction::Off => Climbed::nothing("the machine went off at the interrupt"),
            Reaction::Restart => self.after_restart().await,
        }
    }

    /// What the guest does, until it does what is waited for or the time is over.
    async fn reaction(&mut self, seen: usize, within: Duration, until: Reaction) -> Reaction {
        let Some(machine) = &self.arm.machine else { return Reaction::None };
        let journal = machine.journal();
        let over = self.arm.scene.ports.clock.sleep(self.arm.paced(within));
        tokio::pin!(over);
        let reached = |reaction| matches!(reaction, Reaction::Restart | Reaction::Off) || reaction == until;
        loop {
            let signs = journal.since(seen);
            let reaction = signs.iter().fold(Reaction::None, |before, sign| match sign.what {
                MachineSign::Reset { .. } => Reaction::Restart,
                MachineSign::Shutdown { .. } | MachineSign::Exited { .. } => Reaction::Off,
                MachineSign::Panicked { .. } | MachineSign::CrashLoaded if before == Reaction::None => Reaction::Stop,
                _ => before,
            });
            if reached(reaction) {
                return reaction;
            }
            tokio::select! {
                () = journal.more_than(seen + signs.len()) => {}
                () = &mut over => return reaction,
            }
        }
    }

    /// The guest restarted: if it comes back, it makes a file of its dump.
    async fn after_restart(&mut self) -> Climbed {
        let what = "the guest restarted at the interrupt";
        let mut lacks = Lacks::default();
        let longest = self.arm.paced(COMES_BACK);
        let within = self.step.map_or(longest, |step| self.arm.boot_deadline(step).min(longest));
        let Some(same_boot) = self.reopen_paced(within).await else {
            lacks.absent("it did not come back");
            return Climbed::gave(what, lacks);
        };
        if !same_boot {
            // That the boot after the interrupt came up is no less true for what hung before it.
            self.arm.sign(MachineSign::Answered);
        }
        if let Err(why) = self.guest_files(Rung::Nmi, true, &mut lacks).await {
            lacks.failed(why);
        }
        Climbed::gave(what, lacks)
    }

    /// Whose doing a dump is, where it is the lab's: that of the interrupt, or of a boot after it. Such a dump is evidence,
    /// and explains nothing of why the guest hung.
    pub(super) fn ours(&self, crash: &Crash) -> Option<Ours> {
        self.interrupted?;
        if is_of_an_interrupt(crash) {
            return Some(Ours::Interrupt);
        }
        let signs = self.arm.machine.as_ref()?.journal().since(0);
        let at = |sign: &MachineSign| signs.iter().find(|event| event.what == *sign).map(|event| event.at);
        // By the guest's own clock, as far as it is known: how much later than its first boot.
        let dumped = crash.time?.duration_since(self.arm.guest_began?);
        let interrupted = at(&MachineSign::NmiInjected)?.duration_since(at(&MachineSign::Started)?);
        let firmware = SignedDuration::try_from(self.arm.paced(FIRMWARE)).ok()?;
        (dumped >= interrupted - firmware).then_some(Ours::BootAfterIt)
    }

    /// The guest's memory as it is.
    pub(super) async fn memory(&mut self) -> Climbed {
        let broken = |error: std::io::Error| Climbed::broken(error.to_string());
        let part = match self.store.part(&self.arm.evidence("memory")) {
            Ok(part) => part,
            Err(error) => return broken(error),
        };
        let Some(machine) = &self.arm.machine else { return Climbed::broken("there is no machine") };
        let form = match machine.dump_memory(&part, MEMORY_LIMIT).await {
            Ok(form) => form,
            Err(fault) => return Climbed::broken(fault.message),
        };
        let name = self.free_name(match form {
            MemoryForm::Windows => "memory.dmp",
            MemoryForm::Elf => "memory.elf",
        });
        let file = self.store.path(&name);
        if let Err(error) = self.keep(&part, name, EvidenceKind::MemoryDump, Rung::Memory).await {
            return broken(error);
        }
        let mut lacks = Lacks::default();
        match form {
            // What hung is in it, in whatever form.
            MemoryForm::Elf => drop(self.safe.insert(Need::Dump)),
            MemoryForm::Windows => match self.learn_of_memory(&file).await {
                Ok(None) => {}
                Ok(Some(why)) => lacks.failed(why),
                Err(error) => lacks.failed(error.to_string()),
            },
        }
        Climbed::lacking(lacks)
    }
}
