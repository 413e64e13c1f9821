//! What comes between the lab and a guest that lives: cut connections, no room, no entry.

use standin_forge::misbehaving::{Misbehaving, Trouble, harmless};
use standin_forge::{Agent, Content};

use crate::crashes::before;
use crate::faults::assert_ours;
use crate::lab::{Candidate, Lab};

const QUIET: &str = "  dwell: 1s\n  reboots: 1\n  settle: 1s\n";
const MIB: usize = 1 << 20;

/// What nobody reads, as much as is wanted.
fn padding(bytes: usize) -> String {
    "x".repeat(bytes)
}

/// The baseline's product cuts its own installer's connection; in the candidate's arm another product cuts the transfer
/// of the package. Both guests live on in the same boot.
#[test]
fn cut_commands_and_transfers_are_ours() {
    let mut lab = Lab::new();
    let limit = Trouble::LimitUploads { bytes: MIB as u64 };
    lab.add(&Misbehaving::random(lab.seed() ^ 1, limit).agent);

    let old = Misbehaving::random(lab.seed(), Trouble::CutSessions).agent;
    let mut new = harmless(lab.seed());
    new.version = "99.0".to_owned();
    new.product_code = "{5A7E1C00-0000-4000-8000-000000000003}".to_owned();
    let path = format!(r"C:\ProgramData\{}\big.dat", new.vendor);
    new.content = Some(Content { path, text: padding(3 * MIB) });
    assert!(old.package().unwrap().len() < MIB, "the other product lets the baseline's package pass");

    lab.write_matrix(&Candidate::Fresh { old: &old, new: &new }, QUIET);
    let report = lab.run();
    assert_ours(&report, "exec-cut");
    assert_ours(&report, "transfer-cut");
    assert_eq!(report.arm("baseline")["fault"], "exec-cut");
    assert_eq!(report.arm("candidate")["fault"], "transfer-cut");
    for arm in ["baseline", "candidate"] {
        assert_eq!(report.arm(arm)["step"], "candidate");
        assert_eq!(report.arm(arm)["boots"].as_array().unwrap().len(), 1, "the guest of the {arm} arm lives on");
    }
}

/// The product's set-up leaves less room than the candidate needs.
#[test]
fn a_full_disk_of_the_guest_is_ours() {
    let mut lab = Lab::new();
    // The baseline's guest must be able to work with what is left.
    lab.then = vec![
        r"(for /L %i in (1,1,64) do @fsutil file createnew C:\full-%i.bin 4194304 >nul) & exit 0".to_owned(),
        r"del C:\full-1.bin C:\full-2.bin".to_owned(),
    ];
    let agent: Agent = harmless(lab.seed());
    let path = format!(r"C:\ProgramData\{}\big.dat", agent.vendor);
    let content = Content { path, text: format!("2\r\n{}", padding(16 * MIB)) };
    lab.write_matrix(&Candidate::Content { agent: &agent, content: &content }, QUIET);
    let report = lab.run();
    assert_ours(&report, "guest-disk-full");
    assert_eq!(report.arm("baseline")["outcome"], "up");
    assert_eq!(report.arm("candidate")["step"], "candidate");
}

/// A product that lets nobody work who comes by SSH.
#[test]
fn a_lab_that_a_product_keeps_out_names_it() {
    let lab = Lab::new();
    let drawn = Misbehaving::random(lab.seed(), Trouble::DenyCommands);
    let old = before(&drawn.agent);
    lab.write_matrix(&Candidate::Fresh { old: &old, new: &drawn.agent }, QUIET);
    let report = lab.run();
    assert_ours(&report, "blocked-by-agent");
    assert_eq!(report.arm("baseline")["outcome"], "up");
    assert_eq!(report.arm("candidate")["fault"], "blocked-by-agent");
    assert!(report.arm("candidate")["message"].as_str().unwrap().contains(&drawn.agent.id));
}
