//! `find "text" [file …]`

use super::Arguments;
use crate::process::Process;
use crate::text::decode;

pub(super) fn run(process: &mut Process, arguments: &Arguments) -> u32 {
    let switches: Vec<String> =
        arguments.words.iter().filter(|it| it.starts_with('/')).map(|it| it.to_ascii_lowercase()).collect();
    let has = |name: &str| switches.iter().any(|it| it == name);
    let mut others = arguments.words.iter().filter(|it| !it.starts_with('/'));
    let Some(wanted) = others.next().filter(|_| arguments.raw.contains('"')) else {
        process.err("FIND: Parameter format not correct");
        return 2;
    };
    let any_case = has("/i");
    let fold = |text: &str| if any_case { text.to_lowercase() } else { text.to_owned() };
    let wanted = fold(wanted);
    let files: Vec<&String> = others.collect();
    let mut found = 0;
    let mut search = |text: &str, heading: Option<&str>| {
        let lines: Vec<(usize, &str)> = text
            .lines()
            .enumerate()
            .filter(|(_, line)| (!wanted.is_empty() && fold(line).contains(&wanted)) != has("/v"))
            .collect();
        found += lines.len();
        if has("/c") {
            process.out(heading.map_or_else(|| lines.len().to_string(), |it| format!("{it}: {}", lines.len())));
            return;
        }
        if let Some(heading) = heading {
            process.out(heading);
        }
        for (number, line) in lines {
            process.out(if has("/n") { format!("[{}]{line}", number + 1) } else { line.to_owned() });
        }
    };
    if files.is_empty() {
        search(&decode(&process.handles.stdin.read_all()), None);
    }
    for name in files {
        match std::fs::read(process.resolve(name)) {
            Ok(bytes) => {
                process.out("");
                search(&decode(&bytes), Some(&format!("---------- {}", name.to_uppercase())));
            }
            Err(_) => {
                process.err(format!("File not found - {}", name.to_uppercase()));
                return 1;
            }
        }
    }
    u32::from(found == 0)
}
