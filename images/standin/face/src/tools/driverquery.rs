//! `driverquery`: every driver in the service database.

use super::Arguments;
use crate::process::Process;
use crate::services::State;

pub(super) fn run(process: &mut Process, arguments: &Arguments) -> u32 {
    let services = &process.system.services;
    let csv = arguments.after("fo").is_some_and(|it| it.eq_ignore_ascii_case("csv"));
    let detailed = arguments.has("v");
    if !arguments.has("nh") {
        if csv && detailed {
            process.out(
                "\"Module Name\",\"Display Name\",\"Description\",\"Driver Type\",\"Start Mode\",\"State\",\"Status\",\
                 \"Accept Stop\",\"Accept Pause\",\"Paged Pool(bytes)\",\"Code(bytes)\",\"BSS(bytes)\",\"Link Date\",\
                 \"Path\",\"Init(bytes)\"",
            );
        } else if csv {
            process.out("\"Module Name\",\"Display Name\",\"Driver Type\",\"Link Date\"");
        } else {
            process.out("");
            process.out("Module Name  Display Name           Driver Type   Link Date             ");
            process.out("============ ====================== ============= ======================");
        }
    }
    for config in services.all().into_iter().filter(crate::ServiceConfig::is_driver) {
        let kind = if config.service_type == 2 { "File System " } else { "Kernel " };
        let running = services.status(&config.name).is_ok_and(|it| it.state == State::Running);
        let (name, display) = (&config.name, &config.display_name);
        if csv && detailed {
            let start =
                ["Boot", "System", "Auto", "Manual", "Disabled"].get(config.start as usize).unwrap_or(&"Manual");
            let (state, stop) = if running { ("Running", "TRUE") } else { ("Stopped", "FALSE") };
            let path = services.image(&config).map(|it| process.system.volume.windows_path(&it)).unwrap_or_default();
            process.out(format!(
                "\"{name}\",\"{display}\",\"{display}\",\"{kind}\",\"{start}\",\"{state}\",\"OK\",\"{stop}\",\"FALSE\",\
                 \"4,096\",\"4,096\",\"0\",\"\",\"{path}\",\"4,096\""
            ));
        } else if csv {
            process.out(format!("\"{name}\",\"{display}\",\"{kind}\",\"\""));
        } else {
            process.out(format!("{name:<12.12} {display:<22.22} {kind:<13}"));
        }
    }
    0
}
