//! `wevtutil qe|epl|gl|el|cl` for the System and Application logs; the Security log is there and empty.

use standin_formats::evtx::{Event, EventLog};

use super::{Arguments, message, xpath};
use crate::process::Process;

const NO_CHANNEL: u32 = 15007;
const BAD_QUERY: u32 = 15001;

pub(super) fn run(process: &mut Process, arguments: &Arguments) -> u32 {
    let verb = arguments.word(0).to_ascii_lowercase();
    let log = arguments.word(1);
    match verb.as_str() {
        "el" | "enum-logs" => {
            ["Application", "Security", "System"].iter().for_each(|it| process.out(it));
            return 0;
        }
        "qe" | "query-events" | "epl" | "export-log" | "gl" | "get-log" | "cl" | "clear-log" => {}
        _ => {
            process.err(format!("Invalid command: {verb}."));
            return 87;
        }
    }
    let known = ["System", "Application", "Security"].into_iter().find(|it| it.eq_ignore_ascii_case(log));
    let Some(log) = known else {
        process.err("Failed to read events. The specified channel could not be found.");
        return NO_CHANNEL;
    };
    match verb.as_str() {
        "gl" | "get-log" => show_log(process, log),
        "epl" | "export-log" => export(process, log, arguments),
        "cl" | "clear-log" => clear(process, log),
        _ => query(process, log, arguments),
    }
}

/// `/name:value`, or its long form.
fn option<'a>(arguments: &'a Arguments, short: &str, long: &str) -> Option<&'a str> {
    arguments.words.iter().find_map(|word| {
        let (name, value) = word.strip_prefix(['/', '-'])?.split_once(':')?;
        (name.eq_ignore_ascii_case(short) || name.eq_ignore_ascii_case(long)).then_some(value)
    })
}

fn selection(process: &Process, arguments: &Arguments) -> Result<xpath::Query, u32> {
    let text = option(arguments, "q", "query").unwrap_or("*");
    xpath::Query::parse(text).map_err(|()| {
        process.err("Failed to read events. The specified query is invalid.");
        BAD_QUERY
    })
}

fn query(process: &Process, log: &str, arguments: &Arguments) -> u32 {
    let query = match selection(process, arguments) {
        Ok(query) => query,
        Err(code) => return code,
    };
    let now = crate::text::filetime(std::time::SystemTime::now());
    let channel = process.system.logs.channel(log);
    let mut events = channel.map(|it| it.query(|event| query.selects(event, now))).unwrap_or_default();
    if option(arguments, "rd", "reversedirection").is_some_and(|it| it.eq_ignore_ascii_case("true")) {
        events.reverse();
    }
    if let Some(count) = option(arguments, "c", "count").and_then(|it| it.parse().ok()) {
        events.truncate(count);
    }
    let xml = !option(arguments, "f", "format").is_some_and(|it| it.eq_ignore_ascii_case("text"));
    let root = option(arguments, "e", "element");
    if let Some(root) = root {
        process.out(format!("<{root}>"));
    }
    for (number, event) in events.iter().enumerate() {
        if process.cancel.is_cancelled() {
            return 1;
        }
        if xml {
            process.out(channel.map(|it| it.to_xml(event)).unwrap_or_default());
        } else {
            process.out(format!("Event[{number}]"));
            process.out(format!("  Log Name: {log}"));
            process.out(format!("  Source: {}", event.provider));
            process.out(format!("  Date: {}", standin_formats::filetime::to_text(event.time)));
            process.out(format!("  Event ID: {}", event.event_id));
            process.out(format!("  Level: {}", level(event.level)));
            process.out(format!("  Computer: {}", process.system.computer_name()));
            process.out("  Description: ");
            event.event_data.iter().for_each(|(name, value)| process.out(format!("{name} {value}")));
            process.out("");
        }
    }
    if let Some(root) = root {
        process.out(format!("</{root}>"));
    }
    0
}

fn level(level: u8) -> &'static str {
    match level {
        1 => "Critical",
        2 => "Error",
        3 => "Warning",
        _ => "Information",
    }
}

fn export(process: &Process, log: &str, arguments: &Arguments) -> u32 {
    let query = match selection(process, arguments) {
        Ok(query) => query,
        Err(code) => return code,
    };
    let Some(target) = arguments.words.get(2).filter(|it| !it.starts_with('/')) else {
        process.err("Too few arguments.");
        return 87;
    };
    let at = process.resolve(target);
    if at.exists() && !option(arguments, "ow", "overwrite").is_some_and(|it| it.eq_ignore_ascii_case("true")) {
        process.err("Failed to export log. The file exists.");
        return 80;
    }
    if !at.parent().is_some_and(std::path::Path::is_dir) {
        process.err(format!("Failed to export log {log}. {}", message(3)));
        return 3;
    }
    let now = crate::text::filetime(std::time::SystemTime::now());
    let selects = |event: &Event| query.selects(event, now);
    let empty = || EventLog::new(log, process.system.computer_name()).to_bytes();
    let bytes = process.system.logs.channel(log).map_or_else(empty, |it| it.export(selects));
    match process.system.volume.write_durably(at, &bytes) {
        Ok(()) => 0,
        Err(_) => {
            process.err(format!("Failed to export log {log}. {}", message(112)));
            112
        }
    }
}

fn clear(process: &Process, log: &str) -> u32 {
    match process.system.logs.clear(log, crate::USER, &process.system.computer_name()) {
        Ok(_) => 0,
        Err(_) => {
            process.err(format!("Failed to clear log {log}. {}", message(112)));
            112
        }
    }
}

fn show_log(process: &Process, log: &str) -> u32 {
    for line in [
        format!("name: {log}"),
        "enabled: true".to_owned(),
        "type: Admin".to_owned(),
        "owningPublisher: ".to_owned(),
        "isolation: System".to_owned(),
        "channelAccess: O:BAG:SYD:(A;;0xf0007;;;SY)(A;;0x7;;;BA)".to_owned(),
        "logging:".to_owned(),
        format!("  logFileName: %SystemRoot%\\System32\\Winevt\\Logs\\{log}.evtx"),
        "  retention: false".to_owned(),
        "  autoBackup: false".to_owned(),
        "  maxSize: 20971520".to_owned(),
        "publishing:".to_owned(),
        "  fileMax: 1".to_owned(),
    ] {
        process.out(line);
    }
    0
}
