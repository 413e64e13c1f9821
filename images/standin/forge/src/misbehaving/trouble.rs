//! What goes wrong with an agent, as its driver's card says it.

use standin_behaviour::{Condition, CutShort, Deed, Misfortune, Moment};

use super::Stop;

/// The service of Windows OpenSSH.
const SSHD: &str = "sshd";
/// The log that tells how a system starts and stops.
const SYSTEM_LOG: &str = "System";
/// Component that asks for the live report.
const REPORTER: &str = "WATCHDOG";

/// What goes wrong, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The driver stops the machine when its installer loads it.
    Install,
    /// The driver stops the machine when it reads the candidate content, while the system runs.
    ContentLoad,
    /// The driver stops the machine this long after it was loaded.
    Running {
        /// Milliseconds.
        after_ms: u64,
    },
    /// The first boot with the driver fails, later ones succeed.
    BootOnce,
    /// Every boot with the driver fails.
    BootLoop,
    /// The first boot with the driver fails, and while its dump is written the power does.
    PowerLost {
        /// What then becomes of the machine.
        end: CutShort,
    },
    /// The product fills the disk when it is installed, and the first boot with its driver fails.
    FullDisk {
        /// Bytes left free.
        leave: u64,
    },
    /// The first boot with the driver fails; this long into the next one the product clears the System log.
    ClearsLog {
        /// Milliseconds.
        after_ms: u64,
    },
    /// The first boot with the driver fails; from the next on, connections that fetch much are cut.
    CutsDownloads {
        /// Bytes a connection may fetch.
        bytes: u64,
        /// How many connections are cut in each boot.
        times: u32,
    },
    /// The driver asks for a live report this long after it was loaded; the system lives on.
    LiveReport {
        /// Milliseconds.
        after_ms: u64,
    },
    /// A boot with the driver never ends. A non-maskable interrupt still comes through.
    Hang,
    /// A boot with the driver never ends, and nothing comes through.
    HangDeaf,
    /// The system hangs this long after the driver was loaded.
    HangsLater {
        /// Milliseconds.
        after_ms: u64,
        /// Whether not even a non-maskable interrupt comes through.
        deaf: bool,
    },
    /// Each boot with the driver takes this much longer, before any service is started.
    SlowBoot {
        /// Milliseconds.
        ms: u64,
    },
    /// In each boot with the driver the network comes up this much later.
    SlowNetwork {
        /// Milliseconds.
        ms: u64,
    },
    /// The network goes silent at boot.
    BreakNetwork,
    /// The network goes silent this long after the driver was loaded.
    GoesSilent {
        /// Milliseconds.
        after_ms: u64,
    },
    /// The installer's own connection is reset when it loads the driver; everything works again at once.
    CutSessions,
    /// From the installation on, a transfer into the guest that is longer than this is cut.
    LimitUploads {
        /// Bytes.
        bytes: u64,
    },
    /// From the installation on, nobody who comes by SSH gets a command run.
    DenyCommands,
    /// The SSH service crashes this long after each load of the driver.
    SshdEnds {
        /// Milliseconds.
        after_ms: u64,
    },
    /// The product's service crashes this long after each start of its driver.
    ServiceEnds {
        /// Milliseconds.
        after_ms: u64,
    },
    /// As [`Trouble::ServiceEnds`], and Windows Error Reporting keeps a dump of the service's process.
    ServiceCrashes {
        /// Milliseconds.
        after_ms: u64,
    },
    /// The product's service stops this long after each start of its driver, as if somebody had stopped it.
    ServiceStops {
        /// Milliseconds.
        after_ms: u64,
    },
    /// The product's filter goes this long after it was loaded.
    FilterVanishes {
        /// Milliseconds.
        after_ms: u64,
    },
    /// From the installation on, the machine's power button does nothing.
    IgnoresPowerButton,
    /// Once installed, the product updates itself for this long: nothing else can be installed.
    UpdatesItself {
        /// Milliseconds.
        ms: u64,
    },
}

impl Trouble {
    /// Whether a stop code belongs to it.
    pub(super) fn stops(self) -> bool {
        matches!(
            self,
            Self::Install
                | Self::ContentLoad
                | Self::Running { .. }
                | Self::BootOnce
                | Self::BootLoop
                | Self::PowerLost { .. }
                | Self::FullDisk { .. }
                | Self::ClearsLog { .. }
                | Self::CutsDownloads { .. }
                | Self::LiveReport { .. }
        )
    }

    /// The misfortunes of a driver with this trouble. The stop is there for those that [`Trouble::stops`].
    pub(super) fn misfortunes(
        self,
        stop: Option<Stop>,
        candidate_content: u32,
        service: &str,
        driver: &str,
    ) -> Vec<Misfortune> {
        let plain = |at, deed| Misfortune { at, when: Vec::new(), deed };
        let running = |after_ms| Moment::Running { after_ms };
        match (self, stop) {
            (Self::ContentLoad, Some(stop)) => {
                let when = vec![Condition::ContentVersion(candidate_content.to_string())];
                vec![Misfortune { at: Moment::ContentLoad, when, deed: stop.bugcheck() }]
            }
            (Self::Install, Some(stop)) => vec![plain(Moment::Install, stop.bugcheck())],
            (Self::Running { after_ms }, Some(stop)) => vec![plain(running(after_ms), stop.bugcheck())],
            (Self::BootLoop, Some(stop)) => vec![plain(Moment::Boot, stop.bugcheck())],
            (Self::BootOnce, Some(stop)) => vec![at_the_first_boot(stop.bugcheck())],
            (Self::PowerLost { end }, Some(stop)) => vec![at_the_first_boot(stop.cut_short(end))],
            (Self::FullDisk { leave }, Some(stop)) => {
                vec![at_the_first_boot(stop.bugcheck()), plain(Moment::Install, Deed::FillDisk { leave })]
            }
            (Self::ClearsLog { after_ms }, Some(stop)) => {
                let clear = plain(running(after_ms), Deed::ClearLog(SYSTEM_LOG.to_owned()));
                vec![at_the_first_boot(stop.bugcheck()), later_boots_only(clear)]
            }
            (Self::CutsDownloads { bytes, times }, Some(stop)) => {
                let limit = plain(Moment::Boot, Deed::LimitDownloads { bytes, times });
                vec![at_the_first_boot(stop.bugcheck()), later_boots_only(limit)]
            }
            (Self::LiveReport { after_ms }, Some(stop)) => vec![plain(running(after_ms), stop.live_report())],
            (trouble, _) => {
                let deed = trouble.deed(service, driver);
                trouble.moments().into_iter().map(|at| plain(at, deed.clone())).collect()
            }
        }
    }

    /// When it strikes, where it does not stop the machine.
    fn moments(self) -> Vec<Moment> {
        match self {
            Self::CutSessions | Self::UpdatesItself { .. } => vec![Moment::Install],
            Self::GoesSilent { after_ms }
            | Self::HangsLater { after_ms, .. }
            | Self::SshdEnds { after_ms }
            | Self::ServiceEnds { after_ms }
            | Self::ServiceCrashes { after_ms }
            | Self::ServiceStops { after_ms }
            | Self::FilterVanishes { after_ms } => vec![Moment::Running { after_ms }],
            // What a restart clears is set again by the next boot.
            Self::LimitUploads { .. } | Self::DenyCommands | Self::IgnoresPowerButton => {
                vec![Moment::Install, Moment::Boot]
            }
            _ => vec![Moment::Boot],
        }
    }

    /// What it does, where it does not stop the machine.
    fn deed(self, service: &str, driver: &str) -> Deed {
        match self {
            Self::BreakNetwork | Self::GoesSilent { .. } => Deed::BreakNetwork,
            Self::CutSessions => Deed::CutSessions,
            Self::LimitUploads { bytes } => Deed::LimitUploads { bytes },
            Self::DenyCommands => Deed::DenyCommands,
            Self::SshdEnds { .. } => Deed::EndService(SSHD.to_owned()),
            Self::ServiceEnds { .. } => Deed::EndService(service.to_owned()),
            Self::ServiceCrashes { .. } => Deed::CrashService(service.to_owned()),
            Self::ServiceStops { .. } => Deed::StopService(service.to_owned()),
            Self::FilterVanishes { .. } => Deed::UnloadDriver(driver.to_owned()),
            Self::UpdatesItself { ms } => Deed::KeepInstallerBusy { ms },
            Self::SlowBoot { ms } => Deed::SlowBoot { ms },
            Self::SlowNetwork { ms } => Deed::SlowNetwork { ms },
            Self::IgnoresPowerButton => Deed::IgnorePowerButton,
            Self::HangDeaf | Self::HangsLater { deaf: true, .. } => Deed::HangDeaf,
            _ => Deed::Hang,
        }
    }
}

impl Stop {
    fn bugcheck(self) -> Deed {
        Deed::Bugcheck { code: self.code, parameters: self.parameters }
    }

    fn cut_short(self, end: CutShort) -> Deed {
        Deed::BugcheckCutShort { code: self.code, parameters: self.parameters, end }
    }

    fn live_report(self) -> Deed {
        Deed::LiveReport { component: REPORTER.to_owned(), code: self.code, parameters: self.parameters }
    }
}

fn at_the_first_boot(deed: Deed) -> Misfortune {
    Misfortune { at: Moment::Boot, when: vec![Condition::BootsWithDriver { from: 1, to: 1 }], deed }
}

fn later_boots_only(misfortune: Misfortune) -> Misfortune {
    Misfortune { when: vec![Condition::BootsWithDriver { from: 2, to: u32::MAX }], ..misfortune }
}
