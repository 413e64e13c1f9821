//! The models that are planned: those of the folders that were named, or else those that are made here.

use std::path::Path;

use coexist_plan_checker::models::{Lab, lab, uniform};

use crate::Failure;

/// What models have in common, and are held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// No rules: pairwise.org's and the like.
    Classic,
    /// Rules and many parameters: Garvin, Cohen, Dwyer and Shi.
    Constrained,
    /// Segall and others.
    Ibm,
    /// What this project is for.
    Lab,
    /// Anything else.
    Other,
}

pub(crate) struct Family {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) models: Vec<Listed>,
}

pub(crate) struct Listed {
    pub(crate) name: String,
    /// In PICT's language.
    pub(crate) text: String,
}

/// The PICT models of a folder. A folder that is named as the families are held to their limits.
pub(crate) fn of_folder(folder: &Path) -> Result<Family, Failure> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let kind = match &*name {
        "classic" => Kind::Classic,
        "garvin" => Kind::Constrained,
        "segall" => Kind::Ibm,
        "niche" | "labs" => Kind::Lab,
        _ => Kind::Other,
    };
    let at = |error: std::io::Error, path: &Path| format!("{}: {error}", path.display());
    let entries = std::fs::read_dir(folder).map_err(|error| at(error, folder))?;
    let mut paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "pict"));
    paths.sort();
    let read = |path: &std::path::PathBuf| -> Result<Listed, Failure> {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Listed { name, text: std::fs::read_to_string(path).map_err(|error| at(error, path))? })
    };
    let models = paths.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    if models.is_empty() {
        return Err(format!("{}: there is no PICT model (*.pict) in it", folder.display()).into());
    }
    Ok(Family { name, kind, models })
}

/// What can be written down here: models that are numbers, and labs.
pub(crate) fn made_here() -> Vec<Family> {
    let number = |&name: &&str| {
        let numbers = if name == "TCAS_12" { "2^7_3^2_4^1_10^2" } else { name };
        uniform(numbers).map(|text| Listed { name: name.to_string(), text })
    };
    let a_lab = |&(agents, versions, seed): &(usize, usize, u64)| {
        let name = format!("lab{agents}x{versions}{}", if seed == 0 { String::new() } else { format!("_seed{seed}") });
        Listed { name, text: lab(&Lab { agents, versions, at_least_one: true, seed }) }
    };
    let classic = NUMBERS.iter().filter_map(number).collect();
    vec![
        Family { name: "classic".to_string(), kind: Kind::Classic, models: classic },
        Family { name: "labs".to_string(), kind: Kind::Lab, models: LABS.iter().map(a_lab).collect() },
        Family { name: "other labs".to_string(), kind: Kind::Other, models: OTHER_LABS.iter().map(a_lab).collect() },
    ]
}

/// A lab without the clause that PICT cannot take: that any agent is there at all.
pub(crate) fn without_at_least_one(text: &str) -> String {
    let is_clause = |line: &&str| line.starts_with("([agent1] <> \"none\" OR [agent2] <> \"none\" OR");
    text.lines().filter(|line| !is_clause(line)).map(|line| format!("{line}\n")).collect()
}

const NUMBERS: [&str; 24] = [
    "10^10",
    "10^1_9^1_8^1_7^1_6^1_5^1_4^1_3^1_2^1",
    "10^20",
    "2^10",
    "2^100",
    "2^20",
    "3^13",
    "3^4",
    "3^50",
    "4^10",
    "4^15_3^17_2^29",
    "4^1_3^39_2^35",
    "4^5_3^4",
    "5^10",
    "5^1_3^8_2^2",
    "5^1_4^4_3^11_2^5",
    "5^20",
    "6^10",
    "6^1_5^1_4^6_3^8_2^3",
    "6^6_5^5_3^4",
    "7^1_6^1_5^1_4^5_3^8_2^3",
    "7^8",
    "8^2_7^2_6^2_5^2",
    "TCAS_12",
];

/// Agents, versions, seed. Those of seed 0 are the labs that sizes were recorded on.
const LABS: [(usize, usize, u64); 5] = [(4, 3, 0), (8, 3, 0), (12, 4, 0), (20, 4, 0), (30, 5, 0)];
const OTHER_LABS: [(usize, usize, u64); 4] = [(4, 3, 1), (8, 3, 2), (12, 4, 3), (16, 5, 4)];
