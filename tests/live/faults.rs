//! Faults of the lab: each is called ours, ends with 3, and leaves nothing behind.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::Value;
use standin_forge::misbehaving::harmless;

use crate::crashes::before;
use crate::lab::{Candidate, ImageFiles, Lab, Policy, repository};
use crate::program::{Report, events_of, machines_of, until};
use crate::sabotage;

const QUIET: &str = "  dwell: 1s\n  reboots: 1\n  settle: 1s\n";

/// A lab in which nothing is wrong with the products.
pub(crate) fn lab_with(scenario: &str) -> Lab {
    lab_within(scenario, |_| ())
}

/// The same with another policy.
fn lab_within(scenario: &str, change: impl FnOnce(&mut Policy)) -> Lab {
    let mut lab = Lab::new();
    change(&mut lab.policy);
    let new = harmless(lab.seed());
    lab.write_matrix(&Candidate::Fresh { old: &before(&new), new: &new }, scenario);
    lab
}

/// Whether both arms have begun their dwell.
pub(crate) fn both_dwell(out: &Path) -> Option<()> {
    (begun_dwells(out).len() == 2).then_some(())
}

/// The arms that have begun their dwell, one entry each time.
fn begun_dwells(out: &Path) -> Vec<String> {
    let begun = |event: &Value| event["event"] == "step-started" && event["step"] == "dwell";
    let events = events_of(out);
    events.iter().filter(|it| begun(it)).filter_map(|it| Some(it["arm"].as_str()?.to_owned())).collect()
}

pub(crate) fn assert_ours(report: &Report, kind: &str) {
    assert_eq!(report.exit, 3, "a lab fault is worth a retry");
    assert_eq!(report.cell()["verdict"], "inconclusive");
    assert!(!report.junit.contains("<failure"), "nobody is accused");
    assert!(report.junit.contains(&format!("type=\"lab.{kind}\"")), "{}", report.junit);
    assert!(report.junit.contains("LAB FAULT (not the product)"));
    report.assert_nothing_left();
}

/// The baseline's machine is killed once, the candidate's each time: one arm is begun anew and comes up, the other one
/// has used up its tries.
#[test]
fn a_killed_qemu_is_ours() {
    let lab = lab_within("  dwell: 3s\n  reboots: 1\n  settle: 1s\n", |policy| policy.retries = 1);
    let out = lab.path("out");
    let child = lab.start(&out);
    let mut killed = BTreeMap::from([("baseline", 0), ("candidate", 0)]);
    until("the machines to dwell", || {
        for (arm, times) in [("baseline", 1), ("candidate", 2)] {
            let dwells = begun_dwells(&out).iter().filter(|it| *it == arm).count();
            let so_far = killed.get_mut(arm).unwrap();
            if *so_far < dwells.min(times) {
                sabotage::signal(machine_of(&out, arm), "-KILL");
                *so_far += 1;
            }
        }
        (killed.values().sum::<usize>() == 3).then_some(())
    });
    let report = Report::of(child, &out);
    assert_ours(&report, "qemu-died");
    assert_eq!(report.arm("baseline")["outcome"], "up");
    assert_eq!(report.arm("candidate")["fault"], "qemu-died");
    for arm in ["baseline", "candidate"] {
        let abandoned = report.arm(arm)["abandoned"].as_array().unwrap();
        assert_eq!(abandoned.len(), 1);
        assert_eq!((&abandoned[0]["fault"], &abandoned[0]["step"]), (&"qemu-died".into(), &"dwell".into()));
    }
}

/// Each machine stands still from the moment it restarts.
#[test]
fn a_frozen_qemu_is_ours() {
    let lab = lab_within(QUIET, |policy| policy.reboot = 10);
    let out = lab.path("out");
    let child = lab.start(&out);
    let mut frozen = BTreeSet::new();
    until("both machines to restart", || {
        let restarts = |event: &Value| event["machine"]["what"]["sign"] == "reset";
        for arm in events_of(&out).iter().filter(|event| restarts(event)).filter_map(|event| event["arm"].as_str()) {
            if frozen.insert(arm.to_owned()) {
                sabotage::signal(machine_of(&out, arm), "-STOP");
            }
        }
        (frozen.len() == 2).then_some(())
    });
    let report = Report::of(child, &out);
    assert_ours(&report, "qemu-hung");
    for arm in ["baseline", "candidate"] {
        assert_eq!((&report.arm(arm)["fault"], &report.arm(arm)["step"]), (&"qemu-hung".into(), &"reboot-1".into()));
    }
}

/// Another program has the ports that QEMU is given: for one arm once, for the other always.
#[test]
fn a_taken_port_is_ours() {
    let mut lab = lab_with(QUIET);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    sabotage::take_ports(&mut lab, listener.local_addr().unwrap().port());
    let report = lab.run();
    assert_ours(&report, "port-taken");
    assert_eq!(report.arm("candidate")["fault"], "port-taken");
    assert_eq!(report.arm("baseline")["outcome"], "up", "the next port was free");
}

#[test]
fn a_clock_far_off_is_ours() {
    let mut lab = lab_with(QUIET);
    sabotage::set_clocks_ahead(&mut lab);
    assert_ours(&lab.run(), "guest-clock");
}

#[test]
fn an_altered_image_starts_nothing() {
    let lab = lab_with(QUIET);
    sabotage::alter_image(&lab);
    let report = lab.run();
    assert_ours(&report, "image-altered");
    assert!(events_of(&report.folder).iter().all(|event| event["event"] != "machine-signed"), "a machine was started");
}

#[test]
fn a_stopped_ssh_service_is_ours() {
    // The service drops its sessions once it has answered; the ping keeps this one busy until then.
    let stop = "sc stop sshd & ping -n 30 127.0.0.1";
    let scenario = format!("{QUIET}  exercise:\n    - run: \"{stop}\"\n");
    // That long the service may be missed before it counts as stopped.
    let lab = lab_within(&scenario, |policy| policy.boot = Some(30));
    assert_ours(&lab.run(), "ssh-refused");
}

#[test]
fn a_wrong_host_key_is_ours() {
    let lab = lab_with(QUIET);
    let key = lab.path("other_key");
    sabotage::new_key(&key);
    lab.write_image(&ImageFiles { host_key: key.with_extension("pub"), ..ImageFiles::default() });
    assert_ours(&lab.run(), "ssh-wrong-key");
}

#[test]
fn a_refused_account_is_ours() {
    let lab = lab_within(QUIET, |policy| policy.boot = Some(30));
    let key = lab.path("other_key");
    sabotage::new_key(&key);
    lab.write_image(&ImageFiles { key, ..ImageFiles::default() });
    assert_ours(&lab.run(), "ssh-authentication");
}

/// Somebody fills the disk under the run's folder while its machines live.
#[test]
fn a_full_disk_is_ours() {
    let lab = lab_with("  dwell: 3s\n  reboots: 1\n  settle: 1s\n  exercise:\n    - file-storm: 200\n");
    let small = SmallDisk::mount(&lab.path("small"), "64m");
    let out = small.0.join("out");
    let child = lab.start(&out);
    until("both arms to dwell", || both_dwell(&out));
    let mut filler = std::fs::File::create(small.0.join("filler")).unwrap();
    let mut fill = || while filler.write_all(&[1; 4096]).is_ok() {};
    fill();
    // What the record had set aside for itself goes as well.
    until("the record to use its reserve", || (!out.join("events.reserve").exists()).then_some(()));
    fill();
    let report = Report::of(child, &out);
    assert_ours(&report, "host-disk-full");
}

#[test]
fn a_package_that_was_altered_starts_nothing() {
    let lab = lab_with(QUIET);
    let package = std::fs::read_dir(lab.path("packages")).unwrap().next().unwrap().unwrap().path();
    std::fs::write(&package, "something else").unwrap();
    let report = lab.run();
    assert_eq!(report.exit, 2);
    assert!(report.stderr.contains("sha256"), "{}", report.stderr);
    assert!(!report.folder.join("events.jsonl").exists(), "nothing was started");
}

#[test]
fn the_images_the_tests_use_are_built() {
    assert!(repository().join("images/standin/out/standin.qcow2").exists(), "run `cargo xtask test`");
}

/// The machine of an arm that runs.
fn machine_of(out: &Path, arm: &str) -> u32 {
    let is_of = |machine: &u32| {
        let command = std::fs::read(format!("/proc/{machine}/cmdline")).unwrap_or_default();
        // Its name, which QEMU is given.
        String::from_utf8_lossy(&command).split('\0').any(|word| word.starts_with("guest=") && word.ends_with(arm))
    };
    machines_of(out).into_iter().find(is_of).unwrap_or_else(|| panic!("no machine of the {arm} arm runs"))
}

/// A tmpfs of a few megabytes; needs root, which the set-up has.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path, size: &str) -> Self {
        std::fs::create_dir(at).unwrap();
        assert!(as_root(&["mount", "-t", "tmpfs", "-o", &format!("size={size},mode=0777"), "tmpfs"], at));
        Self(at.to_owned())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Not asserted: a test that fails already must be able to say so.
        as_root(&["umount", "--lazy"], &self.0);
    }
}

/// Runs a command as root, on a path.
fn as_root(command: &[&str], at: &Path) -> bool {
    let root = std::process::Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    let (program, rest) = if root { (command[0], &command[1..]) } else { ("sudo", command) };
    std::process::Command::new(program).args(rest).arg(at).status().is_ok_and(|status| status.success())
}
