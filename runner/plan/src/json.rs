//! A plan for machines: the saved plan itself, and beside its own keys `about`, which docs/planning.md describes.

use serde_json::{Value, json};

use crate::choose::orders::Orders;
use crate::planning::Planned;
use crate::text::OnHost;

/// The plan with all that is known of it. Reads back as a plan.
///
/// # Errors
/// Something of the plan is no JSON, such as a path that is no text.
pub fn json(planned: &Planned, on_host: &OnHost) -> Result<Value, serde_json::Error> {
    let mut plan = serde_json::to_value(&planned.plan)?;
    let (price, shared) = (&planned.price, &planned.shared);
    let mut about = json!({
        "price": {
            "seconds": price.time.as_millis() as f64 / 1000.0,
            "disk_bytes": price.disk,
            "boots": price.boots,
            "arms": price.arms,
            "measured_arms": price.measured,
            "basis": price.basis(),
        },
        "shared": {
            "steps": shared.steps,
            "different_steps": shared.different_steps,
            "boots": shared.boots,
            "different_boots": shared.different_boots,
        },
        "on_host": {
            "images": {"here": on_host.images.0, "all": on_host.images.1},
            "packages": {"here": on_host.packages.0, "all": on_host.packages.1},
            "to_fetch": on_host.to_fetch,
        },
    });
    if let Some(covered) = &planned.covered {
        let groups = covered
            .impossible
            .iter()
            .map(|group| json!({"rules": group.rules, "combinations": group.combinations, "example": group.example}));
        about["impossible"] = groups.collect();
        about["uncovered"] = json!(covered.uncovered);
        if let Some(orders) = &covered.orders {
            about["orders"] = of_orders(orders);
        }
    }
    if let Some(replanned) = &planned.replanned {
        let dropped = replanned.dropped.iter();
        let dropped = dropped.map(|it| json!({"line": it.line, "cell": it.cell, "rules": it.rules}));
        about["rows"] = json!({
            "kept": replanned.kept,
            "changed": replanned.changed,
            "new": replanned.new,
            "dropped": dropped.collect::<Value>(),
        });
    }
    if let Value::Object(keys) = &mut plan {
        keys.insert("about".to_owned(), about);
    }
    Ok(plan)
}

fn of_orders(orders: &Orders) -> Value {
    let impossible = orders.impossible.iter();
    let impossible = impossible.map(|it| json!({"rules": it.rules, "orders": it.orders, "example": it.example}));
    let uncovered = orders.uncovered.iter().map(|it| json!({"order": it.order, "why": it.why.to_string()}));
    json!({
        "agents": orders.agents,
        "feasible": orders.feasible,
        "covered": orders.covered,
        "impossible": impossible.collect::<Value>(),
        "uncovered": uncovered.collect::<Value>(),
    })
}
