//! The screen, the serial port, and QEMU's own words.

use std::io::{self, Read as _, Seek as _};
use std::path::Path;

use coexist_evidence::console_stop;
use coexist_model::{EvidenceKind, FailureState, Hex, Rung};

use super::needs::Need;
use super::{Climbed, Lacks, Ladder};

/// As much of a serial log is searched for a stop: its end.
const LOG_END: u64 = 8 << 20;

impl Ladder<'_, '_> {
    pub(super) async fn console(&mut self) -> Climbed {
        let mut lacks = Lacks::default();
        self.picture(&mut lacks).await;
        if self.hung.is_none() {
            self.logs(&mut lacks).await;
        } else {
            // The fault needs its log all the same.
            self.logs(&mut Lacks::default()).await;
        }
        let what = self.stops.shown.map(|stop| format!("stop {} on the serial console", Hex::from(stop.code)));
        Climbed::Done { what, lacks }
    }

    async fn picture(&mut self, lacks: &mut Lacks) {
        let Some(machine) = self.arm.machine.as_ref().filter(|machine| machine.journal().end().is_none()) else {
            lacks.absent("the machine does not run any more");
            return;
        };
        let file = self.free_name("screen.png");
        let part = match self.store.part(&file) {
            Ok(part) => part,
            Err(error) => {
                lacks.failed(format!("{file}: {error}"));
                return;
            }
        };
        if let Err(fault) = machine.screenshot(&part).await {
            lacks.failed(format!("there is no picture of the screen: {fault}"));
            // A guest that hangs because its machine does accuses nobody. A machine without a picture may live all the same.
            if matches!(self.state, FailureState::Hang | FailureState::Unreachable) {
                self.hung = machine.check().await.err();
            }
            return;
        }
        match self.keep(&part, file, EvidenceKind::Screenshot, Rung::Console).await {
            Ok(()) => drop(self.safe.insert(Need::Picture)),
            Err(error) => lacks.failed(format!("the picture could not be kept: {error}")),
        }
    }

    async fn logs(&mut self, lacks: &mut Lacks) {
        let Some(machine) = &self.arm.machine else { return };
        for log in machine.logs() {
            let (name, rung) = match log.kind {
                EvidenceKind::SerialLog => ("serial.log", Rung::Console),
                _ => ("qemu.log", Rung::Host),
            };
            if let Err(error) = self.copy_log(&log.path, name, log.kind, rung).await {
                lacks.failed(format!("{name} could not be kept: {error}"));
            } else if log.kind == EvidenceKind::SerialLog {
                self.safe.insert(Need::Console);
            }
        }
    }

    async fn copy_log(&mut self, from: &Path, name: &str, kind: EvidenceKind, rung: Rung) -> io::Result<()> {
        let file = self.free_name(name);
        let part = self.store.part(&file)?;
        if tokio::fs::copy(from, &part).await? == 0 {
            self.store.drop_partial();
            return Ok(());
        }
        let path = self.store.path(&file);
        self.keep(&part, file, kind, rung).await?;
        if kind == EvidenceKind::SerialLog {
            self.stops.shown = console_stop(&end_of(&path)?);
        }
        Ok(())
    }
}

/// The end of a log, which may have any length.
fn end_of(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = std::fs::File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(io::SeekFrom::Start(length.saturating_sub(LOG_END)))?;
    let mut bytes = Vec::new();
    file.take(LOG_END).read_to_end(&mut bytes)?;
    Ok(bytes)
}
