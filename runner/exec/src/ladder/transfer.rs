//! Files out of a guest that answers: whole, over as many sessions as it takes, within the budget.

use std::path::PathBuf;
use std::time::Duration;

use coexist_lab::{GuestError, RemoteFile};
use coexist_model::BootIdentity;

use super::Ladder;
use super::incoming::Form;

/// How often one transfer is resumed.
const RESUMES: u32 = 4;
/// A guest whose session broke is given this long to open another one.
pub(super) const REOPEN: Duration = Duration::from_secs(60);
/// One knock.
const KNOCK: Duration = Duration::from_secs(20);
/// Between two knocks.
const BETWEEN: Duration = Duration::from_millis(500);

/// Why a file was not fetched.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Missed {
    /// This one only.
    File(String),
    /// The guest gives no more.
    Guest(String),
}

impl Ladder<'_, '_> {
    /// Fetches a file; returns where it lies and whether it is as long as the guest said.
    pub(super) async fn fetch(
        &mut self,
        remote: &RemoteFile,
        file: &str,
        form: Form,
    ) -> Result<(PathBuf, bool), Missed> {
        let RemoteFile { path, size, .. } = remote;
        if *size > self.store.left() {
            let left = self.store.left();
            return Err(Missed::File(format!("{path} has {size} bytes, {left} may still be kept of this arm")));
        }
        let host = |error: std::io::Error| Missed::File(format!("{file}: {error}"));
        let mut incoming = self.store.begin(file, form).map_err(host)?;
        let mut resumes = 0;
        loop {
            let broken = match self.arm.guest.as_deref() {
                None => "there is no session".to_owned(),
                Some(guest) => match guest.fetch(path, incoming.written(), *size, &mut incoming).await {
                    Ok(_) => break,
                    Err(error @ (GuestError::Lost { .. } | GuestError::TimedOut { .. })) => error.to_string(),
                    Err(error) => {
                        self.store.drop_partial();
                        return Err(Missed::File(error.to_string()));
                    }
                },
            };
            resumes += 1;
            if resumes > RESUMES {
                self.store.drop_partial();
                return Err(Missed::File(format!("{path}: the transfer broke {resumes} times, at last: {broken}")));
            }
            match self.reopen(REOPEN).await {
                Some(true) => {}
                // A file that is being written while the guest starts may have changed under its name.
                Some(false) => incoming = incoming.restart().map_err(host)?,
                None => {
                    self.store.drop_partial();
                    return Err(Missed::Guest(format!("{broken}, and the guest did not answer again")));
                }
            }
        }
        let whole = incoming.written() == *size;
        // Its last block is packed, and the host's disk waited for.
        let finished = tokio::task::spawn_blocking(move || incoming.finish()).await;
        let part = finished.map_err(std::io::Error::from).and_then(|part| part).map_err(host)?;
        Ok((part, whole))
    }

    /// Opens another session. Whether it is with the same boot; none where the guest does not answer in time.
    pub(super) async fn reopen(&mut self, within: Duration) -> Option<bool> {
        self.reopen_paced(self.arm.paced(within)).await
    }

    /// The same, within a time that is as this host needs it already.
    pub(super) async fn reopen_paced(&mut self, within: Duration) -> Option<bool> {
        let clock = self.arm.scene.ports.clock.clone();
        let begun = clock.elapsed();
        self.arm.guest = None;
        loop {
            let left = within.saturating_sub(clock.elapsed().saturating_sub(begun));
            if left.is_zero() {
                return None;
            }
            if let Some(boot) = self.knock(left).await {
                let before = self.arm.identity.replace(boot);
                return Some(before == self.arm.identity);
            }
            clock.sleep(BETWEEN).await;
        }
    }

    async fn knock(&mut self, left: Duration) -> Option<BootIdentity> {
        let endpoint = self.arm.machine.as_ref()?.endpoint();
        let access = &self.arm.image().ok()?.access;
        let patience = self.arm.paced(KNOCK).min(left);
        let guest = self.arm.scene.ports.door.knock(endpoint, access, patience).await.ok()?;
        let boot = guest.boot_identity().await.ok()?;
        self.arm.guest = Some(guest);
        Some(boot)
    }
}
