//! `docs/faults.md` is made from the code: every fault and every failure, what it is, what to look at, and the tests that
//! bring it about.

use std::fmt::Write as _;

use coexist_model::{FailureState, FaultKind};

use crate::repository;

/// Every kind of fault befalls somebody here, and is called by its name.
const SCRIPTED: &str = "runner/exec/tests/scripted/misfortunes.rs::every_misfortune_is_called_by_its_name";

/// The tests that bring a fault about for real, beside the scripted one.
fn proofs_of_fault(kind: FaultKind) -> &'static [&'static str] {
    match kind {
        FaultKind::QemuDied => &["tests/live/faults.rs::a_killed_qemu_is_ours"],
        FaultKind::QemuHung => &[
            "tests/live/faults.rs::a_frozen_qemu_is_ours",
            "runner/qemu/tests/wants/mod.rs::a_frozen_qemu_is_found_out_although_nobody_asks_it",
        ],
        FaultKind::HostMemory => {
            &["runner/qemu/tests/wants/mod.rs::a_guest_larger_than_the_memory_is_a_fault_of_the_host"]
        }
        FaultKind::HostFileHandles => {
            &["runner/qemu/tests/wants/mod.rs::a_coordinator_without_file_handles_is_a_fault_of_the_host"]
        }
        FaultKind::HostDiskFull => &["tests/live/faults.rs::a_full_disk_is_ours"],
        FaultKind::PortTaken => &[
            "tests/live/faults.rs::a_taken_port_is_ours",
            "runner/qemu/tests/wants/mod.rs::ports_that_are_all_taken_are_their_own_fault",
        ],
        FaultKind::ImageAltered => &[
            "tests/live/faults.rs::an_altered_image_starts_nothing",
            "runner/qemu/tests/machines.rs::images_that_are_not_the_plans_are_refused",
        ],
        FaultKind::ImageMissing => &["runner/qemu/tests/machines.rs::images_that_are_not_the_plans_are_refused"],
        FaultKind::SshRefused => &["tests/live/faults.rs::a_stopped_ssh_service_is_ours"],
        FaultKind::SshWrongKey => &["tests/live/faults.rs::a_wrong_host_key_is_ours"],
        FaultKind::SshAuthentication => &["tests/live/faults.rs::a_refused_account_is_ours"],
        FaultKind::ExecCut | FaultKind::TransferCut => &["tests/live/links.rs::cut_commands_and_transfers_are_ours"],
        FaultKind::GuestDiskFull => &["tests/live/links.rs::a_full_disk_of_the_guest_is_ours"],
        FaultKind::GuestClock => &["tests/live/faults.rs::a_clock_far_off_is_ours"],
        FaultKind::BlockedByAgent => &["tests/live/links.rs::a_lab_that_a_product_keeps_out_names_it"],
        _ => &[],
    }
}

fn proofs_of_failure(state: FailureState) -> &'static [&'static str] {
    match state {
        FailureState::Bugcheck => &[
            SCRIPTED,
            "tests/live/crashes.rs::a_stop_during_the_installation_and_one_at_a_boot",
            "tests/live/crashes.rs::a_stop_that_ends_with_the_power_and_one_in_the_dwell",
        ],
        FailureState::Loop => &[
            SCRIPTED,
            "runner/exec/tests/scripted/states.rs::a_loop_is_decided_at_the_third_boot_whether_or_not_it_answers",
            "tests/live/crashes.rs::a_stop_at_every_boot",
            "tests/live/crashes.rs::a_stop_at_content_load",
        ],
        FailureState::Hang => &[
            SCRIPTED,
            "runner/exec/tests/scripted/states.rs::a_guest_that_moves_has_half_its_time_again",
            "tests/live/silences.rs::boots_that_never_end",
            "tests/live/silences.rs::hangs_in_the_dwell",
        ],
        FailureState::Recovery => &[
            SCRIPTED,
            "runner/model/src/boot/disk.rs::the_log_of_automatic_repair_tells_the_recovery_screen",
            "tests/live/silences.rs::the_recovery_screen_and_a_slow_boot",
        ],
        FailureState::Install => &[SCRIPTED, "tests/live/installers.rs::exit_codes_say_what_they_mean"],
        FailureState::InstallTimeout => &[SCRIPTED, "tests/live/installers.rs::an_installer_that_never_ends"],
        FailureState::Unhealthy => &[
            SCRIPTED,
            "runner/exec/tests/scripted/states.rs::what_vanishes_is_named_with_its_product",
            "tests/live/services.rs::a_filter_that_vanishes_and_a_service_that_dies",
        ],
        FailureState::Unreachable => &[
            SCRIPTED,
            "runner/exec/tests/scripted/states.rs::a_guest_that_moves_has_half_its_time_again",
            "tests/live/silences.rs::networks_that_are_dead_and_fall_silent",
        ],
        FailureState::UnexpectedRestart | FailureState::Exercise => &[SCRIPTED],
    }
}

/// `[name](../path)`, once the test is there.
fn link(proof: &str) -> String {
    let (path, name) = proof.split_once("::").expect("path::name");
    let text = std::fs::read_to_string(repository().join(path)).unwrap_or_default();
    assert!(text.contains(&format!("fn {name}(")), "{proof}: there is no such test");
    format!("[{name}](../{path})")
}

fn page() -> String {
    let mut page = String::from(
        "# What can go wrong\n\n\
         A product's **failure** decides a verdict; a **fault** of the lab never does. Each keeps its name in the console, the\n\
         record and every report: `product.<failure>` and `lab.<fault>` in JUnit. Before any product is in the guest, and while\n\
         the machine itself does not run, nothing counts as a failure. This page is made from the code by a test; each row names\n\
         the tests that bring it about.\n\n\
         For a fault that may pass, the arm is begun anew on a fresh machine, as often as\n\
         [`policy: {lab-fault-retries}`](matrix.md#policy) grants it; after that the cell has no verdict. What an attempt left\n\
         stays in the record and under `evidence/`. A failure is never tried again.\n\n\
         ## Faults of the lab\n\n\
         | fault | what it is | tried again | what to look at | shown by |\n|---|---|---|---|---|\n",
    );
    for kind in FaultKind::ALL {
        let facts = kind.facts();
        let proofs: Vec<_> = proofs_of_fault(kind).iter().copied().chain([SCRIPTED]).map(link).collect();
        let again = if facts.may_pass { "yes" } else { "no" };
        let _ = writeln!(
            page,
            "| <a id=\"{kind}\"></a>`{kind}` | {} | {again} | {} | {} |",
            facts.meaning,
            facts.look_at,
            proofs.join("<br>")
        );
    }
    page.push_str(
        "\n## Failures of products\n\n| failure | what it is | what to look at | shown by |\n|---|---|---|---|\n",
    );
    for state in FailureState::ALL {
        let proofs: Vec<_> = proofs_of_failure(state).iter().copied().map(link).collect();
        let proofs = proofs.join("<br>");
        let _ = writeln!(
            page,
            "| <a id=\"{state}\"></a>`{state}` | {} | {} | {proofs} |",
            state.meaning(),
            state.look_at()
        );
    }
    page
}

#[test]
fn the_page_of_faults_is_what_the_code_says() {
    let file = repository().join("docs/faults.md");
    let page = page();
    if std::env::var_os("COEXIST_ACCEPT").is_some() {
        std::fs::write(&file, &page).unwrap();
    }
    let there = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        there == page,
        "docs/faults.md is not what the code says; to renew it: COEXIST_ACCEPT=1 cargo test --test cli"
    );
}

/// The table of misfortunes says which test suffers each: none of them is renamed behind its back.
#[test]
fn the_table_of_misfortunes_names_tests_that_exist() {
    let text = std::fs::read_to_string(repository().join("tests/live/main.rs")).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("//! | ")?.split('`').find(|cell| cell.contains("::")));
    let tests: Vec<_> = rows.map(|row| row.split_once("::").unwrap()).collect();
    assert!(tests.len() > 10, "{tests:?}");
    for (module, test) in tests {
        link(&format!("tests/live/{module}.rs::{test}"));
    }
}
