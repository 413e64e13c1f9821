//! A driver's misfortunes at a moment of its life.

use std::time::{Duration, SystemTime};

use standin_behaviour::{Circumstances, CutShort, Deed, Moment, Parameter};
use standin_face::System;

use super::bugcheck::Culprit;
use super::fill::fill;
use super::history::{Ages, History};
use super::kernel::{Loaded, Nt};
use super::live_report;
use super::machine::Hang;
use crate::platform::serial::mark;

/// How often, and after which times, a service is looked for that a driver is to end.
const SERVICE_LOOKS: u32 = 100;
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// How a moment ended, when it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The driver lives on.
    Fine,
    /// The driver does not want to be loaded.
    Refused(u32),
}

/// What the kernel knows when it looks at one driver's conditions.
struct Now<'a> {
    nt: &'a Nt,
    content: Option<String>,
    ages: Ages,
}

impl Circumstances for Now<'_> {
    fn content_version(&self) -> Option<&str> {
        self.content.as_deref()
    }
    fn driver_loaded(&self, base_name: &str) -> bool {
        self.nt.is_loaded(base_name)
    }
    fn registry(&self, key: &str, name: &str) -> Option<String> {
        self.nt.registry().text(key, name)
    }
    fn boots_with_driver(&self) -> u32 {
        self.ages.driver
    }
    fn boots_with_content(&self) -> u32 {
        self.ages.content
    }
}

impl Nt {
    /// Lets this moment come for a driver. May never return.
    pub(super) fn moment(&self, driver: &Loaded, moment: Moment) -> Outcome {
        let now = self.now(driver);
        let struck = driver.image.card.strikes(moment, &now).map(|it| it.deed.clone());
        struck.map_or(Outcome::Fine, |deed| self.perform(driver, &deed))
    }

    /// The deeds that wait for time to pass, with their delay in milliseconds and their place in the card.
    pub(super) fn timers(driver: &Loaded) -> Vec<(u64, usize)> {
        driver.image.card.timed().enumerate().map(|(place, (after, _))| (after, place)).collect()
    }

    /// A timer has run out: strikes when its conditions hold now.
    pub(super) fn time_is_up(&self, driver: &Loaded, place: usize) {
        let now = self.now(driver);
        let due = driver.image.card.timed().nth(place).filter(|(_, it)| it.when.iter().all(|when| when.holds(&now)));
        if let Some((_, misfortune)) = due {
            let deed = misfortune.deed.clone();
            self.perform(driver, &deed);
        }
    }

    fn now(&self, driver: &Loaded) -> Now<'_> {
        let history = History { registry: self.registry(), boot_id: self.identity().boot_id };
        Now { nt: self, content: self.content_of(driver), ages: history.ages(&driver.service) }
    }

    fn perform(&self, driver: &Loaded, deed: &Deed) -> Outcome {
        match deed {
            Deed::Bugcheck { code, parameters } => self.fault(driver, *code, parameters, None),
            Deed::BugcheckCutShort { code, parameters, end } => self.fault(driver, *code, parameters, Some(*end)),
            Deed::Hang => self.machine().hang(Hang::Interruptible),
            Deed::HangDeaf => self.machine().hang(Hang::Deaf),
            Deed::SlowBoot { ms } => std::thread::sleep(Duration::from_millis(*ms)),
            Deed::SlowNetwork { ms } => self.machine().silence_for(Duration::from_millis(*ms)),
            Deed::BreakNetwork => self.machine().silence(),
            Deed::FillDisk { leave } => {
                let file = format!(r"C:\ProgramData\{}\cache.bin", driver.service);
                self.with_system(|system| {
                    if let Err(error) = fill(&system.volume.resolve(&file), *leave) {
                        mark!("{file}: {error}");
                    }
                });
            }
            Deed::StopService(name) => self.stop_service(name),
            Deed::EndService(name) => self.to_a_service(|system| system.end_service(name)),
            Deed::CrashService(name) => self.to_a_service(|system| system.crash_service(name)),
            Deed::UnloadDriver(service) => drop(self.forget(service)),
            Deed::LiveReport { component, code, parameters } => {
                let (parameters, culprit) = accused(driver, parameters);
                let dump = self.dump(*code, parameters, Some(&culprit));
                self.with_system(|system| live_report::write(system, component, &dump, SystemTime::now()));
            }
            Deed::ClearLog(log) => self.with_system(|system| {
                system.logs.clear(log, "SYSTEM", "NT AUTHORITY").ok();
            }),
            Deed::IgnorePowerButton => self.ignore_power_button(),
            Deed::CutSessions => self.with_system(|system| system.ssh_filter.cut_sessions()),
            Deed::LimitUploads { bytes } => self.with_system(|system| system.ssh_filter.limit_uploads(*bytes)),
            Deed::LimitDownloads { bytes, times } => {
                self.with_system(|system| system.ssh_filter.limit_downloads(*bytes, *times));
            }
            Deed::DenyCommands => self.with_system(|system| system.ssh_filter.deny_commands()),
            Deed::KeepInstallerBusy { ms } => {
                self.with_system(|system| system.keep_installer_busy(Duration::from_millis(*ms)));
            }
            Deed::RefuseLoad(error) => return Outcome::Refused(*error),
        }
        Outcome::Fine
    }

    fn fault(&self, driver: &Loaded, code: u32, parameters: &[Parameter; 4], cut: Option<CutShort>) {
        let (parameters, culprit) = accused(driver, parameters);
        self.stop(code, parameters, Some(&culprit), cut);
    }

    /// Does something to a service that may come up only after the driver.
    fn to_a_service(&self, act: impl Fn(&System) -> Result<(), u32>) {
        self.with_system(|system| {
            for _ in 0..SERVICE_LOOKS {
                if act(system).is_ok() {
                    break;
                }
                std::thread::sleep(BETWEEN_LOOKS);
            }
        });
    }
}

/// The parameters as numbers, and the driver as the image that is to blame for them.
fn accused(driver: &Loaded, parameters: &[Parameter; 4]) -> ([u64; 4], Culprit) {
    let parameters = parameters.map(|it| it.resolve(driver.base));
    let end = driver.base + u64::from(driver.image.size);
    let fault = parameters.into_iter().find(|it| (driver.base..end).contains(it));
    let culprit = Culprit {
        base_name: driver.image.base_name.clone(),
        fault: fault.unwrap_or(driver.base + u64::from(driver.image.size) / 3 + 0x1d),
        base: driver.base,
        size: driver.image.size,
    };
    (parameters, culprit)
}
