//! `coexist help exit-codes`.

use coexist_model::Exit;

/// Prints the table of exit codes.
pub(crate) fn print() -> Exit {
    println!("code  meaning");
    for exit in Exit::ALL {
        println!("{:>4}  {}", exit.code(), exit.meaning());
    }
    Exit::Clean
}
