//! QEMU's events as a machine's signs. Pure.
//!
//! Source of names and fields: QEMU's `qapi/run-state.json` and `qapi/block-core.json`. Events are read as plain JSON and
//! not as an enum of one QEMU version, so that a newer QEMU with more events or more fields changes nothing.
//!
//! What a crash of Windows looks like here was never seen on a real Windows: `tests/transcripts` holds every order that the
//! documentation of QEMU and of the panic driver allows, and what becomes of it.

use coexist_model::{Hex, MachineSign};
use serde_json::Value;

/// QEMU's run state of a machine whose disk could not be read or written.
pub(crate) const IO_ERROR: &str = "io-error";
/// And of one whose guest runs.
pub(crate) const RUNNING: &str = "running";
/// And of one whose memory is being written (`dump/dump.c`, `dump_init`): only the lab asks for that.
pub(crate) const MEMORY_WRITTEN: &str = "save-vm";

/// What an event means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// A sign.
    Sign(MachineSign),
    /// The machine was paused; the event does not say why.
    Paused,
    /// QEMU is done with writing the guest's memory.
    Dumped(DumpEnd),
    /// Nothing that the lab needs.
    Nothing,
}

/// How the writing of the guest's memory ended: well, or with QEMU's word for why not.
pub(crate) type DumpEnd = Result<(), String>;

/// Reads events one after another.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    /// An I/O error was told; whether it was for lack of room.
    io_error: Option<bool>,
}

impl Reader {
    pub(crate) fn read(&mut self, event: &Value) -> Meaning {
        let data = &event["data"];
        let guest = data["guest"].as_bool().unwrap_or(false);
        match event["event"].as_str().unwrap_or_default() {
            "RESET" => {
                // Told since QEMU 4.0.
                let reason = data["reason"].as_str().map(str::to_owned);
                Meaning::Sign(MachineSign::Reset { guest, reason })
            }
            "SHUTDOWN" => {
                let reason = data["reason"].as_str().unwrap_or("unknown").to_owned();
                Meaning::Sign(MachineSign::Shutdown { guest, reason })
            }
            "GUEST_PANICKED" => Meaning::Sign(MachineSign::Panicked { stop: stop_code(&data["info"]) }),
            "GUEST_CRASHLOADED" => Meaning::Sign(MachineSign::CrashLoaded),
            "BLOCK_IO_ERROR" if data["action"] == "stop" => {
                self.io_error = Some(data["nospace"].as_bool().unwrap_or(false));
                Meaning::Nothing
            }
            // QEMU tells the I/O error first and stops afterwards (block_backend.c, blk_error_action).
            "STOP" => match self.io_error.take() {
                Some(host_full) => Meaning::Sign(MachineSign::Paused { state: IO_ERROR.to_owned(), host_full }),
                None => Meaning::Paused,
            },
            "DUMP_COMPLETED" => Meaning::Dumped(dump_end(data)),
            _ => Meaning::Nothing,
        }
    }
}

/// The event comes for a dump that failed as well (`qapi/dump.json`).
fn dump_end(data: &Value) -> DumpEnd {
    match (data["result"]["status"].as_str(), data["error"].as_str()) {
        (Some("completed"), None) => Ok(()),
        (_, Some(error)) => Err(error.to_owned()),
        (status, None) => Err(format!("its state is `{}`", status.unwrap_or("unknown"))),
    }
}

/// Stop code and parameters: `arg1` is the code, `arg2` to `arg5` are its parameters (`qapi/run-state.json`).
fn stop_code(info: &Value) -> Option<[Hex; 5]> {
    if info["type"] != "hyper-v" {
        return None;
    }
    let argument = |name: &str| info[name].as_u64().map(Hex);
    Some([argument("arg1")?, argument("arg2")?, argument("arg3")?, argument("arg4")?, argument("arg5")?])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(transcript: &str) -> Vec<Meaning> {
        let mut reader = Reader::default();
        transcript
            .lines()
            .map(|line| reader.read(&serde_json::from_str(line.trim()).unwrap()))
            .filter(|meaning| *meaning != Meaning::Nothing)
            .collect()
    }

    fn signs(list: &[MachineSign]) -> Vec<Meaning> {
        list.iter().cloned().map(Meaning::Sign).collect()
    }

    fn reset() -> MachineSign {
        MachineSign::Reset { guest: true, reason: Some("guest-reset".to_owned()) }
    }

    #[test]
    fn a_crash_with_hyper_v_and_a_dump() {
        // The largest values show that numbers are not read as floats or as signed.
        let seen = read(
            r#"{"event":"GUEST_PANICKED","data":{"action":"run","info":{"type":"hyper-v","arg1":80,"arg2":18446744073709551615,"arg3":18446735299046154240,"arg4":0,"arg5":2}},"timestamp":{"seconds":1,"microseconds":2}}
            {"event":"GUEST_CRASHLOADED","data":{"action":"run"},"timestamp":{"seconds":1,"microseconds":3}}
            {"event":"RESET","data":{"guest":true,"reason":"guest-reset"},"timestamp":{"seconds":2,"microseconds":3}}"#,
        );
        let stop = Some([Hex(80), Hex(u64::MAX), Hex(18_446_735_299_046_154_240), Hex(0), Hex(2)]);
        assert_eq!(seen, signs(&[MachineSign::Panicked { stop }, MachineSign::CrashLoaded, reset()]));
    }

    #[test]
    fn a_crash_without_a_dump_is_told_by_two_devices() {
        let seen = read(
            r#"{"event":"GUEST_PANICKED","data":{"action":"run"},"timestamp":{"seconds":1,"microseconds":2}}
            {"event":"GUEST_PANICKED","data":{"action":"run","info":{"type":"hyper-v","arg1":1,"arg2":2,"arg3":3,"arg4":4,"arg5":5}},"timestamp":{"seconds":1,"microseconds":3}}
            {"event":"RESET","data":{"guest":true,"reason":"guest-reset"},"timestamp":{"seconds":2,"microseconds":3}}"#,
        );
        let stop = Some([1, 2, 3, 4, 5].map(Hex));
        let told = [MachineSign::Panicked { stop: None }, MachineSign::Panicked { stop }, reset()];
        assert_eq!(seen, signs(&told));
    }

    #[test]
    fn orders_of_a_restart_and_of_a_power_off() {
        let restart = r#"{"event":"RESET","data":{"guest":true,"reason":"guest-reset"}}
            {"event":"RTC_CHANGE","data":{"offset":0,"qom-path":"/machine/unattached/device[7]/rtc"}}
            {"event":"SOMETHING_OF_TOMORROW","data":{"guest":"maybe"}}"#;
        assert_eq!(read(restart), signs(&[reset()]));
        let off = r#"{"event":"SHUTDOWN","data":{"guest":true,"reason":"guest-shutdown"}}"#;
        let shutdown = MachineSign::Shutdown { guest: true, reason: "guest-shutdown".to_owned() };
        assert_eq!(read(off), signs(&[shutdown]));
        let quit = r#"{"event":"SHUTDOWN","data":{"guest":false,"reason":"host-qmp-quit"}}"#;
        let shutdown = MachineSign::Shutdown { guest: false, reason: "host-qmp-quit".to_owned() };
        assert_eq!(read(quit), signs(&[shutdown]));
    }

    #[test]
    fn pauses_know_their_reason_or_have_it_asked_for() {
        let full = r#"{"event":"BLOCK_IO_ERROR","data":{"device":"","nospace":true,"node-name":"disk0","reason":"No space left on device","operation":"write","action":"stop"}}
            {"event":"BLOCK_IO_ERROR","data":{"device":"","nospace":true,"node-name":"disk0","reason":"No space left on device","operation":"write","action":"stop"}}
            {"event":"STOP"}"#;
        assert_eq!(read(full), signs(&[MachineSign::Paused { state: IO_ERROR.to_owned(), host_full: true }]));
        let broken = r#"{"event":"BLOCK_IO_ERROR","data":{"device":"","nospace":false,"node-name":"disk0","reason":"Input/output error","operation":"read","action":"stop"}}
            {"event":"STOP"}
            {"event":"RESUME"}
            {"event":"STOP"}"#;
        let first = Meaning::Sign(MachineSign::Paused { state: IO_ERROR.to_owned(), host_full: false });
        assert_eq!(read(broken), [first, Meaning::Paused]);
    }

    #[test]
    fn the_end_of_a_memory_dump_is_told_either_way() {
        let ends = r#"{"event":"DUMP_COMPLETED","data":{"result":{"total":1090650112,"status":"completed","completed":1090650112}}}
            {"event":"DUMP_COMPLETED","data":{"result":{"total":0,"status":"failed","completed":0},"error":"win-dump: invalid vmcoreinfo note size"}}
            {"event":"DUMP_COMPLETED","data":{"result":{"total":0,"status":"failed","completed":0}}}
            {"event":"DUMP_COMPLETED"}"#;
        let expected = [
            Ok(()),
            Err("win-dump: invalid vmcoreinfo note size".to_owned()),
            Err("its state is `failed`".to_owned()),
            Err("its state is `unknown`".to_owned()),
        ];
        assert_eq!(read(ends), expected.map(Meaning::Dumped));
    }

    #[test]
    fn shapes_that_qemu_does_not_send_mean_nothing_bad() {
        let odd = r#"{"event":"GUEST_PANICKED","data":{"action":"run","info":{"type":"hyper-v","arg1":-1}}}
            {"event":"RESET"}
            {"event":7}
            {"timestamp":{}}"#;
        let expected = [MachineSign::Panicked { stop: None }, MachineSign::Reset { guest: false, reason: None }];
        assert_eq!(read(odd), signs(&expected));
    }
}
