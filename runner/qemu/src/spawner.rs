//! The thread that starts every process of this crate.
//!
//! Linux sends a parent-death signal when the *thread* that forked ends, not when the process does (prctl(2),
//! `PR_SET_PDEATHSIG`). Threads of an async runtime come and go, so machines are started by one that lives as long as
//! the process.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{OnceLock, mpsc};

use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

struct Order {
    command: Command,
    runtime: Handle,
    reply: oneshot::Sender<io::Result<Child>>,
}

static SPAWNER: OnceLock<Option<mpsc::Sender<Order>>> = OnceLock::new();

fn spawner() -> Option<&'static mpsc::Sender<Order>> {
    let begin = || {
        let (orders, inbox) = mpsc::channel::<Order>();
        let serve = move || {
            while let Ok(Order { mut command, runtime, reply }) = inbox.recv() {
                let _inside = runtime.enter();
                // Tokio panics when a runtime that is shutting down is asked; the other machines must outlive that.
                let started = catch_unwind(AssertUnwindSafe(|| command.spawn()))
                    .unwrap_or_else(|_| Err(io::Error::other("the async runtime is shutting down")));
                // Nobody waits any more: the child is dropped, which kills it.
                drop(reply.send(started));
            }
        };
        std::thread::Builder::new().name("qemu-spawner".to_owned()).spawn(serve).ok().map(|_| orders)
    };
    SPAWNER.get_or_init(begin).as_ref()
}

/// Starts a process that is killed when its handle is dropped.
pub(crate) async fn spawn(mut command: Command) -> io::Result<Child> {
    command.kill_on_drop(true);
    let gone = || io::Error::other("the thread that starts processes is gone");
    let (reply, answer) = oneshot::channel();
    let order = Order { command, runtime: Handle::current(), reply };
    spawner().ok_or_else(gone)?.send(order).map_err(|_| gone())?;
    answer.await.map_err(|_| gone())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_process_is_started_and_waited_for() {
        let mut command = Command::new("sh");
        command.args(["-c", "exit 7"]);
        let status = spawn(command).await.unwrap().wait().await.unwrap();
        assert_eq!(status.code(), Some(7));
    }

    #[tokio::test]
    async fn a_missing_program_is_an_error_and_the_thread_lives_on() {
        assert!(spawn(Command::new("/nonexistent/program")).await.is_err());
        assert!(spawn(Command::new("true")).await.unwrap().wait().await.unwrap().success());
    }
}
