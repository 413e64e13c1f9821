//! `coexist check`.

use coexist_model::Exit;

use crate::args::CheckArgs;

/// Checks everything and prints every mistake.
pub(crate) fn check(args: &CheckArgs) -> Exit {
    let report = coexist_plan::check(&args.paths);
    eprint!("{report}");
    if report.errors() > 0 {
        return Exit::Usage;
    }
    println!("{}", report.summary());
    Exit::Clean
}
