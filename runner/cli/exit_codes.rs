//! `coexist help exit-codes`.

use coexist_model::Exit;

use crate::say;

/// Prints the table of exit codes.
pub(crate) fn print() -> Exit {
    let mut table = "code  meaning\n".to_owned();
    for exit in Exit::ALL {
        table.push_str(&format!("{:>4}  {}\n", exit.code(), exit.meaning()));
    }
    say::say(&table, Exit::Clean)
}
