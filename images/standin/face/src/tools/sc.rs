//! `sc`: the service control manager's tool. Its errors go to standard output, and its exit code is the Win32 error.

use super::{Arguments, message};
use crate::process::Process;
use crate::services::{ServiceConfig, State, Status, errors};

pub(super) fn run(process: &mut Process, arguments: &Arguments) -> u32 {
    // A server name may come first.
    let words: Vec<&str> = arguments.words.iter().map(String::as_str).skip_while(|it| it.starts_with("\\\\")).collect();
    let (verb, rest) = match words.split_first() {
        Some((verb, rest)) => (verb.to_ascii_lowercase(), rest),
        None => {
            process.out("DESCRIPTION:");
            process.out("        SC is a command line program used for communicating with the");
            process.out("        Service Control Manager and services.");
            return 1639;
        }
    };
    let name = rest.first().copied().unwrap_or_default();
    let services = &process.system.services;
    let options = options(rest.get(1..).unwrap_or_default());
    match verb.as_str() {
        "query" | "queryex" => query(process, rest, verb == "queryex"),
        "qc" => match services.config(name) {
            Some(config) => show_config(process, &config),
            None => failed(process, "OpenService", errors::SERVICE_DOES_NOT_EXIST),
        },
        "create" => create(process, name, &options),
        "config" => configure(process, name, &options),
        "delete" => match services.delete(name) {
            Ok(()) => said(process, "DeleteService SUCCESS"),
            Err(error @ errors::SERVICE_DOES_NOT_EXIST) => failed(process, "OpenService", error),
            Err(error) => failed(process, "DeleteService", error),
        },
        "start" => match services.start(name) {
            Ok(()) => show_state(process, name),
            Err(error @ errors::SERVICE_DOES_NOT_EXIST) => failed(process, "StartService: OpenService", error),
            Err(error) => failed(process, "StartService", error),
        },
        "stop" => match services.stop(name) {
            Ok(()) => show_state(process, name),
            Err(error @ errors::SERVICE_DOES_NOT_EXIST) => failed(process, "OpenService", error),
            Err(error) => failed(process, "ControlService", error),
        },
        "control" | "interrogate" => {
            let code = rest.get(1).copied().unwrap_or("interrogate").to_ascii_lowercase();
            let own = code.parse::<u32>().is_ok_and(|it| (128..=255).contains(&it));
            if !own && !matches!(code.as_str(), "paramchange" | "interrogate" | "netbindadd" | "netbindremove") {
                return failed(process, "ControlService", 87);
            }
            let told = if code == "interrogate" {
                services
                    .status(name)
                    .and_then(|it| if it.state == State::Running { Ok(()) } else { Err(errors::SERVICE_NOT_ACTIVE) })
            } else {
                services.notify(name)
            };
            match told {
                Ok(()) => show_state(process, name),
                Err(error @ errors::SERVICE_DOES_NOT_EXIST) => failed(process, "OpenService", error),
                Err(error) => failed(process, "ControlService", error),
            }
        }
        "description" | "failure" | "failureflag" | "sidtype" | "privs" | "sdset" => {
            if services.config(name).is_none() {
                return failed(process, "OpenService", errors::SERVICE_DOES_NOT_EXIST);
            }
            said(process, "ChangeServiceConfig2 SUCCESS")
        }
        _ => {
            process.out("*** Unrecognized Command ***");
            1639
        }
    }
}

/// `key= value` pairs; newer versions take `key=value` too.
fn options(words: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if let Some((name, value)) = word.split_once('=') {
            let value = if value.is_empty() { words.next().copied().unwrap_or_default() } else { value };
            found.push((name.to_ascii_lowercase(), value.to_owned()));
        }
    }
    found
}

fn said(process: &Process, text: &str) -> u32 {
    process.out(format!("[SC] {text}"));
    0
}

fn failed(process: &Process, what: &str, error: u32) -> u32 {
    process.out(format!("[SC] {what} FAILED {error}:"));
    process.out("");
    process.out(message(error));
    process.out("");
    error
}

fn type_text(service_type: u32) -> &'static str {
    match service_type {
        1 => "KERNEL_DRIVER",
        2 => "FILE_SYSTEM_DRIVER",
        0x20 => "WIN32_SHARE_PROCESS",
        _ => "WIN32_OWN_PROCESS",
    }
}

fn show(process: &Process, config: &ServiceConfig, status: Status, named: bool, extended: bool) {
    process.out("");
    process.out(format!("SERVICE_NAME: {} ", config.name));
    if named {
        process.out(format!("DISPLAY_NAME: {}", config.display_name));
    }
    process.out(format!(
        "        TYPE               : {:x}  {}  ",
        config.service_type,
        type_text(config.service_type)
    ));
    match status.state {
        State::Stopped => process.out("        STATE              : 1  STOPPED "),
        State::Running => {
            process.out("        STATE              : 4  RUNNING ");
            let shutdown = if config.is_driver() { "IGNORES_SHUTDOWN" } else { "ACCEPTS_SHUTDOWN" };
            process.out(format!("                                (STOPPABLE, NOT_PAUSABLE, {shutdown})"));
        }
    }
    process.out(format!("        WIN32_EXIT_CODE    : {}  (0x{:x})", status.exit_code, status.exit_code));
    process.out("        SERVICE_EXIT_CODE  : 0  (0x0)");
    process.out("        CHECKPOINT         : 0x0");
    process.out("        WAIT_HINT          : 0x0");
    if extended {
        process.out(format!("        PID                : {}", status.pid));
        process.out("        FLAGS              : ");
    }
}

fn show_state(process: &Process, name: &str) -> u32 {
    let services = &process.system.services;
    if let (Some(config), Ok(status)) = (services.config(name), services.status(name)) {
        show(process, &config, status, false, false);
    }
    0
}

fn query(process: &Process, rest: &[&str], extended: bool) -> u32 {
    let services = &process.system.services;
    if let Some(name) = rest.first().filter(|it| !it.contains('=')) {
        return match (services.config(name), services.status(name)) {
            (Some(config), Ok(status)) => {
                show(process, &config, status, false, extended);
                0
            }
            _ => failed(process, "EnumQueryServicesStatus:OpenService", errors::SERVICE_DOES_NOT_EXIST),
        };
    }
    let options = options(rest);
    let option = |name: &str| {
        options.iter().find(|(it, _)| it == name).map(|(_, value)| value.to_ascii_lowercase()).unwrap_or_default()
    };
    let (kind, state) = (option("type"), option("state"));
    for config in services.all() {
        let wanted = match kind.as_str() {
            "driver" | "kernel" | "filesys" => config.is_driver(),
            "all" => true,
            _ => !config.is_driver(),
        };
        let Ok(status) = services.status(&config.name) else { continue };
        let in_state = match state.as_str() {
            "all" => true,
            "inactive" => status.state == State::Stopped,
            _ => status.state == State::Running,
        };
        if wanted && in_state {
            show(process, &config, status, true, extended);
        }
    }
    process.out("");
    0
}

fn show_config(process: &Process, config: &ServiceConfig) -> u32 {
    let start = match config.start {
        0 => "BOOT_START",
        1 => "SYSTEM_START",
        2 => "AUTO_START",
        3 => "DEMAND_START",
        _ => "DISABLED",
    };
    let error = match config.error_control {
        0 => "IGNORE",
        1 => "NORMAL",
        2 => "SEVERE",
        _ => "CRITICAL",
    };
    process.out("[SC] QueryServiceConfig SUCCESS");
    process.out("");
    process.out(format!("SERVICE_NAME: {}", config.name));
    process.out(format!("        TYPE               : {:x}  {} ", config.service_type, type_text(config.service_type)));
    process.out(format!("        START_TYPE         : {}   {start}", config.start));
    process.out(format!("        ERROR_CONTROL      : {}   {error}", config.error_control));
    process.out(format!("        BINARY_PATH_NAME   : {}", config.image_path));
    process.out(format!("        LOAD_ORDER_GROUP   : {}", config.group));
    process.out("        TAG                : 0");
    process.out(format!("        DISPLAY_NAME       : {}", config.display_name));
    let mut depends = config.depends.iter();
    process.out(format!("        DEPENDENCIES       : {}", depends.next().map_or("", String::as_str)));
    depends.for_each(|it| process.out(format!("                           : {it}")));
    process.out(format!("        SERVICE_START_NAME : {}", config.account));
    0
}

/// Applies `type=`, `start=` and the rest; the name of an option that is not right comes back.
fn apply(config: &mut ServiceConfig, options: &[(String, String)]) -> Result<(), String> {
    for (name, value) in options {
        let lower = value.to_ascii_lowercase();
        match name.as_str() {
            "type" => {
                config.service_type = match lower.as_str() {
                    "kernel" => 1,
                    "filesys" => 2,
                    "rec" => 8,
                    "own" => 0x10,
                    "share" => 0x20,
                    "interact" => continue,
                    _ => return Err(name.clone()),
                }
            }
            "start" => {
                config.start = match lower.as_str() {
                    "boot" => 0,
                    "system" => 1,
                    "auto" | "delayed-auto" => 2,
                    "demand" => 3,
                    "disabled" => 4,
                    _ => return Err(name.clone()),
                }
            }
            "error" => {
                config.error_control = match lower.as_str() {
                    "ignore" => 0,
                    "normal" => 1,
                    "severe" => 2,
                    "critical" => 3,
                    _ => return Err(name.clone()),
                }
            }
            "binpath" => config.image_path.clone_from(value),
            "displayname" => config.display_name.clone_from(value),
            "group" => config.group.clone_from(value),
            "obj" => config.account.clone_from(value),
            "depend" => config.depends = value.split('/').filter(|it| !it.is_empty()).map(str::to_owned).collect(),
            "password" | "tag" => {}
            _ => return Err(name.clone()),
        }
    }
    if config.is_driver() && config.account == "LocalSystem" {
        config.account.clear();
    }
    Ok(())
}

fn create(process: &Process, name: &str, options: &[(String, String)]) -> u32 {
    let mut config = ServiceConfig::new(name, "");
    if apply(&mut config, options).is_err() || name.is_empty() || config.image_path.is_empty() {
        process.out("DESCRIPTION:");
        process.out("        Creates a service entry in the registry and Service Database.");
        return 1639;
    }
    match process.system.services.create(&config) {
        Ok(()) => {
            crate::log::service_installed(&process.system.logs.system, &config);
            said(process, "CreateService SUCCESS")
        }
        Err(error) => failed(process, "CreateService", error),
    }
}

fn configure(process: &Process, name: &str, options: &[(String, String)]) -> u32 {
    let services = &process.system.services;
    let Some(mut config) = services.config(name) else {
        return failed(process, "OpenService", errors::SERVICE_DOES_NOT_EXIST);
    };
    if apply(&mut config, options).is_err() {
        return failed(process, "ChangeServiceConfig", 87);
    }
    match services.write(&config) {
        Ok(()) => said(process, "ChangeServiceConfig SUCCESS"),
        Err(error) => failed(process, "ChangeServiceConfig", error),
    }
}
