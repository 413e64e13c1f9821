//! `coexist doctor`: what this host can do, and why not.

use std::path::Path;

use coexist_model::Exit;
use coexist_qemu::{DiscoverError, HostReport, QemuOptions, QemuProvider};
use serde_json::json;

use crate::args::DoctorArgs;
use crate::say;

/// Says what this host can do; the exit code says whether machines can be made.
pub(crate) fn doctor(args: &DoctorArgs) -> Exit {
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            crate::complain(&error);
            return Exit::Internal;
        }
    };
    let found = runtime.block_on(QemuProvider::discover(QemuOptions::default()));
    let found = found.map(|provider| provider.report(Path::new(".")));
    let text = if args.json { format!("{:#}\n", as_json(&found)) } else { as_text(&found) };
    say::say(&text, if found.is_ok() { Exit::Clean } else { Exit::Inconclusive })
}

fn as_text(found: &Result<HostReport, DiscoverError>) -> String {
    let report = match found {
        Ok(report) => report,
        Err(error) => return format!("QEMU          no machine can be made here: {error}\n"),
    };
    let mut lines = vec![
        format!("QEMU          {} ({})", report.version, report.qemu.display()),
        format!("overlays      {}", report.qemu_img.display()),
        format!("acceleration  {}: {}", report.acceleration.accelerator.as_str(), report.acceleration.reason),
    ];
    lines.push(match &report.firmware {
        Some(files) => format!("UEFI          {}", files.code.display()),
        None => "UEFI          no firmware; images with UEFI need Debian's package `ovmf`".to_owned(),
    });
    if let Some(memory) = report.memory {
        lines.push(format!("memory        {} MiB, {} MiB free", memory.total_mib, memory.available_mib));
    }
    if let Some(free) = report.disk_free {
        lines.push(format!("disk          {} GiB free below this folder", free >> 30));
    }
    lines.extend(report.restrictions.iter().map(|note| format!("note          {note}")));
    lines.join("\n") + "\n"
}

fn as_json(found: &Result<HostReport, DiscoverError>) -> serde_json::Value {
    let report = match found {
        Ok(report) => report,
        Err(error) => return json!({"schema": "coexist.doctor/1", "can_run": false, "why": error.to_string()}),
    };
    let mut value = json!({
        "schema": "coexist.doctor/1",
        "can_run": true,
        "host": report.name,
        "qemu": {"version": report.version.to_string(), "path": report.qemu},
        "acceleration": {"kind": report.acceleration.accelerator.as_str(), "reason": report.acceleration.reason},
        "uefi": report.firmware.is_some(),
        "notes": report.restrictions,
    });
    // Unknown is absent, never null.
    if let Some(memory) = report.memory {
        value["memory_mib"] = json!({"total": memory.total_mib, "available": memory.available_mib});
    }
    if let Some(free) = report.disk_free {
        value["disk_free"] = json!(free);
    }
    value
}
