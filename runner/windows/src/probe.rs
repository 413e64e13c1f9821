//! Looking at a guest and changing its settings.

use std::time::Duration;

use coexist_lab::{GuestError, Reading};
use coexist_model::{Apply, Probe, RegistryData};

use crate::files::FileError;
use crate::guest::WindowsGuest;
use crate::parse::{filters, registry, service};
use crate::quote::{Place, Unquotable, argument, command_line};
use crate::session::{Output, disagrees};
use crate::text::{Keep, one_line};

/// \[K\] Exit code of `sc` for a name that cannot be one: `ERROR_INVALID_NAME`.
const INVALID_NAME: u32 = 123;

fn reading(holds: bool, found: impl Into<String>) -> Reading {
    Reading { holds, found: one_line(&found.into()), exit_code: None }
}

/// Of a command that somebody else wrote: how it ended counts.
fn ended(holds: bool, output: &Output) -> Reading {
    Reading { exit_code: Some(output.code), ..reading(holds, output.summary()) }
}

fn quoted(during: &str, text: &str) -> Result<String, GuestError> {
    argument(text, Place::Line).map_err(|error: Unquotable| disagrees(during, "a name for cmd.exe", &error.to_string()))
}

/// Looks at something.
pub(crate) async fn look(guest: &WindowsGuest, probe: &Probe, deadline: Duration) -> Result<Reading, GuestError> {
    let during = one_line(&format!("looking whether {probe}"));
    match probe {
        Probe::Service { name } | Probe::Driver { name } => {
            let command = format!("sc.exe query {}", quoted(&during, name)?);
            let output = guest.session.run(&during, &command, Keep::TEXT, deadline).await?;
            running(&during, &output)
        }
        Probe::Filter { name, altitude } => {
            let output = guest.session.run(&during, "fltmc.exe filters", Keep::DATA, deadline).await?;
            attached(&during, &output, name, altitude.as_deref())
        }
        Probe::Registry { key, name, equals } => {
            let which = registry_name(&during, name)?;
            let command = format!("reg.exe query {} {which}", quoted(&during, key)?);
            let output = guest.session.run(&during, &command, Keep::DATA, deadline).await?;
            Ok(equal(&output, name, equals))
        }
        Probe::File { path } => Ok(match guest.files.stat(&guest.session, path, deadline).await {
            Ok(None) => reading(false, "not there"),
            Ok(Some(metadata)) if metadata.is_dir() => reading(false, "a folder"),
            Ok(Some(metadata)) => reading(true, format!("{} bytes", metadata.size.unwrap_or(0))),
            Err(FileError::Denied { .. }) => reading(false, "access denied"),
            Err(FileError::Guest(error)) => return Err(error),
        }),
        Probe::Command { run, prints } => {
            if let Err(error) = command_line(run) {
                return Ok(reading(false, error.to_string()));
            }
            let output = guest.session.run(&during, run, Keep::TEXT, deadline).await?;
            let printed =
                prints.as_ref().is_none_or(|text| output.text().to_lowercase().contains(&text.to_lowercase()));
            Ok(ended(output.code == 0 && printed, &output))
        }
    }
}

/// Changes a setting.
pub(crate) async fn apply(guest: &WindowsGuest, change: &Apply, deadline: Duration) -> Result<Reading, GuestError> {
    let (during, command) = match change {
        Apply::Registry { key, name, data } => {
            let during = one_line(&format!("setting {key}\\{name}"));
            let (kind, data) = match data {
                RegistryData::Dword(number) => ("REG_DWORD", number.to_string()),
                RegistryData::Qword(number) => ("REG_QWORD", number.to_string()),
                RegistryData::Text(text) => ("REG_SZ", quoted(&during, text)?),
            };
            let (key, which) = (quoted(&during, key)?, registry_name(&during, name)?);
            let command = format!("reg.exe add {key} {which} /t {kind} /d {data} /f");
            (during, command)
        }
        Apply::Command(command) => (one_line(&format!("running `{command}`")), command.clone()),
    };
    if let Err(error) = command_line(&command) {
        return Ok(reading(false, error.to_string()));
    }
    let output = guest.session.run(&during, &command, Keep::TEXT, deadline).await?;
    Ok(ended(output.code == 0, &output))
}

fn registry_name(during: &str, name: &str) -> Result<String, GuestError> {
    match name {
        "" => Ok("/ve".to_owned()),
        name => Ok(format!("/v {}", quoted(during, name)?)),
    }
}

fn running(during: &str, output: &Output) -> Result<Reading, GuestError> {
    match (output.code, service::state(&output.stdout.to_text())) {
        (0, Some(state)) => Ok(reading(state.number == service::RUNNING, state.word)),
        (service::NO_SUCH_SERVICE | INVALID_NAME, _) => Ok(reading(false, "not installed")),
        _ => Err(disagrees(during, "a service's state from sc", &output.summary())),
    }
}

fn attached(during: &str, output: &Output, name: &str, altitude: Option<&str>) -> Result<Reading, GuestError> {
    let listed = match filters::filters(&output.stdout.to_text()) {
        Some(listed) if output.code == 0 => listed,
        _ => return Err(disagrees(during, "a list of filters from fltmc", &output.summary())),
    };
    let Some(filter) = listed.iter().find(|filter| filter.name.eq_ignore_ascii_case(name)) else {
        return Ok(reading(false, format!("not among the {} filters", listed.len())));
    };
    let at = filter.altitude.as_deref();
    Ok(match (filter.instances, altitude) {
        (Some(0), _) => reading(false, "loaded, but attached to no volume"),
        (None, None) => reading(true, "a legacy filter"),
        (None, Some(wanted)) => reading(false, format!("a legacy filter, not at altitude {wanted}")),
        (Some(_), Some(wanted)) if at != Some(wanted.trim()) => {
            reading(false, format!("at altitude {}, not {wanted}", at.unwrap_or("none")))
        }
        (Some(count), _) => reading(true, format!("at altitude {}, {count} instances", at.unwrap_or("none"))),
    })
}

fn equal(output: &Output, name: &str, wanted: &str) -> Reading {
    match registry::value(&output.stdout.to_text(), name) {
        Some(value) if output.code == 0 => {
            reading(value.data.to_lowercase() == wanted.to_lowercase(), format!("{} {}", value.kind, value.data))
        }
        // reg says 1 for a missing key, a missing value and a key that it may not read; its words are localized.
        _ => reading(false, output.summary()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(code: u32, text: &str) -> Output {
        let mut output = Output::new(code, Keep::TEXT);
        output.stdout.push(text.as_bytes());
        output
    }

    fn seen(result: Result<Reading, GuestError>) -> (bool, String) {
        let reading = result.unwrap();
        (reading.holds, reading.found)
    }

    #[test]
    fn services() {
        let running_text = "SERVICE_NAME: a\r\n        STATE              : 4  RUNNING \r\n";
        let stopped = "SERVICE_NAME: a\r\n        STATE              : 1  STOPPED \r\n";
        assert_eq!(seen(running("", &output(0, running_text))), (true, "RUNNING".to_owned()));
        assert_eq!(seen(running("", &output(0, stopped))), (false, "STOPPED".to_owned()));
        assert_eq!(seen(running("", &output(1060, "[SC] FAILED 1060:\r\n"))), (false, "not installed".to_owned()));
        assert!(running("", &output(5, "Access is denied.")).is_err());
        assert!(running("", &output(0, "")).is_err());
    }

    #[test]
    fn attachments() {
        let list = output(
            0,
            "\r\nFilter Name   Num Instances    Altitude    Frame\r\n-----  ----  ----  ----\r\n\
            acmeflt     3       328010         0\r\nidle    0   80000  0\r\nold       <Legacy>\r\n",
        );
        let table = [
            ("acmeflt", None, true, "at altitude 328010, 3 instances"),
            ("ACMEFLT", Some("328010"), true, "at altitude 328010, 3 instances"),
            ("acmeflt", Some("328010.5"), false, "at altitude 328010, not 328010.5"),
            ("idle", None, false, "loaded, but attached to no volume"),
            ("old", None, true, "a legacy filter"),
            ("other", None, false, "not among the 3 filters"),
        ];
        for (name, altitude, holds, found) in table {
            assert_eq!(seen(attached("", &list, name, altitude)), (holds, found.to_owned()), "{name}");
        }
        assert!(attached("", &output(1, "Access is denied."), "a", None).is_err());
    }

    #[test]
    fn registry_values() {
        let text = "\r\nHKEY_LOCAL_MACHINE\\A\r\n    Enabled    REG_DWORD    0x1\r\n    Name    REG_SZ    Ab\r\n";
        let query = output(0, text);
        assert_eq!(equal(&query, "Enabled", "1"), reading(true, "REG_DWORD 1"));
        assert_eq!(equal(&query, "Enabled", "0"), reading(false, "REG_DWORD 1"));
        assert_eq!(equal(&query, "name", "aB"), reading(true, "REG_SZ Ab"));
        assert_eq!(equal(&output(1, "ERROR: no\r\n"), "Name", ""), reading(false, "exit code 1: ERROR: no"));
    }
}
