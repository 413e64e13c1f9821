//! What this host has: its machines' provider, its room.

use std::sync::Arc;

use coexist_lab::{Clock, Provider};
use coexist_model::Plan;
use coexist_qemu::{DiscoverError, QemuOptions, QemuProvider};

/// The provider of this host's machines.
pub(crate) async fn provider(clock: Arc<dyn Clock>) -> Result<Arc<dyn Provider>, DiscoverError> {
    let provider = QemuProvider::discover(QemuOptions { clock, ..QemuOptions::default() }).await?;
    Ok(Arc::new(provider))
}

/// What the host itself and QEMU's own tables need on top.
const MARGIN_MIB: u64 = 512;

/// Whether both arms of a cell can run at once: processors and memory for each.
pub(crate) fn has_room_for_two(plan: &Plan) -> bool {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let machines = || plan.images.values().map(|image| &image.machine);
    let cpus = machines().map(|machine| machine.cpus as usize).max().unwrap_or(1);
    let needed = machines().map(|machine| u64::from(machine.memory_mib)).max().unwrap_or_default();
    let free = coexist_qemu::Memory::of_this_host().map(|memory| memory.available_mib);
    processors >= 2 * cpus && free.is_none_or(|free| free >= 2 * needed + MARGIN_MIB)
}
