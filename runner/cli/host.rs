//! What this host has: its machines' provider, its room.

use std::sync::Arc;

use coexist_lab::Clock;
use coexist_model::Plan;
use coexist_qemu::{Accelerator, DiscoverError, QemuOptions, QemuProvider, Room};

/// The provider of this host's machines.
pub(crate) async fn provider(clock: Arc<dyn Clock>) -> Result<Arc<QemuProvider>, DiscoverError> {
    let provider = QemuProvider::discover(QemuOptions { clock, ..QemuOptions::default() }).await?;
    Ok(Arc::new(provider))
}

/// Whether both arms of a cell, which are machines of the same image, can run at once.
pub(crate) fn has_room_for_two(plan: &Plan, accelerator: Accelerator) -> bool {
    let room = Room::of_this_host();
    plan.images.values().all(|image| room.fits(&image.machine, accelerator).machines >= 2)
}
