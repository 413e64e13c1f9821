//! Facts and conclusions in the published form.

use coexist_model::{Crash, Hex, LoadedDriver, Seconds, UnloadedDriver};

use crate::blame::{blame_of, suspicion};
use crate::bucket::bucket_of;
use crate::dump::{Architecture, KernelDump};
use crate::stack::stack_candidates;
use crate::stop_codes;
use crate::vendors::{DriverOwners, FileAtHand};

/// The published form of a dump's facts, with blame and bucket. `owners` are the drivers whose vendors are known.
#[must_use]
pub fn crash_from(dump: &KernelDump<'_>, owners: &DriverOwners) -> Crash {
    let suspicion = suspicion(dump);
    let bucket = bucket_of(dump, &suspicion);
    let mut notes = dump.notes.clone();
    notes.extend(suspicion.note.clone());
    if let Some(place) = &suspicion.place
        && let FileAtHand::OfAnotherImage = owners.file(&place.module, place.image.id())
    {
        notes.push(format!(
            "a file {} is at hand, but of another image: it does not say who made this one",
            place.module
        ));
    }
    Crash {
        format: dump.format.map(|format| format.name(dump.width)),
        stop_code: Hex::from(dump.stop_code),
        stop_name: stop_codes::name(dump.stop_code).map(str::to_owned),
        parameters: dump.parameters.map(Hex).to_vec(),
        build: dump.build,
        architecture: dump.architecture.map(Architecture::as_str).map(str::to_owned),
        time: dump.time,
        uptime_s: dump.uptime.map(Seconds::from),
        processors: dump.processors,
        process: dump.process.clone(),
        drivers: dump
            .drivers
            .iter()
            .map(|driver| LoadedDriver {
                name: driver.name.clone(),
                base: Hex(driver.base),
                size: driver.size.into(),
                timestamp: driver.timestamp.map(Hex::from),
            })
            .collect(),
        unloaded: dump
            .unloaded
            .iter()
            .map(|driver| UnloadedDriver { name: driver.name.clone(), start: Hex(driver.start), end: Hex(driver.end) })
            .collect(),
        stack: stack_candidates(dump),
        blame: blame_of(suspicion, owners),
        bucket,
        notes,
    }
}
