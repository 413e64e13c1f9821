//! The readable name of a cell.

use super::Row;
use crate::checked::{Member, Pinned};

/// A row's readable name: `standin-client.hvci-on.acme-endpoint+globex-sensor`. It is stable across runs, as a cell's
/// history hangs on it, and safe as the name of a folder: names hold lower-case letters, digits and hyphens only.
pub(crate) fn id(row: &Row<'_>) -> String {
    let settings = row.values.iter().map(|it| (it.setting.setting.as_str(), it.setting.value.as_str()));
    let agents: Vec<String> = row.set.members.iter().map(shown).collect();
    name(&row.image.image.id, settings, agents.iter().map(String::as_str))
}

/// An agent as matrices name it: with its version where the matrix says one.
pub(crate) fn shown(member: &Member) -> String {
    match member.pinned {
        Pinned::No => member.agent.clone(),
        Pinned::Yes => format!("{}@{}", member.agent, member.version),
    }
}

/// The name of what a row holds, by its words. Agents are in the order of installation, as [`shown`].
pub(crate) fn name<'a>(
    image: &str,
    settings: impl Iterator<Item = (&'a str, &'a str)>,
    agents: impl Iterator<Item = &'a str>,
) -> String {
    const LONGEST: usize = 200;
    let settings: Vec<String> = settings.map(|(setting, value)| format!("{setting}-{value}")).collect();
    let agents: Vec<String> = agents.map(|agent| agent.replace(['.', '+'], "_")).collect();
    let or = |text: String, empty: &str| if text.is_empty() { empty.to_owned() } else { text };
    let settings = or(settings.join("_"), "as-it-is");
    let agents = or(agents.join("+"), "no-agent");
    let id = format!("{image}.{settings}.{agents}");
    if id.len() <= LONGEST {
        return id;
    }
    // Only ASCII gets here, so that every byte is a character. The image and settings stay whole where they can.
    let digest = crate::artefacts::sha256(id.as_bytes());
    format!("{}-{}", id.get(..LONGEST - 13).unwrap_or(&id), digest.as_str().get(..12).unwrap_or(""))
}
