//! What a whole plan is worth and takes: coverage, price, what is shared, what is on this host.

use std::fmt::Write as _;

use crate::choose::covered::{Covered, ImpossibleGroup};
use crate::choose::orders::{ImpossibleOrders, Orders, UncoveredOrder};
use crate::planning::{Planned, Replanned};
use crate::price::Price;
use crate::words::count;

/// Groups of impossible combinations that are told.
const MOST_GROUPS: usize = 10;
/// Uncovered combinations and dropped rows that are told.
const MOST_TOLD: usize = 10;

/// What of a plan's files is on this host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OnHost {
    /// Images that are there, of all.
    pub images: (usize, usize),
    /// Packages that are there, of all.
    pub packages: (usize, usize),
    /// Addresses of packages that a run would fetch.
    pub to_fetch: Vec<String>,
}

pub(super) fn write(planned: &Planned, on_host: Option<&OnHost>, large: bool, text: &mut String) -> std::fmt::Result {
    if let Some(replanned) = &planned.replanned {
        rows(replanned, text)?;
    }
    if let Some(covered) = &planned.covered {
        coverage(covered, text)?;
    }
    if planned.covered.is_none() && !large {
        return Ok(());
    }
    let shared = &planned.shared;
    line(
        text,
        "shared",
        &format!(
            "{}, {} different; {}, {} different",
            count(shared.steps, "step"),
            shared.different_steps,
            count(shared.boots, "boot"),
            shared.different_boots
        ),
    )?;
    line(text, "price", &price_in_words(&planned.price))?;
    line(text, "", &planned.price.basis())?;
    if let Some(on_host) = on_host {
        let (images, packages) = (on_host.images, on_host.packages);
        let here = format!("{} of {} images, {} of {} packages", images.0, images.1, packages.0, packages.1);
        line(text, "on hand", &here)?;
        for address in on_host.to_fetch.iter().take(MOST_TOLD) {
            // What follows a question mark may be a secret.
            let address = address.split(['?', '#']).next().unwrap_or("");
            line(text, "", &format!("a run fetches {address}"))?;
        }
        more(text, on_host.to_fetch.len(), "package")?;
    }
    Ok(())
}

pub(super) fn line(text: &mut String, word: &str, what: &str) -> std::fmt::Result {
    writeln!(text, "{}", format!("{word:<10} {what}").trim_end())
}

fn more(text: &mut String, all: usize, what: &str) -> std::fmt::Result {
    match all.checked_sub(MOST_TOLD) {
        Some(more @ 1..) => line(text, "", &format!("and {}", count(more, &format!("more {what}")))),
        _ => Ok(()),
    }
}

/// `about 812 minutes of machines, 368.0 GB of disk`.
fn price_in_words(price: &Price) -> String {
    let tenths = price.disk / 100_000_000;
    format!("about {} of machines, {}.{} GB of disk", count_of(price.minutes(), "minute"), tenths / 10, tenths % 10)
}

fn count_of(number: u64, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// `41 rows kept, 1 changed, 3 new, 2 dropped`.
#[must_use]
pub fn replanned_in_words(replanned: &Replanned) -> String {
    let Replanned { kept, changed, new, dropped } = replanned;
    format!("{} kept, {changed} changed, {new} new, {} dropped", count(*kept, "row"), dropped.len())
}

fn rows(replanned: &Replanned, text: &mut String) -> std::fmt::Result {
    line(text, "rows", &replanned_in_words(replanned))?;
    for dropped in replanned.dropped.iter().take(MOST_TOLD) {
        let why = if dropped.rules.is_empty() { String::new() } else { format!(": {}", dropped.rules.join("; ")) };
        line(text, "", &format!("dropped line {}, {}{why}", dropped.line, dropped.cell))?;
    }
    more(text, replanned.dropped.len(), "dropped row")
}

fn coverage(covered: &Covered, text: &mut String) -> std::fmt::Result {
    line(text, "coverage", &covered.summary.to_string())?;
    for combination in covered.uncovered.iter().take(MOST_TOLD) {
        line(text, "", &format!("uncovered: {}", combination.join(", ")))?;
    }
    more(text, covered.uncovered.len(), "uncovered")?;
    impossible(covered, text)?;
    covered.orders.as_ref().map_or(Ok(()), |it| orders(it, text))
}

fn impossible(covered: &Covered, text: &mut String) -> std::fmt::Result {
    let Some(first) = covered.summary.strengths.first().filter(|first| first.impossible > 0) else { return Ok(()) };
    line(text, "impossible", &format!("{}, by the fewest rules that forbid each:", first.impossible))?;
    for ImpossibleGroup { rules, combinations, example } in covered.impossible.iter().take(MOST_GROUPS) {
        line(text, "", &format!("{combinations:>5}  {}", rules.join(" and ")))?;
        line(text, "", &format!("       such as {}", example.join(" with ")))?;
    }
    more(text, covered.impossible.len(), "rule set")
}

/// `all 12 ordered pairs of agents`, then what is not covered and what cannot be.
fn orders(orders: &Orders, text: &mut String) -> std::fmt::Result {
    let word = if orders.agents == 2 { "pair" } else { "triple" };
    let what = format!("ordered {word}s of agents");
    let told = match (orders.covered, orders.feasible) {
        (_, 0) => format!("no {what}: no cell has so many"),
        (covered, feasible) if covered == feasible => format!("all {feasible} {what}"),
        (covered, feasible) => format!("{covered} of {feasible} {what}"),
    };
    line(text, "orders", &told)?;
    for UncoveredOrder { order, why } in orders.uncovered.iter().take(MOST_TOLD) {
        line(text, "", &format!("uncovered: {}, {why}", order.join(" before ")))?;
    }
    more(text, orders.uncovered.len(), "uncovered")?;
    let all: u64 = orders.impossible.iter().map(|group| group.orders).sum();
    if all == 0 {
        return Ok(());
    }
    let counted = count_of(all, "order");
    line(text, "impossible", &format!("{counted}, by the fewest rules that forbid each:"))?;
    for ImpossibleOrders { rules, orders, example } in orders.impossible.iter().take(MOST_GROUPS) {
        line(text, "", &format!("{orders:>5}  {}", rules.join(" and ")))?;
        line(text, "", &format!("       such as {}", example.join(" before ")))?;
    }
    more(text, orders.impossible.len(), "rule set")
}

/// How a plan from nothing compares, in a line.
#[must_use]
pub fn compared(present: &Planned, compact: &Planned) -> String {
    let words = |planned: &Planned| {
        let cells = count(planned.plan.cells.len(), "cell");
        format!("{cells}, {}", price_in_words(&planned.price))
    };
    format!("present      {}\nfrom nothing {}", words(present), words(compact))
}
