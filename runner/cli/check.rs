//! `coexist check`.

use coexist_model::Exit;

use crate::args::CheckArgs;
use crate::say;

/// Checks everything and prints every mistake; one line when there is none.
pub(crate) fn check(args: &CheckArgs) -> Exit {
    let report = coexist_plan::check(&args.paths);
    if report.messages().is_empty() {
        return say::say(&format!("{}\n", report.summary()), Exit::Clean);
    }
    say::aside(&report.render(args.color.enabled()));
    if report.errors() > 0 { Exit::Usage } else { Exit::Clean }
}
