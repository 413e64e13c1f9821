//! In which order the agents of a chosen set are installed.

use coexist_model::CandidateKind;

use crate::checked::{Checked, Member, Order};

/// Puts members into the one order that the matrix fixes: those that `order` names first, the others as they are listed;
/// what a product requires comes before it, and a product that the candidate installs for the first time comes last.
pub(crate) fn fixed(checked: &Checked, members: &mut Vec<Member>) {
    let named: &[String] = match &checked.order {
        Order::Fixed(named) => named,
        Order::Every { .. } => &[],
    };
    let fresh = fresh(checked);
    members.sort_by_key(|member| {
        let place = named.iter().position(|it| *it == member.agent).unwrap_or(named.len());
        (fresh == Some(member.agent.as_str()), place)
    });
    let mut waiting = std::mem::take(members);
    while !waiting.is_empty() {
        let ready = waiting.iter().position(|member| {
            !requires(checked, &member.agent).any(|other| waiting.iter().any(|it| it.agent == other))
        });
        // A circle of requirements is a mistake that was told; it must not hang what comes after.
        members.push(waiting.remove(ready.unwrap_or(0)));
    }
}

/// The product that the candidate installs for the first time, after every other agent.
pub(crate) fn fresh(checked: &Checked) -> Option<&str> {
    let candidate = &checked.candidate;
    (candidate.kind == CandidateKind::Fresh).then(|| candidate.install.agent.as_str())
}

/// What a product requires to be there before it.
pub(crate) fn requires<'a>(checked: &'a Checked, agent: &str) -> impl Iterator<Item = &'a str> {
    let product = checked.products.get(agent);
    product.into_iter().flat_map(|product| &product.requires).map(|other| other.agent.as_str())
}
