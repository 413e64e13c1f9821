//! The packages that `matrices/nightly.yaml` needs beside the demo's: five more products of four invented vendors, later
//! versions of two of the demo's, and what is planted in them. `docs/nightly.md` has the table of what is planted; a
//! misfortune here and a row there belong together.

use standin_behaviour::{Card, Condition, Deed, Misfortune, Moment, Parameter};

use crate::vendors::{ACME_DRIVER, INITECH_DRIVER, acme, agent, globex, memory_integrity};
use crate::{Agent, Driver, Quirks};

/// File name of Oceanic Baseline's installer.
pub const SCRIPT_NAME: &str = "oceanic-baseline-1.4.cmd";

const HOOLI_DRIVER: &str = "hooliflt.sys";
const TYRELL_DRIVER: &str = "tyrelldev.sys";
const VANDELAY_DRIVER: &str = "vandelayflt.sys";
const INSIGHT_SERVICE: &str = "HooliInsightSvc";
const INSIGHT_VERSION: &str = "3.4";

/// `VerifyDriverLevel` of `verifier /standard`: 0x209bb (`verifier /?`).
const VERIFIER_STANDARD: &str = "133563";
/// The same with simulated low resources, bit 2.
const VERIFIER_LOW_RESOURCES: &str = "133567";

/// Every package the nightly lab needs beside [`crate::vendors::demo`].
#[must_use]
pub fn nightly() -> Vec<Agent> {
    vec![
        acme("4.2"),
        globex_7_2(),
        hooli_insight(),
        hooli_shield("12.0"),
        hooli_shield("12.1"),
        tyrell_lock(),
        vandelay_vault(),
    ]
}

/// Oceanic Baseline 1.4: a hardening kit without a process or a driver of its own, which sets what it recommends.
#[must_use]
pub fn oceanic_baseline() -> Vec<u8> {
    let add = |key: &str, value: &str| format!(r"reg add HKLM\{key} {value} /f >nul || exit /b 1");
    let lsa = r"SYSTEM\CurrentControlSet\Control\Lsa";
    let lines = [
        "@echo off".to_owned(),
        "rem An invented hardening kit of a test guest.".to_owned(),
        add(lsa, "/v RunAsPPL /t REG_DWORD /d 1"),
        add(lsa, "/v LmCompatibilityLevel /t REG_DWORD /d 5"),
        add(r"SOFTWARE\Oceanic\Baseline", "/v Version /d 1.4"),
    ];
    lines.iter().flat_map(|line| format!("{line}\r\n").into_bytes()).collect()
}

/// The candidate. Everything that is wrong with it needs a neighbour, a setting or a Windows of its own to show.
fn globex_7_2() -> Agent {
    let mut agent = globex("7.2");
    agent.misfortunes_mut().extend([
        // Short names are gone, and Vandelay's filter gives it a path it cannot shorten: at every boot.
        Misfortune {
            at: Moment::Boot,
            when: vec![Condition::DriverLoaded(VANDELAY_DRIVER.to_owned()), short_names_off()],
            deed: stop(0x3b, [value(0xc000_0005), inside(0x5_21c0), value(0xffff_9405_8123_4560), value(0)]),
        },
        // Three products in a row at the same file, with memory integrity on: at the first boot.
        Misfortune {
            at: Moment::Boot,
            when: vec![
                Condition::DriverLoaded(ACME_DRIVER.to_owned()),
                Condition::DriverLoaded(TYRELL_DRIVER.to_owned()),
                memory_integrity(),
                first_boot(),
            ],
            deed: stop(0xd1, [value(0x58), value(2), value(1), inside(0x2_7f14)]),
        },
        // A user's handle taken for the kernel's, which only Driver Verifier minds, on the oldest Windows only: at the
        // first boot.
        Misfortune {
            at: Moment::Boot,
            when: vec![build("17763"), verifier_level(VERIFIER_STANDARD), first_boot()],
            deed: stop(0xc4, [value(0xf6), value(0x1a4), value(0xffff_c50f_2a1b_4080), inside(0x3_c0d8)]),
        },
        // It takes Insight's protected reading of LSA for an attack and ends it.
        Misfortune {
            at: Moment::Running { after_ms: 1_000 },
            when: vec![insight_is_installed(), lsa_protection()],
            deed: Deed::EndService(INSIGHT_SERVICE.to_owned()),
        },
    ]);
    agent
}

/// Behaves well.
fn hooli_shield(version: &str) -> Agent {
    let card = filter("326510.4", Vec::new());
    let names = ["hooli-shield", "Hooli", "Shield", version];
    in_group(agent(names, "HooliShieldSvc", HOOLI_DRIVER, 0x9_0000, card), "FSFilter Anti-Virus")
}

/// A service without a driver, which adds to Hooli Shield. Behaves well.
fn hooli_insight() -> Agent {
    let card = Card { altitude: None, content: None, misfortunes: Vec::new() };
    let names = ["hooli-insight", "Hooli", "Insight", INSIGHT_VERSION];
    Agent { driver: None, ..agent(names, INSIGHT_SERVICE, "", 0, card) }
}

/// Device control: a driver that filters no files. Installed after Initech Guard, its driver does not start.
fn tyrell_lock() -> Agent {
    let refuses = Misfortune {
        at: Moment::Install,
        when: vec![Condition::DriverLoaded(INITECH_DRIVER.to_owned())],
        // ERROR_GEN_FAILURE
        deed: Deed::RefuseLoad(31),
    };
    let card = Card { altitude: None, content: None, misfortunes: vec![refuses] };
    agent(["tyrell-lock", "Tyrell", "Lock", "1.9"], "TyrellSvc", TYRELL_DRIVER, 0x3_0000, card)
}

/// File encryption, whose installer asks for a restart. With simulated low resources its filter does not start.
fn vandelay_vault() -> Agent {
    let refuses = Misfortune {
        at: Moment::Boot,
        when: vec![verifier_level(VERIFIER_LOW_RESOURCES)],
        // ERROR_NO_SYSTEM_RESOURCES
        deed: Deed::RefuseLoad(1450),
    };
    let card = filter("144320.7", vec![refuses]);
    let names = ["vandelay-vault", "Vandelay", "Vault", "5.6"];
    let quirks = Quirks { wants_reboot: true, ..Quirks::default() };
    let agent = Agent { quirks, ..agent(names, "VandelaySvc", VANDELAY_DRIVER, 0x7_0000, card) };
    in_group(agent, "FSFilter Encryption")
}

fn filter(altitude: &str, misfortunes: Vec<Misfortune>) -> Card {
    Card { altitude: Some(altitude.to_owned()), content: None, misfortunes }
}

/// With its filter in this load order group; the group of an altitude is Microsoft's to say ("Load order groups and
/// altitudes for minifilter drivers").
fn in_group(agent: Agent, group: &str) -> Agent {
    let driver = agent.driver.map(|driver| Driver { group: Some(group.to_owned()), ..driver });
    Agent { driver, ..agent }
}

fn stop(code: u32, parameters: [Parameter; 4]) -> Deed {
    Deed::Bugcheck { code, parameters }
}

fn value(value: u64) -> Parameter {
    Parameter::Value(value)
}

fn inside(offset: u32) -> Parameter {
    Parameter::InDriver(offset)
}

fn registry(key: &str, name: &str, equals: &str) -> Condition {
    Condition::Registry { key: format!(r"HKLM\{key}"), name: name.to_owned(), equals: equals.to_owned() }
}

/// The first boot since the driver was installed.
fn first_boot() -> Condition {
    Condition::BootsWithDriver { from: 1, to: 1 }
}

fn short_names_off() -> Condition {
    registry(r"SYSTEM\CurrentControlSet\Control\FileSystem", "NtfsDisable8dot3NameCreation", "1")
}

fn lsa_protection() -> Condition {
    registry(r"SYSTEM\CurrentControlSet\Control\Lsa", "RunAsPPL", "1")
}

fn verifier_level(level: &str) -> Condition {
    registry(r"SYSTEM\CurrentControlSet\Control\Session Manager\Memory Management", "VerifyDriverLevel", level)
}

fn build(number: &str) -> Condition {
    registry(r"SOFTWARE\Microsoft\Windows NT\CurrentVersion", "CurrentBuildNumber", number)
}

fn insight_is_installed() -> Condition {
    registry(r"SOFTWARE\Hooli\Insight", "Version", INSIGHT_VERSION)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vendors;

    /// What is planted in what the nightly lab installs. The content update that the demo is about is no part of it.
    fn planted() -> Vec<Misfortune> {
        let of_the_demo = globex("7.2").misfortunes().to_vec();
        let known = vendors::demo().into_iter().filter(|it| it.id == "initech-guard");
        let all = nightly().into_iter().chain(known).flat_map(|it| it.misfortunes().to_vec());
        all.filter(|it| !of_the_demo.contains(it)).collect()
    }

    #[test]
    fn nothing_goes_wrong_without_company() {
        let planted = planted();
        let lonely: Vec<_> = planted.iter().filter(|it| it.when.is_empty() || it.when == [first_boot()]).collect();
        assert!(lonely.is_empty(), "{lonely:?}");
    }

    #[test]
    fn the_documentation_lists_what_is_planted() {
        let page = include_str!("../../../../docs/nightly.md");
        let rows: Vec<&str> = page.lines().filter(|it| it.starts_with('|')).collect();
        let numbered = |number: usize| rows.iter().find(|row| row.starts_with(&format!("| {number} |")));
        let planted = planted();
        assert!(numbered(planted.len()).is_some() && numbered(planted.len() + 1).is_none(), "{} rows", planted.len());
        for misfortune in &planted {
            if let Deed::Bugcheck { code, .. } = misfortune.deed {
                assert!(rows.iter().any(|row| row.contains(&format!("stop {code:#x} in"))), "{code:#x}");
            }
        }
    }
}
