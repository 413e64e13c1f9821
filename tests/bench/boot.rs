//! From power-on until a command has run in the guest over SSH, for each firmware, against the limits of the stand-in.
//!
//! `cargo xtask bench boot [TIMES]`. One machine at a time; the clock starts before the machine is made and stops when
//! the guest has answered a registry query.
#![allow(clippy::print_stdout, reason = "a benchmark tells its figures")]

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use coexist_lab::{Door, MachineSpec, Provider};
use coexist_model::{Arm, ArmRef, CellId, Firmware, Image, RunId};
use coexist_qemu::{QemuOptions, QemuProvider};
use coexist_windows::WindowsDoor;

/// Longest time for each firmware, in seconds, under emulation on two cores.
fn limit(image: &Image) -> f64 {
    match image.machine.firmware {
        Firmware::Bios => 5.0,
        Firmware::Uefi => 12.0,
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let times: usize = std::env::args().nth(1).map_or(Ok(7), |times| times.parse())?;
    let provider = QemuProvider::discover(QemuOptions { allow_kvm: false, ..QemuOptions::default() }).await?;
    println!("image                  firmware  times  median s    max s   limit s  max/limit");
    for matrix in ["matrices/demo.yaml", "matrices/upgrade.yaml"] {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let ask = coexist_plan::Ask::default();
        let plan = coexist_plan::load(&root.join(matrix)).and_then(|matrix| coexist_plan::plan(&matrix, &ask));
        let plan = plan.map_err(|report| report.to_string())?;
        for image in plan.plan.images.values() {
            let mut seconds = Vec::new();
            for _ in 0..times {
                seconds.push(boot(&provider, image).await?.as_secs_f64());
            }
            seconds.sort_by(f64::total_cmp);
            let (median, longest) = (seconds[times / 2], seconds[times - 1]);
            let firmware = format!("{:?}", image.machine.firmware);
            let limit = limit(image);
            println!(
                "{:<22} {firmware:<9} {times:>4} {median:>10.2} {longest:>8.2} {limit:>9.1} {:>10.2}",
                image.id,
                longest / limit
            );
        }
    }
    Ok(())
}

async fn boot(provider: &QemuProvider, image: &Image) -> Result<Duration, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let spec = MachineSpec {
        run: RunId::from("bench"),
        arm: ArmRef { cell: CellId::from("bench"), arm: Arm::Baseline },
        image: image.clone(),
        folder: folder.path().to_owned(),
    };
    let begun = Instant::now();
    let machine = provider.create(spec).await?;
    machine.start().await?;
    let door = WindowsDoor::default();
    let guest = loop {
        match door.knock(machine.endpoint(), &image.access, Duration::from_secs(10)).await {
            Ok(guest) => break guest,
            Err(unanswered) if begun.elapsed() > image.boot_deadline.to_duration() => return Err(unanswered.into()),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    };
    guest.identify().await?;
    let took = begun.elapsed();
    machine.destroy().await?;
    Ok(took)
}
