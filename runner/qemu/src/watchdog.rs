//! Asks a running QEMU, again and again, whether it is there: one that is frozen says nothing by itself, and a step that
//! waits for its guest would take the silence for the guest's.

use std::sync::Arc;
use std::time::Duration;

use coexist_model::MachineSign;

use crate::control::{Control, Pulse};
use crate::signs::Signs;

/// Watches until QEMU is gone, or told to be frozen, which it is once: nobody trusts such a machine any more.
pub(crate) async fn watch(control: Arc<Control>, signs: Arc<Signs>, patience: Duration) {
    loop {
        tokio::time::sleep(patience / 2).await;
        match control.pulse(patience).await {
            Pulse::Beats => {}
            Pulse::Gone => return,
            Pulse::Silent => {
                let state = format!("no answer on its control socket for {} s", patience.as_secs());
                tracing::warn!("QEMU is frozen: {state}");
                signs.push(MachineSign::Paused { state, host_full: false });
                return;
            }
        }
    }
}
