//! QEMU and what belongs to it.

use coexist_model::Pace;
use coexist_qemu::{Accelerator, DiscoverError, FirmwareFiles, HostReport, Version};
use serde_json::{Map, Value, json};

use super::finding::Finding;

/// One for each program that is missing, or one for each thing that QEMU has here.
pub(super) fn findings(qemu: &Result<HostReport, Vec<DiscoverError>>) -> Vec<Finding> {
    match qemu {
        Ok(report) => of_report(report),
        Err(errors) => errors.iter().map(of_error).collect(),
    }
}

fn of_error(error: &DiscoverError) -> Finding {
    let name = match error {
        DiscoverError::Missing { program: "qemu-img", .. } => "qemu-img",
        _ => "QEMU",
    };
    Finding::problem(name, error.to_string(), error.mend())
}

fn of_report(report: &HostReport) -> Vec<Finding> {
    let mut findings = vec![
        Finding::ok("QEMU", format!("{} ({})", report.version, report.qemu.display())),
        qemu_img(report.version, report.qemu_img_version, &report.qemu_img.display().to_string()),
    ];
    let acceleration = &report.acceleration;
    let found = format!("{}: {}", acceleration.accelerator, acceleration.reason);
    findings.push(match (acceleration.accelerator, acceleration.mend) {
        (Accelerator::Kvm, _) | (Accelerator::Tcg, None) => Finding::ok("acceleration", found),
        (Accelerator::Tcg, Some(mend)) => Finding::warning("acceleration", found, mend),
    });
    findings.push(if report.pace > Pace::AS_PLANNED {
        let found = format!("slow or busy: every deadline is {} times as long as planned", report.pace);
        Finding::warning("pace", found, "use a faster host, or wait until nothing else runs on this one")
    } else {
        Finding::ok("pace", "fast enough for every deadline as planned")
    });
    findings.push(match &report.firmware {
        // OVMF holds its version in a compressed volume only: file and size tell builds apart.
        Some(files) => Finding::ok("UEFI", firmware(files)),
        None => Finding::warning("UEFI", "there is no firmware: images with UEFI cannot start", "apt-get install ovmf"),
    });
    if report.restrictions.is_empty() {
        let found = "QEMU gets no new privileges, runs under its seccomp filter, not as root, and ends with coexist";
        findings.push(Finding::ok("confinement", found));
    }
    let mend = "start coexist as an ordinary user, where setpriv (util-linux) and seccomp are allowed";
    findings.extend(report.restrictions.iter().map(|note| Finding::warning("confinement", note, mend)));
    findings
}

fn qemu_img(qemu: Version, found: Option<Version>, path: &str) -> Finding {
    let same = "apt-get install qemu-system-x86 qemu-utils";
    match found {
        None => Finding::warning("qemu-img", format!("{path} does not tell its version"), same),
        Some(version) if version.major == qemu.major => Finding::ok("qemu-img", format!("{version} ({path})")),
        Some(version) => {
            let found = format!("{version} ({path}), but QEMU is {qemu}: it may make overlays that QEMU does not know");
            Finding::warning("qemu-img", found, same)
        }
    }
}

fn firmware(files: &FirmwareFiles) -> String {
    let size = files.code.metadata().map(|meta| format!(", {} KiB", meta.len() >> 10)).unwrap_or_default();
    format!("{}{size}", files.code.display())
}

pub(super) fn as_json(report: &HostReport) -> Map<String, Value> {
    let HostReport { name, qemu, version, qemu_img, qemu_img_version, firmware, acceleration, pace, restrictions } =
        report;
    let mut value = Map::new();
    let mut add = |name: &str, part| value.insert(name.to_owned(), part);
    add("host", json!(name));
    add("qemu", json!({"version": version.to_string(), "path": qemu}));
    let mut img = json!({ "path": qemu_img });
    if let Some(version) = qemu_img_version {
        img["version"] = json!(version.to_string());
    }
    add("qemu_img", img);
    add("acceleration", json!({"kind": acceleration.accelerator.as_str(), "reason": acceleration.reason}));
    add("pace_percent", json!(pace.percent()));
    add("uefi", json!(firmware.is_some()));
    if let Some(files) = firmware {
        let mut part = json!({"code": files.code, "variables": files.variables});
        if let Ok(meta) = files.code.metadata() {
            part["code_bytes"] = json!(meta.len());
        }
        add("firmware", part);
    }
    add("notes", json!(restrictions));
    value
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use coexist_qemu::Acceleration;

    use super::super::finding::State;
    use super::*;

    const V7: Version = Version { major: 7, minor: 2, micro: 22 };

    fn report() -> HostReport {
        HostReport {
            name: "lab".to_owned(),
            qemu: "/q".into(),
            version: V7,
            qemu_img: "/i".into(),
            qemu_img_version: Some(V7),
            firmware: None,
            acceleration: Acceleration { accelerator: Accelerator::Kvm, reason: "it ran".to_owned(), mend: None },
            pace: Pace::AS_PLANNED,
            restrictions: Vec::new(),
        }
    }

    fn told(report: HostReport) -> Vec<(String, State, String, Option<String>)> {
        findings(&Ok(report)).into_iter().map(|it| (it.name, it.state, it.found, it.mend)).collect()
    }

    #[test]
    fn programs_of_two_versions_are_a_warning() {
        let newer = Version { major: 10, ..V7 };
        for (version, state) in [
            (Some(V7), State::Ok),
            (Some(Version { minor: 9, ..V7 }), State::Ok),
            (Some(newer), State::Warning),
            (None, State::Warning),
        ] {
            let found = told(HostReport { qemu_img_version: version, ..report() });
            assert_eq!((found[1].0.as_str(), found[1].1), ("qemu-img", state), "{found:?}");
        }
    }

    #[test]
    fn slow_and_missing_things_are_warnings_with_a_way_out() {
        let acceleration =
            Acceleration { accelerator: Accelerator::Tcg, reason: "no device".to_owned(), mend: Some("get one") };
        let restrictions = vec!["QEMU runs as root: why".to_owned(), "no filter".to_owned()];
        let pace = Pace::measured(Duration::from_secs(2), Duration::from_secs(1));
        let found = told(HostReport { acceleration, restrictions, pace, ..report() });
        let warned: Vec<_> = found.iter().filter(|it| it.1 == State::Warning).map(|it| it.0.as_str()).collect();
        assert_eq!(warned, ["acceleration", "pace", "UEFI", "confinement", "confinement"]);
        assert!(found.iter().all(|it| it.3.is_some() == (it.1 == State::Warning)), "{found:?}");
        assert_eq!(found[2].3.as_deref(), Some("get one"));
    }

    #[test]
    fn every_missing_program_is_named_with_its_package() {
        let missing = |program, package| DiscoverError::Missing { program, searched: String::new(), package };
        let errors = vec![missing("qemu-system-x86_64", "qemu-system-x86"), missing("qemu-img", "qemu-utils")];
        let found: Vec<_> = findings(&Err(errors)).into_iter().map(|it| (it.name, it.state, it.mend)).collect();
        let expected = |name: &str, mend: &str| (name.to_owned(), State::Problem, Some(mend.to_owned()));
        assert_eq!(
            found,
            [expected("QEMU", "apt-get install qemu-system-x86"), expected("qemu-img", "apt-get install qemu-utils")]
        );
    }
}
