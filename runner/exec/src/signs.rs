//! What a machine's signs say, read at one glance. Pure.

use coexist_lab::Journal;
use coexist_model::{Failing, FaultKind, LabFault, MachineEvent, MachineSign, boot_edges, crashes, failing};

/// A machine's signs since some moment, and what they come to with those before.
#[derive(Debug, Clone, Default)]
pub(crate) struct Glance {
    /// Boot edges: how often the guest started anew.
    pub(crate) edges: usize,
    /// Crashes that the panic device told of.
    pub(crate) crashes: usize,
    /// Boots that failed in a row, up to the last sign.
    pub(crate) failing: Failing,
    /// The guest powered the machine off.
    pub(crate) powered_off: bool,
    /// A fault of ours that these signs show.
    pub(crate) fault: Option<LabFault>,
}

impl Glance {
    /// Reads signs, of which the first `judged` are accounted for; boots that failed in a row are counted from `row` on.
    pub(crate) fn of(all: &[MachineEvent], judged: usize, row: usize) -> Self {
        let signs = all.get(judged..).unwrap_or_default();
        let powered_off = signs.iter().any(|it| matches!(it.what, MachineSign::Shutdown { guest: true, .. }));
        let fault = signs.iter().find_map(|it| match &it.what {
            MachineSign::Paused { host_full: true, .. } => Some(LabFault::new(
                FaultKind::HostDiskFull,
                "the host's disk is full: QEMU paused the machine because its overlay could not grow; free some room",
            )),
            MachineSign::Paused { state, host_full: false } => Some(LabFault::new(
                FaultKind::QemuHung,
                format!("the machine does not run ({state}), although nobody stopped it; its log may say why"),
            )),
            MachineSign::Exited { status } if !powered_off => Some(LabFault::new(
                FaultKind::QemuDied,
                format!("QEMU ended in the middle of the step ({status}); its log and the host's journal say why"),
            )),
            MachineSign::Exited { .. }
            | MachineSign::Started
            | MachineSign::Answered
            | MachineSign::Stage { .. }
            | MachineSign::Concluded { .. }
            | MachineSign::RestartAsked
            | MachineSign::NmiInjected
            | MachineSign::Reset { .. }
            | MachineSign::Panicked { .. }
            | MachineSign::CrashLoaded
            | MachineSign::Shutdown { .. } => None,
        });
        Self {
            edges: boot_edges(signs),
            crashes: crashes(signs),
            failing: failing(all.get(row..).unwrap_or_default()),
            powered_off,
            fault,
        }
    }
}

/// Waits until a machine itself fails: its process is gone, or it does not run although it should.
pub(crate) async fn machine_fails(journal: &Journal) {
    let mut seen = 0;
    loop {
        let signs = journal.since(seen);
        if signs.iter().any(|sign| matches!(sign.what, MachineSign::Paused { .. } | MachineSign::Exited { .. })) {
            return;
        }
        seen += signs.len();
        journal.more_than(seen).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glance(signs: &[MachineSign]) -> Glance {
        let at = jiff::Timestamp::UNIX_EPOCH;
        Glance::of(&signs.iter().map(|what| MachineEvent { at, what: what.clone() }).collect::<Vec<_>>(), 0, 0)
    }

    #[test]
    fn faults_are_told_from_what_a_guest_may_do() {
        let exited = MachineSign::Exited { status: "signal 9".to_owned() };
        let off = MachineSign::Shutdown { guest: true, reason: "guest-shutdown".to_owned() };
        let paused = |state: &str, host_full| MachineSign::Paused { state: state.to_owned(), host_full };
        let kind = |signs: &[MachineSign]| glance(signs).fault.map(|fault| fault.kind);
        assert_eq!(kind(std::slice::from_ref(&exited)), Some(FaultKind::QemuDied));
        assert_eq!(kind(&[off, exited]), None, "the guest powered itself off");
        assert_eq!(kind(&[paused("io-error", true)]), Some(FaultKind::HostDiskFull));
        assert_eq!(kind(&[paused("internal-error", false)]), Some(FaultKind::QemuHung));
        assert_eq!(kind(&[MachineSign::Reset { guest: true, reason: None }]), None);
    }
}
