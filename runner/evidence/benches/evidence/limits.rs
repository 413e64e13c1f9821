//! What each benchmark may take, and whether it did.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

/// The longest median that one benchmark may have.
#[derive(Clone)]
pub(crate) struct Limit {
    group: &'static str,
    function: &'static str,
    at_most: Duration,
}

impl Limit {
    pub(crate) fn new(group: &'static str, function: &'static str, at_most: Duration) -> Self {
        Self { group, function, at_most }
    }

    /// The median that criterion wrote since `begun`: none where the command line left this benchmark out.
    fn median(&self, home: &Path, begun: SystemTime) -> Option<Duration> {
        let path = home.join(self.group).join(self.function).join("new/estimates.json");
        let written = path.metadata().ok()?.modified().unwrap();
        let estimates: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let nanoseconds = estimates["median"]["point_estimate"].as_f64().unwrap();
        (written >= begun).then(|| Duration::from_secs_f64(nanoseconds / 1e9))
    }
}

/// Prints each median beside its limit. Fails when one is above it, or when nothing was measured.
pub(crate) fn compare(limits: &[Limit], home: &Path, begun: SystemTime) -> ExitCode {
    println!("{:<50} {:>10} {:>9} {:>6}", "", "median ms", "limit ms", "ratio");
    let mut ratios = Vec::new();
    for limit in limits {
        let name = format!("{}: {}", limit.group, limit.function);
        let at_most = limit.at_most.as_secs_f64();
        let Some(median) = limit.median(home, begun).map(|median| median.as_secs_f64()) else {
            println!("{name:<50} {:>10}", "-");
            continue;
        };
        println!("{name:<50} {:>10.2} {:>9.0} {:>6.2}", median * 1e3, at_most * 1e3, median / at_most);
        ratios.push(median / at_most);
    }
    let good = !ratios.is_empty() && ratios.iter().all(|&ratio| ratio <= 1.0);
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
