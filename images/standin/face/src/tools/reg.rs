//! `reg query`, `reg add`, `reg delete`

use super::{Arguments, is_switch};
use crate::process::Process;
use crate::registry::{RegValue, full_path};

const NOT_FOUND: &str = "ERROR: The system was unable to find the specified registry key or value.";
const DONE: &str = "The operation completed successfully.";
const USAGE: &str = "ERROR: Invalid syntax.";
const BAD_KEY: &str = "ERROR: Invalid key name.";

pub(super) fn run(process: &mut Process, arguments: &Arguments) -> u32 {
    let (verb, key) = (arguments.word(0).to_ascii_lowercase(), arguments.word(1));
    if full_path(key).is_none() {
        return fail(process, if key.is_empty() { USAGE } else { BAD_KEY });
    }
    let key = key.trim_matches('\\');
    match verb.as_str() {
        "query" => query(process, key, arguments),
        "add" => add(process, key, arguments),
        "delete" => delete(process, key, arguments),
        _ => fail(process, USAGE),
    }
}

fn fail(process: &Process, message: &str) -> u32 {
    process.err(message);
    1
}

/// `/v NAME` or `/ve`.
fn value_name(arguments: &Arguments) -> Option<String> {
    if arguments.has("ve") { Some(String::new()) } else { arguments.after("v").map(str::to_owned) }
}

fn data_text(value: &RegValue) -> String {
    match value {
        RegValue::Dword(number) => format!("0x{number:x}"),
        RegValue::Qword(number) => format!("0x{number:x}"),
        _ => value.as_text(),
    }
}

fn value_line(name: &str, value: &RegValue) -> String {
    let name = if name.is_empty() { "(Default)" } else { name };
    format!("    {name}    {}    {}", value.type_name(), data_text(value))
}

fn query(process: &Process, key: &str, arguments: &Arguments) -> u32 {
    let registry = &process.system.registry;
    let Some(spelled) = registry.has_key(key).then(|| registry.spelled(key)).flatten() else {
        return fail(process, NOT_FOUND);
    };
    let wanted = value_name(arguments);
    let deep = arguments.has("s");
    let pattern = arguments.after("f").map(str::to_lowercase);
    let mut matches = 0;
    let mut keys = vec![spelled];
    let mut first = true;
    while let Some(key) = keys.pop() {
        if process.cancel.is_cancelled() {
            return 1;
        }
        let below: Vec<String> = registry.subkeys(&key).into_iter().map(|name| format!("{key}\\{name}")).collect();
        let values: Vec<_> = registry
            .values(&key)
            .into_iter()
            .filter(|(name, _)| wanted.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(name)))
            .filter(|(name, value)| {
                pattern.as_ref().is_none_or(|pattern| {
                    name.to_lowercase().contains(pattern) || data_text(value).to_lowercase().contains(pattern)
                })
            })
            .collect();
        matches += values.len();
        if !values.is_empty() || (deep && wanted.is_none() && pattern.is_none()) {
            process.out("");
            process.out(&key);
            values.iter().for_each(|(name, value)| process.out(value_line(name, value)));
            if first && wanted.is_some() {
                process.out("");
            }
        }
        if !deep {
            if wanted.is_none() && !below.is_empty() {
                process.out("");
                below.iter().for_each(|key| process.out(key));
            }
            break;
        }
        keys.extend(below.into_iter().rev());
        first = false;
    }
    if matches == 0 && wanted.is_some() {
        return fail(process, NOT_FOUND);
    }
    if pattern.is_some() {
        process.out("");
        process.out(format!("End of search: {matches} match(es) found."));
        return u32::from(matches == 0);
    }
    0
}

fn add(process: &Process, key: &str, arguments: &Arguments) -> u32 {
    let registry = &process.system.registry;
    let Some(name) = value_name(arguments) else {
        return written(process, registry.create_key(key).map(|_| ()));
    };
    if registry.get(key, &name).is_some() && !arguments.has("f") {
        // No answer is an answer of no, as when standard input is empty.
        let _ = process.handles.stdout.write(format!("Value {name} exists, overwrite(Yes/No)? ").as_bytes());
        let answer = process.handles.stdin.read_line().unwrap_or_default();
        if !answer.trim().to_ascii_lowercase().starts_with('y') {
            return fail(process, "ERROR: The operation was cancelled by the user.");
        }
    }
    let kind = arguments.after("t").unwrap_or("REG_SZ");
    let separator = arguments.after("s").unwrap_or("\\0");
    match parse(kind, arguments.after("d").unwrap_or_default(), separator) {
        Some(value) => written(process, registry.set(key, &name, value)),
        None => fail(process, "ERROR: Invalid syntax. Specify valid numeric value for '/d'."),
    }
}

fn parse(kind: &str, data: &str, separator: &str) -> Option<RegValue> {
    let number = |data: &str| match data.strip_prefix("0x").or_else(|| data.strip_prefix("0X")) {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None if data.is_empty() => Some(0),
        None => data.parse().ok(),
    };
    Some(match kind.to_ascii_uppercase().as_str() {
        "REG_SZ" => RegValue::Sz(data.to_owned()),
        "REG_EXPAND_SZ" => RegValue::ExpandSz(data.to_owned()),
        "REG_MULTI_SZ" => {
            RegValue::MultiSz(data.split(separator).filter(|it| !it.is_empty()).map(str::to_owned).collect())
        }
        "REG_DWORD" | "REG_DWORD_LITTLE_ENDIAN" => RegValue::Dword(u32::try_from(number(data)?).ok()?),
        "REG_QWORD" => RegValue::Qword(number(data)?),
        "REG_BINARY" => {
            if !data.is_ascii() {
                return None;
            }
            let padded = if data.len() % 2 == 1 { format!("0{data}") } else { data.to_owned() };
            let pairs = (0..padded.len()).step_by(2).map(|at| u8::from_str_radix(&padded[at..at + 2], 16).ok());
            RegValue::Binary(pairs.collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

fn written(process: &Process, result: std::io::Result<()>) -> u32 {
    match result {
        Ok(()) => {
            process.out(DONE);
            0
        }
        Err(_) => fail(process, "ERROR: There is not enough space on the disk."),
    }
}

fn delete(process: &Process, key: &str, arguments: &Arguments) -> u32 {
    let registry = &process.system.registry;
    if !registry.has_key(key) {
        return fail(process, NOT_FOUND);
    }
    let name = value_name(arguments);
    if !arguments.words.iter().any(|it| is_switch(it, "f")) {
        let what = name.as_ref().map_or_else(|| format!("registry key {key}"), |it| format!("registry value {it}"));
        let _ = process.handles.stdout.write(format!("Delete the {what} (Yes/No)? ").as_bytes());
        let answer = process.handles.stdin.read_line().unwrap_or_default();
        if !answer.trim().to_ascii_lowercase().starts_with('y') {
            return fail(process, "ERROR: The operation was cancelled by the user.");
        }
    }
    let result = match name {
        Some(name) => registry.delete_value(key, &name),
        None if arguments.has("va") => {
            let held = registry.hold();
            let deleted =
                registry.values(key).iter().try_for_each(|(name, _)| registry.delete_value(key, name).map(|_| ()));
            deleted.and_then(|()| held.release()).map(|()| true)
        }
        None if !key.contains('\\') => return fail(process, "ERROR: Access is denied."),
        None => registry.delete_key(key),
    };
    match result {
        Ok(false) => fail(process, NOT_FOUND),
        result => written(process, result.map(|_| ())),
    }
}
