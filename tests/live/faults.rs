//! Faults of the lab: each is called ours, ends with 3, and leaves nothing behind.

use std::io::Write;
use std::path::{Path, PathBuf};

use standin_forge::Agent;
use standin_forge::misbehaving::harmless;

use crate::lab::{Candidate, Lab, Report, machines_of, repository, until};

pub(crate) fn lab_with(scenario: &str) -> Lab {
    let lab = Lab::new();
    let new = harmless(lab.seed());
    let mut old: Agent = new.clone();
    old.version = "0.1".to_owned();
    old.product_code = "{5A7E1C00-0000-4000-8000-000000000002}".to_owned();
    lab.write_matrix(&Candidate::Fresh { old: &old, new: &new }, scenario);
    lab
}

/// Whether both arms have begun their dwell.
pub(crate) fn both_dwell(out: &Path) -> Option<()> {
    let events = std::fs::read_to_string(out.join("events.jsonl")).ok()?;
    let begun = |line: &&str| line.contains("\"event\":\"step-started\"") && line.contains("\"step\":\"dwell\"");
    (events.lines().filter(begun).count() == 2).then_some(())
}

fn assert_ours(report: &Report, kind: &str) {
    assert_eq!(report.exit, 3, "a lab fault is worth a retry");
    assert_eq!(report.cell()["verdict"], "inconclusive");
    assert!(!report.junit.contains("<failure"), "nobody is accused");
    assert!(report.junit.contains(&format!("type=\"lab.{kind}\"")), "{}", report.junit);
    assert!(report.junit.contains("LAB FAULT (not the product)"));
    report.assert_nothing_left();
}

#[test]
fn a_killed_qemu_is_ours() {
    let lab = lab_with("  dwell: 60s\n  reboots: 1\n  settle: 1s\n");
    let out = lab.path("out");
    let child = lab.start(&out);
    until("both arms to dwell", || both_dwell(&out));
    for machine in machines_of(&out) {
        let killed = std::process::Command::new("kill").args(["-9", &machine.to_string()]).status().unwrap();
        assert!(killed.success());
    }
    assert_ours(&Report::of(child, &out), "qemu-died");
}

#[test]
fn a_stopped_ssh_service_is_ours() {
    // The service drops its sessions once it has answered; the ping keeps this one busy until then.
    let stop = "sc stop sshd & ping -n 30 127.0.0.1";
    let lab = lab_with(&format!("  dwell: 1s\n  reboots: 1\n  settle: 1s\n  exercise:\n    - run: \"{stop}\"\n"));
    assert_ours(&lab.run(), "ssh-refused");
}

#[test]
fn a_wrong_host_key_is_ours() {
    let lab = lab_with("  dwell: 1s\n  reboots: 1\n  settle: 1s\n");
    let key = lab.path("other_key");
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&key)
        .status()
        .expect("ssh-keygen is installed by `cargo xtask test`");
    assert!(made.success());
    lab.write_image(&key.with_extension("pub"));
    assert_ours(&lab.run(), "ssh-wrong-key");
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
    let lab = lab_with("  dwell: 1s\n  reboots: 1\n  settle: 1s\n");
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
