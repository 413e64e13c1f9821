//! How fast a host is, as far as deadlines go.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Action, Install, Plan, Seconds};

/// How much longer than planned a host takes for everything, in percent: 100 is as planned.
///
/// Deadlines are planned for a host that is fast enough. On a slower one, or one that is busy, every deadline is stretched
/// alike, so that slowness is not taken for a hang. A faster host shortens none: what a deadline costs is paid only by
/// what fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Pace(u32);

impl Default for Pace {
    fn default() -> Self {
        Self::AS_PLANNED
    }
}

impl Pace {
    /// Deadlines as they are planned.
    pub const AS_PLANNED: Self = Self(100);
    /// A host slower than this is not waited for: it would take hours to say anything.
    const SLOWEST: u32 = 1000;

    /// Of a host that `took` this long for what it is `expected` to do: between as planned and ten times that, in steps
    /// of ten percent.
    #[must_use]
    pub fn measured(took: Duration, expected: Duration) -> Self {
        let percent = (took.as_secs_f64() / expected.as_secs_f64() * 10.0).ceil() * 10.0;
        if percent.is_nan() || percent <= 100.0 {
            return Self::AS_PLANNED;
        }
        // Larger numbers saturate.
        Self((percent as u32).min(Self::SLOWEST))
    }

    /// In percent, 100 or more.
    #[must_use]
    pub fn percent(self) -> u32 {
        self.0.max(100)
    }

    /// A deadline on this host.
    #[must_use]
    pub fn stretch(self, planned: Duration) -> Duration {
        planned.saturating_mul(self.percent()) / 100
    }

    fn seconds(self, planned: Seconds) -> Seconds {
        Seconds::from(self.stretch(planned.to_duration()))
    }
}

impl std::fmt::Display for Pace {
    /// `1.4`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.percent() / 100, self.percent() % 100 / 10)
    }
}

impl Plan {
    /// The same plan with every deadline as this host needs it. How long a machine is left to live is no deadline and
    /// stays.
    #[must_use]
    pub fn at_pace(&self, pace: Pace) -> Self {
        let mut plan = self.clone();
        for image in plan.images.values_mut() {
            image.boot_deadline = pace.seconds(image.boot_deadline);
        }
        let steps =
            plan.cells.iter_mut().flat_map(|cell| cell.arms.baseline.iter_mut().chain(&mut cell.arms.candidate));
        for step in steps {
            step.deadline = pace.seconds(step.deadline);
            step.action.stretch(pace);
        }
        plan
    }
}

impl Action {
    fn stretch(&mut self, pace: Pace) {
        let stretch = |planned: &mut Seconds| *planned = pace.seconds(*planned);
        match self {
            Self::Configure { look, restart, .. } => {
                stretch(look);
                stretch(restart);
            }
            Self::Install(install) => {
                let Install { deadline, restart, look, .. } = &mut **install;
                [deadline, restart, look].into_iter().for_each(stretch);
            }
            Self::Reboot { wait, .. } => stretch(wait),
            Self::Probe { look, .. } => stretch(look),
            Self::Provision | Self::Hold | Self::Dwell { .. } | Self::Exercise(_) | Self::Collect => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_host_gets_more_time_and_a_fast_one_no_less() {
        let expected = Duration::from_millis(200);
        for (took_ms, percent) in
            [(0, 100), (100, 100), (200, 100), (201, 110), (300, 150), (1_000, 500), (60_000, 1_000), (u64::MAX, 1_000)]
        {
            let pace = Pace::measured(Duration::from_millis(took_ms), expected);
            assert_eq!(pace.percent(), percent, "{took_ms} ms");
            assert!(pace.stretch(expected) >= expected);
        }
        assert_eq!(Pace::measured(expected, Duration::ZERO).percent(), 1_000);
        assert_eq!(Pace::measured(Duration::ZERO, Duration::ZERO), Pace::AS_PLANNED);
        assert_eq!(Pace(140).stretch(Duration::from_secs(10)), Duration::from_secs(14));
        assert_eq!(Pace(140).to_string(), "1.4");
        assert_eq!(Pace(1_000).to_string(), "10.0");
        // A record that somebody edited shortens nothing.
        assert_eq!(Pace(3).stretch(expected), expected);
    }
}
