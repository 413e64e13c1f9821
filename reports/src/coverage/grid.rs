//! A table of combinations of two: what the plan has, beside what the ledger remembers of it.

use std::collections::{BTreeMap, BTreeSet};

use coexist_model::{Cell, Met, Part, PartKind, Plan, Sha256, Standing, Verdict};
use jiff::Timestamp;

/// When a combination last stood in a cell of one standing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// When the last of the runs ended.
    pub last: Timestamp,
    /// The verdict there; of several, the one that needs a reader most.
    pub verdict: Verdict,
    /// Digests of the row's and the column's part there, where they are known.
    pub digests: [Option<Sha256>; 2],
    /// How many runs, on whatever digests.
    pub runs: u64,
}

/// What is known of a combination, from worst to best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standpoint {
    /// No cell of the plan has it.
    Impossible,
    /// It stood in no cell that is remembered.
    Never,
    /// It stood only in broken or inconclusive cells.
    Masked,
    /// It was tested.
    Tested,
}

impl Standpoint {
    /// Its name in every format.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Impossible => "impossible",
            Self::Never => "never",
            Self::Masked => "masked",
            Self::Tested => "tested",
        }
    }
}

/// One combination at the versions of the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfVersions {
    /// The row's and the column's part, without digests.
    pub parts: [Part; 2],
    /// When it was tested.
    pub tested: Option<Look>,
    /// When it stood in a broken or inconclusive cell.
    pub masked: Option<Look>,
}

impl OfVersions {
    /// What is known of it.
    #[must_use]
    pub fn standpoint(&self) -> Standpoint {
        match (&self.tested, &self.masked) {
            (Some(_), _) => Standpoint::Tested,
            (None, Some(_)) => Standpoint::Masked,
            (None, None) => Standpoint::Never,
        }
    }

    /// The look that decides: the test, or else what masks.
    #[must_use]
    pub fn look(&self) -> Option<&Look> {
        self.tested.as_ref().or(self.masked.as_ref())
    }

    /// What broke or hid it in the run that last tested it, or after that.
    #[must_use]
    pub fn broken_since(&self) -> Option<&Look> {
        let tested = self.tested.as_ref()?;
        self.masked.as_ref().filter(|masked| masked.last >= tested.last)
    }
}

/// One place of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its row.
    pub row: usize,
    /// Its column.
    pub column: usize,
    /// Every choice of versions that the plan has; none where it cannot stand in a cell.
    pub of_versions: Vec<OfVersions>,
}

impl Entry {
    /// Whether a cell of the plan has it.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        !self.of_versions.is_empty()
    }

    /// The versions of which least is known speak for all: those never met, then masked, then tested longest ago.
    #[must_use]
    pub fn speaking(&self) -> Option<&OfVersions> {
        self.of_versions.iter().min_by_key(|it| (it.standpoint(), it.look().map(|look| look.last)))
    }

    /// What is known of it.
    #[must_use]
    pub fn standpoint(&self) -> Standpoint {
        self.speaking().map_or(Standpoint::Impossible, OfVersions::standpoint)
    }
}

/// How many combinations stand where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Tested.
    pub tested: usize,
    /// Masked.
    pub masked: usize,
    /// Never met.
    pub never: usize,
    /// In no cell of the plan.
    pub impossible: usize,
}

impl Tally {
    /// Those that a cell can have.
    #[must_use]
    pub fn possible(self) -> usize {
        self.tested + self.masked + self.never
    }
}

/// A table: rows and columns by name, and what is known where they meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grid {
    /// What the rows stand for: an agent by its id, an image or a value of a setting with its name.
    pub rows: Vec<(PartKind, String, String)>,
    /// Ids of agents.
    pub columns: Vec<String>,
    /// Row by row; an agent does not meet itself.
    places: Vec<Vec<Option<Entry>>>,
    /// Whether a place and its mirror are one and the same.
    mirrored: bool,
}

type Pair = [Part; 2];

impl Grid {
    /// The table of these kinds by agent.
    pub(super) fn new<'a>(
        plan: &Plan,
        kinds: &[PartKind],
        in_sequence: bool,
        met: impl IntoIterator<Item = &'a Met>,
    ) -> Self {
        let parts: Vec<Vec<Part>> = plan.cells.iter().map(parts).collect();
        let of = |kinds: &[PartKind]| {
            let parts = parts.iter().flatten().filter(|part| kinds.contains(&part.kind));
            parts.map(heading).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>()
        };
        let columns: Vec<String> = of(&[PartKind::Agent]).into_iter().map(|(_, name, _)| name).collect();
        let rows = of(kinds);
        let mirrored = kinds == [PartKind::Agent] && !in_sequence;
        let mut wanted: BTreeSet<Pair> = BTreeSet::new();
        for parts in &parts {
            for (place, first) in parts.iter().enumerate().filter(|(_, part)| kinds.contains(&part.kind)) {
                // Agents stand last and in the order of installation.
                for second in parts.iter().skip(place + 1).filter(|part| part.kind == PartKind::Agent) {
                    wanted.insert([first.clone(), second.clone()]);
                    if mirrored {
                        wanted.insert([second.clone(), first.clone()]);
                    }
                }
            }
        }
        let known = known(met, mirrored);
        let mut of_places: BTreeMap<(usize, usize), Vec<OfVersions>> = BTreeMap::new();
        for pair in wanted {
            let row = rows.iter().position(|row| *row == heading(&pair[0]));
            let column = columns.iter().position(|column| *column == pair[1].name);
            let Some(place) = row.zip(column) else { continue };
            let look = |standing| known.get(&(pair.clone(), standing)).cloned();
            let (tested, masked) = (look(Standing::Tested), look(Standing::Masked));
            of_places.entry(place).or_default().push(OfVersions { parts: pair, tested, masked });
        }
        let itself = |row: usize, column: usize| matches!((rows.get(row), columns.get(column)), (Some((PartKind::Agent, name, _)), Some(other)) if name == other);
        let place = |row, column| {
            let of_versions = of_places.get(&(row, column)).cloned().unwrap_or_default();
            (!itself(row, column)).then_some(Entry { row, column, of_versions })
        };
        let places = (0..rows.len()).map(|row| (0..columns.len()).map(|column| place(row, column)).collect()).collect();
        Self { rows, columns, places, mirrored }
    }

    /// What is known where a row and a column meet; nothing where an agent would meet itself.
    #[must_use]
    pub fn entry(&self, row: usize, column: usize) -> Option<&Entry> {
        self.places.get(row)?.get(column)?.as_ref()
    }

    /// Every combination once.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.places.iter().flatten().flatten().filter(|entry| !self.mirrored || entry.row < entry.column)
    }

    /// How many stand where.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for entry in self.entries() {
            match entry.standpoint() {
                Standpoint::Tested => tally.tested += 1,
                Standpoint::Masked => tally.masked += 1,
                Standpoint::Never => tally.never += 1,
                Standpoint::Impossible => tally.impossible += 1,
            }
        }
        tally
    }

    /// What a row stands for, in words.
    #[must_use]
    pub fn row_words(&self, row: usize) -> String {
        match self.rows.get(row) {
            Some((PartKind::Image, _, image)) => format!("image {image}"),
            Some((PartKind::Setting, setting, value)) => format!("{setting} = {value}"),
            Some((PartKind::Agent, agent, _)) => agent.clone(),
            None => String::new(),
        }
    }
}

/// What a part of a cell is a row for: agents of all versions share one.
fn heading(part: &Part) -> (PartKind, String, String) {
    let value = if part.kind == PartKind::Agent { String::new() } else { part.value.clone() };
    (part.kind, part.name.clone(), value)
}

/// What stands in a cell: its image, its settings, its agents in the order of installation.
pub(super) fn parts(cell: &Cell) -> Vec<Part> {
    let image = part(PartKind::Image, "", cell.image.as_str());
    let settings = cell.settings.iter().map(|(setting, value)| part(PartKind::Setting, setting, value));
    let agents = cell.agents.iter().map(|agent| part(PartKind::Agent, agent.id.as_str(), &agent.version));
    std::iter::once(image).chain(settings).chain(agents).collect()
}

pub(super) fn part(kind: PartKind, name: &str, value: &str) -> Part {
    Part { kind, name: name.to_owned(), value: value.to_owned(), digest: None }
}

/// Looks by pair, whatever digests they were on: a run has one for each version, so that runs add up.
fn known<'a>(met: impl IntoIterator<Item = &'a Met>, mirrored: bool) -> BTreeMap<(Pair, Standing), Look> {
    let mut known: BTreeMap<(Pair, Standing), Look> = BTreeMap::new();
    for met in met {
        let [first, second] = met.parts.as_slice() else { continue };
        let mirror = mirrored.then_some([second, first]);
        for pair in [Some([first, second]), mirror].into_iter().flatten() {
            let digests = pair.map(|it| it.digest.clone());
            let look = Look { last: met.last, verdict: met.verdict, digests, runs: met.runs };
            let plain = pair.map(|it| part(it.kind, &it.name, &it.value));
            known.entry((plain, met.standing)).and_modify(|other| other.add(&look)).or_insert(look);
        }
    }
    known
}

impl Look {
    /// Counts the runs of both and keeps the later one, of two at once the one whose verdict needs a reader most.
    fn add(&mut self, other: &Self) {
        let rank = |it: &Self| std::cmp::Reverse(Verdict::ALL.iter().position(|known| *known == it.verdict));
        let runs = self.runs.saturating_add(other.runs);
        let later = if (self.last, rank(self)) >= (other.last, rank(other)) { self.clone() } else { other.clone() };
        *self = Self { runs, ..later };
    }
}
