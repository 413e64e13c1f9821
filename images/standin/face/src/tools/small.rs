//! Programs of a few lines.

use super::Arguments;
use crate::process::Process;
use crate::text::decode;

pub(super) fn cmd(process: &mut Process, arguments: &Arguments) -> u32 {
    crate::cmd::Shell::main(process.clone(), arguments.raw.trim_start())
}

/// Output is always UTF-8 here; the page is taken and forgotten.
pub(super) fn chcp(process: &mut Process, arguments: &Arguments) -> u32 {
    match arguments.word(0) {
        "" => process.out("Active code page: 437"),
        page if page.parse::<u16>().is_ok() => process.out(format!("Active code page: {page}")),
        _ => {
            process.err("Parameter format not correct -");
            return 1;
        }
    }
    0
}

pub(super) fn hostname(process: &mut Process, _: &Arguments) -> u32 {
    process.out(process.system.computer_name());
    0
}

pub(super) fn whoami(process: &mut Process, _: &Arguments) -> u32 {
    process.out(format!("{}\\{}", process.system.computer_name().to_lowercase(), crate::USER));
    0
}

pub(super) fn more(process: &mut Process, arguments: &Arguments) -> u32 {
    let text = match arguments.words.iter().find(|it| !it.starts_with(['/', '+'])) {
        None => decode(&process.handles.stdin.read_all()),
        Some(name) => match std::fs::read(process.resolve(name)) {
            Ok(bytes) => decode(&bytes),
            Err(_) => {
                process.err(format!("Cannot access file {}", process.absolute(name)));
                return 1;
            }
        },
    };
    text.lines().for_each(|line| process.out(line));
    0
}

pub(super) fn sort(process: &mut Process, arguments: &Arguments) -> u32 {
    let name = arguments.words.iter().find(|it| !it.starts_with('/'));
    let text = match name.map(|name| std::fs::read(process.resolve(name))) {
        None => decode(&process.handles.stdin.read_all()),
        Some(Ok(bytes)) => decode(&bytes),
        Some(Err(_)) => {
            process.err("The system cannot find the file specified.");
            return 1;
        }
    };
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_by_key(|line| line.to_lowercase());
    if arguments.has("r") || arguments.has("reverse") {
        lines.reverse();
    }
    lines.iter().for_each(|line| process.out(line));
    0
}

/// Without a console it refuses, which is why scripts over SSH wait with `ping`.
pub(super) fn timeout(process: &mut Process, _: &Arguments) -> u32 {
    process.err("ERROR: Input redirection is not supported, exiting the process immediately.");
    1
}

/// `where`
pub(super) fn locate(process: &mut Process, arguments: &Arguments) -> u32 {
    let mut code = 0;
    for name in arguments.words.iter().filter(|it| !it.starts_with('/')) {
        let places = crate::cmd::all_places(process, name);
        places.iter().for_each(|it| process.out(it));
        if places.is_empty() {
            process.err("INFO: Could not find files for the given pattern(s).");
            code = 1;
        }
    }
    code
}

/// `fc [/b] FILE FILE`: 0 alike, 1 different, 2 not found. The differences themselves are not listed.
pub(super) fn fc(process: &mut Process, arguments: &Arguments) -> u32 {
    let names: Vec<&String> = arguments.words.iter().filter(|it| !it.starts_with('/')).collect();
    let [one, two] = names.as_slice() else {
        process.err("FC: Insufficient number of file specifications");
        return 2;
    };
    let read = |name: &str| {
        let bytes = std::fs::read(process.resolve(name));
        bytes.inspect_err(|_| process.out(format!("FC: cannot open {} - No such file or folder", name.to_uppercase())))
    };
    let (Ok(first), Ok(second)) = (read(one), read(two)) else { return 2 };
    process.out(format!("Comparing files {one} and {}", two.to_uppercase()));
    let alike = first == second;
    process.out(if alike { "FC: no differences encountered" } else { "*****" });
    process.out("");
    u32::from(!alike)
}
