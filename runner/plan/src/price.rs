//! What a plan costs: minutes of machines and disk, from what cells cost before, or from assumptions that are told.

use std::collections::BTreeMap;

use coexist_model::{Action, Arm, ArmCost, Cell, ImageId, PastCell, Plan, Seconds, Step};

/// Seconds that each thing takes where nothing like it was measured. Chosen to be near what a Windows guest takes on a
/// desk with hardware acceleration; only history makes a price exact.
pub(crate) mod assumed {
    /// One start of a machine, until the guest answers.
    pub(crate) const BOOT: u64 = 90;
    /// One installation, the candidate's too.
    pub(crate) const INSTALL: u64 = 60;
    /// One exercise.
    pub(crate) const EXERCISE: u64 = 30;
    /// One look at everything, and one fetch of the guest's records.
    pub(crate) const LOOK: u64 = 10;
    /// Bytes that the disk of one arm grows: 4 GB.
    pub(crate) const DISK: u64 = 4_000_000_000;
}

/// What a plan costs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Price {
    /// Machines' time, that of all arms one after the other.
    pub time: Seconds,
    /// Bytes that the arms' disks grow, all together.
    pub disk: u64,
    /// Starts of machines that the steps ask for; installers may add some.
    pub boots: usize,
    /// Arms whose time was measured before: in the same cell, or on the same image.
    pub measured: usize,
    /// All arms.
    pub arms: usize,
}

/// What earlier runs say of costs.
#[derive(Debug, Default)]
pub(crate) struct Costs<'a> {
    /// The latest of each cell's arms.
    cells: BTreeMap<(&'a str, Arm), (jiff::Timestamp, ArmCost)>,
    /// Milliseconds, starts, and arms, of everything measured on an image.
    images: BTreeMap<&'a ImageId, (u64, u64, u64)>,
    /// Bytes, and arms, where disks were measured.
    disk: (u64, u64),
}

impl<'a> Costs<'a> {
    pub(crate) fn of(history: &'a [PastCell]) -> Self {
        let mut costs = Self::default();
        for past in history {
            for arm in Arm::BOTH {
                let Some(cost) = past.cost[arm] else { continue };
                let latest = costs.cells.entry((past.id.as_str(), arm)).or_insert((past.at, cost));
                if latest.0 <= past.at {
                    *latest = (past.at, cost);
                }
                let image = costs.images.entry(&past.image).or_default();
                image.0 = image.0.saturating_add(cost.took.as_millis());
                image.1 += u64::from(cost.boots);
                image.2 += 1;
                if let Some(bytes) = cost.disk {
                    costs.disk.0 = costs.disk.0.saturating_add(bytes);
                    costs.disk.1 += 1;
                }
            }
        }
        costs
    }

    /// What both arms of a cell cost.
    pub(crate) fn cell(&self, cell: &Cell) -> Price {
        let mut price = Price::default();
        for arm in Arm::BOTH {
            price.add(&self.arm(cell, arm));
        }
        price
    }

    fn arm(&self, cell: &Cell, arm: Arm) -> Price {
        let steps = &cell.arms[arm];
        let boots = boots(steps);
        let usual_disk = self.disk.0.checked_div(self.disk.1).unwrap_or(assumed::DISK);
        let same = self.cells.get(&(cell.id.as_str(), arm)).map(|(_, cost)| cost);
        // On the same image, an arm takes as long for each start as others did there.
        let alike = self.images.get(&cell.image).and_then(|(took, starts, _)| took.checked_div(*starts));
        let (time, measured) = match (same, alike) {
            (Some(cost), _) => (cost.took, 1),
            (None, Some(each)) => (Seconds::from_millis(each.saturating_mul(boots as u64)), 1),
            (None, None) => (steps.iter().map(usual).sum(), 0),
        };
        let disk = same.and_then(|cost| cost.disk).unwrap_or(usual_disk);
        Price { time, disk, boots, measured, arms: 1 }
    }
}

impl Price {
    /// The price of a whole plan.
    #[must_use]
    pub fn of(plan: &Plan, history: &[PastCell]) -> Self {
        let costs = Costs::of(history);
        let mut price = Self::default();
        plan.cells.iter().for_each(|cell| price.add(&costs.cell(cell)));
        price
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.time = [self.time, other.time].into_iter().sum();
        self.disk = self.disk.saturating_add(other.disk);
        self.boots += other.boots;
        self.measured += other.measured;
        self.arms += other.arms;
    }

    /// Whole minutes, rounded up.
    #[must_use]
    pub fn minutes(&self) -> u64 {
        self.time.as_millis().div_ceil(60_000)
    }

    /// What the numbers rest on.
    #[must_use]
    pub fn basis(&self) -> String {
        let assumed = format!(
            "{} s for each start, {} s for each installation, {} s for each exercise, {} GB of disk for each arm",
            assumed::BOOT,
            assumed::INSTALL,
            assumed::EXERCISE,
            assumed::DISK / 1_000_000_000
        );
        match self.measured {
            0 => format!("assumed: {assumed}"),
            all if all == self.arms => "from earlier runs".to_owned(),
            some => format!("{some} of {} arms from earlier runs, the others assumed: {assumed}", self.arms),
        }
    }
}

/// Starts of the machine of one arm.
pub(crate) fn boots(steps: &[Step]) -> usize {
    steps.iter().map(starts).sum()
}

/// Starts of the machine in one step.
pub(crate) fn starts(step: &Step) -> usize {
    usize::from(matches!(step.action, Action::Provision)) + usize::from(step.restarts())
}

/// How long a step is assumed to take.
fn usual(step: &Step) -> Seconds {
    let boots = starts(step) as u64 * assumed::BOOT;
    let (more, dwell) = match &step.action {
        Action::Install(_) => (assumed::INSTALL, None),
        Action::Exercise(_) => (assumed::EXERCISE, None),
        Action::Dwell { time } => (0, Some(*time)),
        Action::Reboot { settle, .. } => (0, Some(*settle)),
        Action::Configure { .. } | Action::Probe { .. } | Action::Collect => (assumed::LOOK, None),
        Action::Provision | Action::Hold => (0, None),
    };
    [Seconds::from_secs(boots + more)].into_iter().chain(dwell).sum()
}
