//! `fltmc filters`, `instances`, `load`, `unload`

use super::{Arguments, message};
use crate::process::Process;

pub(super) fn run(process: &mut Process, arguments: &Arguments) -> u32 {
    let name = arguments.word(1);
    match arguments.word(0).to_ascii_lowercase().as_str() {
        "" | "filters" => {
            process.out("");
            process.out("Filter Name                     Num Instances    Altitude    Frame");
            process.out("------------------------------  -------------  ------------  -----");
            for (service, altitude) in filters(process) {
                process.out(format!("{service:<30}  {:>13}  {altitude:>12}  {:>5}", 1, 0));
            }
            process.out("");
            0
        }
        "instances" => {
            process.out("Filter                Volume Name                              Altitude        Instance Name       Frame   SprtFtrs  VlStatus");
            process.out("--------------------  -------------------------------------  ------------  ----------------------  -----   --------  --------");
            for (service, altitude) in filters(process) {
                process.out(format!(
                    "{service:<20}  {:<37}  {altitude:>12}  {:<22}    0     00000003",
                    "C:",
                    format!("{service} Instance")
                ));
            }
            0
        }
        "load" => told(process, "Load", process.system.services.start(name)),
        "unload" => told(process, "Unload", process.system.services.stop(name)),
        _ => {
            process.out("Valid commands:");
            process.out("    load        Loads a Filter driver");
            process.out("    unload      Unloads a Filter driver");
            process.out("    filters     Lists the Filters currently registered in the system");
            process
                .out("    instances   Lists the Instances for a Filter or Volume currently registered in the system");
            1
        }
    }
}

/// Minifilters with their altitudes, highest first, as `fltmc` lists them.
fn filters(process: &Process) -> Vec<(String, String)> {
    let mut found: Vec<_> =
        process.system.kernel.loaded_drivers().into_iter().filter_map(|it| Some((it.service, it.altitude?))).collect();
    found.sort_by(|a, b| {
        let height = |it: &(String, String)| it.1.parse::<f64>().unwrap_or(0.0);
        height(b).total_cmp(&height(a))
    });
    found
}

fn told(process: &Process, what: &str, result: Result<(), u32>) -> u32 {
    let Err(error) = result else { return 0 };
    // Errors are HRESULTs here; one that is already loaded or not loaded has its own in the filter manager. [K]
    let code = match error {
        1056 => 0x801F_0010,
        1060 | 1062 => 0x801F_0013,
        _ => 0x8007_0000 | error,
    };
    process.out("");
    process.out(format!("{what} failed with error: 0x{code:08x}"));
    process.out(match code {
        0x801F_0013 => "The system could not find the filter specified.".to_owned(),
        0x801F_0010 => "An instance of the service is already running.".to_owned(),
        _ => message(error),
    });
    code
}
