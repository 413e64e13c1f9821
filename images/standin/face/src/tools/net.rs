//! `net start`, `net stop`

use super::Arguments;
use crate::process::Process;
use crate::services::{State, errors};

pub(super) fn run(process: &mut Process, arguments: &Arguments) -> u32 {
    match arguments.word(0).to_ascii_lowercase().as_str() {
        "start" => start(process, arguments.word(1)),
        "stop" => stop(process, arguments.word(1)),
        _ => {
            process.err("The syntax of this command is:");
            process.err("");
            process.err("NET");
            process.err("    [ START | STOP ]");
            1
        }
    }
}

fn failed(process: &Process, text: &str, help: u32) -> u32 {
    process.err(text);
    process.err("");
    process.err(format!("More help is available by typing NET HELPMSG {help}."));
    process.err("");
    2
}

fn start(process: &Process, name: &str) -> u32 {
    let services = &process.system.services;
    if name.is_empty() {
        process.out("These Windows services are started:");
        process.out("");
        let all = services.all().into_iter().filter(|it| !it.is_driver());
        let mut running: Vec<_> = all
            .filter(|it| services.status(&it.name).is_ok_and(|status| status.state == State::Running))
            .map(|it| it.display_name)
            .collect();
        running.sort();
        running.iter().for_each(|it| process.out(format!("   {it}")));
        process.out("");
        process.out("The command completed successfully.");
        process.out("");
        return 0;
    }
    let Some(found) = services.find(name) else { return failed(process, "The service name is invalid.", 2185) };
    let display = services.config(&found).map_or_else(|| found.clone(), |it| it.display_name);
    match services.start(&found) {
        Ok(()) => {
            process.out(format!("The {display} service is starting."));
            process.out(format!("The {display} service was started successfully."));
            process.out("");
            0
        }
        Err(errors::SERVICE_ALREADY_RUNNING) => {
            failed(process, "The requested service has already been started.", 2182)
        }
        Err(error) => {
            process.err(format!("System error {error} has occurred."));
            process.err("");
            process.err(super::message(error));
            process.err("");
            2
        }
    }
}

fn stop(process: &Process, name: &str) -> u32 {
    let services = &process.system.services;
    let Some(found) = services.find(name) else { return failed(process, "The service name is invalid.", 2185) };
    let display = services.config(&found).map_or_else(|| found.clone(), |it| it.display_name);
    match services.stop(&found) {
        Ok(()) => {
            process.out(format!("The {display} service is stopping."));
            process.out(format!("The {display} service was stopped successfully."));
            process.out("");
            0
        }
        Err(errors::SERVICE_NOT_ACTIVE) => failed(process, &format!("The {display} service is not started."), 3521),
        Err(error) => {
            process.err(format!("System error {error} has occurred."));
            process.err("");
            process.err(super::message(error));
            process.err("");
            2
        }
    }
}
