//! `tasklist`: the system's own processes and one for each running service.

use super::Arguments;
use crate::process::Process;
use crate::services::State;

pub(super) fn run(process: &mut Process, arguments: &Arguments) -> u32 {
    let services = &process.system.services;
    let mut tasks = vec![("System Idle Process".to_owned(), 0, String::new()), ("System".to_owned(), 4, String::new())];
    for config in services.all() {
        match services.status(&config.name) {
            Ok(status) if status.state == State::Running && !config.is_driver() => {
                let image = services.image(&config);
                let name = image.and_then(|it| it.file_name().map(|it| it.to_string_lossy().into_owned()));
                tasks.push((name.unwrap_or_else(|| format!("{}.exe", config.name)), status.pid, config.name));
            }
            _ => {}
        }
    }
    let filters: Vec<String> = arguments
        .words
        .windows(2)
        .filter(|pair| super::is_switch(&pair[0], "fi"))
        .map(|pair| pair[1].to_lowercase())
        .collect();
    tasks.retain(|(image, pid, service)| {
        filters.iter().all(|filter| {
            let words: Vec<&str> = filter.split_whitespace().collect();
            let [field, operator, value] = words.as_slice() else { return true };
            let equal = match *field {
                "imagename" => crate::text::fits(value, image),
                "pid" => *value == pid.to_string(),
                "services" => crate::text::fits(value, service),
                _ => true,
            };
            equal == (*operator != "ne")
        })
    });
    if tasks.is_empty() {
        process.out("INFO: No tasks are running which match the specified criteria.");
        return 0;
    }
    let heading = !arguments.has("nh");
    let with_services = arguments.has("svc");
    if arguments.after("fo").is_some_and(|it| it.eq_ignore_ascii_case("csv")) {
        if heading {
            let last = if with_services { "\"Services\"" } else { "\"Session Name\",\"Session#\",\"Mem Usage\"" };
            process.out(format!("\"Image Name\",\"PID\",{last}"));
        }
        for (image, pid, service) in tasks {
            let service = if service.is_empty() { "N/A".to_owned() } else { service };
            let last =
                if with_services { format!("\"{service}\"") } else { "\"Services\",\"0\",\"8,192 K\"".to_owned() };
            process.out(format!("\"{image}\",\"{pid}\",{last}"));
        }
        return 0;
    }
    if heading {
        process.out("");
        process.out("Image Name                     PID Session Name        Session#    Mem Usage");
        process.out("========================= ======== ================ =========== ============");
    }
    for (image, pid, _) in tasks {
        process.out(format!("{image:<25.25} {pid:>8} Services                   0      8,192 K"));
    }
    0
}
