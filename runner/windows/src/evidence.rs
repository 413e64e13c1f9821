//! The search for files that may be evidence.

use std::collections::BTreeSet;
use std::time::Duration;

use coexist_lab::{GuestError, RemoteFile};
use coexist_model::{EvidenceFolder, EvidenceKind, EvidencePlaces, Holds};
use russh_sftp::protocol::FileAttributes;
use tokio::time::Instant;

use crate::browse::{Browser, Entry};
use crate::files::FileError;
use crate::guest::WindowsGuest;
use crate::paths::{LOGS, safe_component, sftp};
use crate::places;
use crate::quote::{Place, argument};
use crate::session::{QUERY, disagrees};
use crate::text::{Keep, one_line};

/// Most files reported of one place, the newest of them.
const FILES_OF_A_PLACE: usize = 50;

/// Most files reported in all.
const FILES: usize = 300;

/// Most folders looked into below one place, the newest of them.
const FOLDERS_OF_A_PLACE: usize = 50;

/// Most accounts whose folders are looked into.
const ACCOUNTS: usize = 20;

/// Longest search, whatever the guest answers.
const SEARCH: Duration = Duration::from_secs(30);

/// Longest time for a question about where things lie; what is not answered is looked for where Windows has it by default.
const QUESTION: Duration = Duration::from_secs(10);

/// Both: slow answers to the three questions must not take the search's own time, which may end with nothing found.
const ALL: Duration = SEARCH.saturating_add(QUESTION.saturating_mul(3));

/// Files that the guest has, kernel dumps first; when the time is over, those and what was found of the others.
pub(crate) async fn files(guest: &WindowsGuest) -> Result<Vec<RemoteFile>, GuestError> {
    let browser = Browser::open(&guest.session, "looking for evidence", guest.session.paced(ALL)).await?;
    let places = guest.places.get_or_try_init(|| ask_for_places(guest)).await?;
    let mut search = Search { browser, found: Vec::new(), known: BTreeSet::new() };
    search.known.extend(places.reserved.iter().map(|path| sftp(path).to_lowercase()));
    search.all(places).await?;
    Ok(search.found)
}

/// Asked once in a session: changes count from the next boot on.
async fn ask_for_places(guest: &WindowsGuest) -> Result<EvidencePlaces, GuestError> {
    let environment = answer(guest, "set").await?;
    let crash_control = r"reg.exe query HKLM\SYSTEM\CurrentControlSet\Control\CrashControl /s";
    let crash_control = answer(guest, crash_control).await?;
    let local_dumps = r#"reg.exe query "HKLM\SOFTWARE\Microsoft\Windows\Windows Error Reporting\LocalDumps" /s"#;
    let local_dumps = answer(guest, local_dumps).await?;
    let places = places::from_answers(&environment, &crash_control, &local_dumps);
    for why in &places.unknown {
        tracing::warn!(why, "evidence may lie where nobody looks");
    }
    Ok(places)
}

/// What a command prints; nothing when it does not end well, for a key may be absent and a product may forbid the rest.
async fn answer(guest: &WindowsGuest, command: &str) -> Result<String, GuestError> {
    let during = "asking where the guest keeps evidence";
    match guest.session.run(during, command, Keep::TEXT, guest.session.paced(QUESTION)).await {
        Ok(output) if output.code == 0 => Ok(output.stdout.to_text()),
        Ok(output) => {
            tracing::debug!(%command, answer = %output.summary(), "no answer about where evidence lies");
            Ok(String::new())
        }
        Err(error @ GuestError::Lost { .. }) => Err(error),
        Err(error) => {
            tracing::warn!(%command, %error, "evidence is looked for where Windows has it by default");
            Ok(String::new())
        }
    }
}

struct Search<'a> {
    browser: Browser<'a>,
    found: Vec<RemoteFile>,
    /// Paths that are not reported (again), in lower case.
    known: BTreeSet<String>,
}

impl Search<'_> {
    async fn all(&mut self, places: &EvidencePlaces) -> Result<(), GuestError> {
        let readable = places.files.iter().filter(|(_, holds)| !holds.is_kept_open());
        let (dumps, others): (Vec<_>, Vec<_>) = readable.partition(|(_, holds)| holds.is_indispensable());
        for (path, holds) in dumps {
            self.file(path, *holds).await?;
        }
        for folder in &places.folders {
            self.folder(folder).await?;
        }
        for (path, holds) in others {
            self.file(path, *holds).await?;
        }
        let accounts = self.entries(&places.profiles, Holds::ProgramDumps).await?;
        for account in accounts.iter().filter(|entry| entry.metadata.is_dir()).take(ACCOUNTS) {
            for folder in places.of_account(&account.name) {
                self.folder(&folder).await?;
            }
        }
        Ok(())
    }

    async fn file(&mut self, path: &str, holds: Holds) -> Result<(), GuestError> {
        let seen = self.browser.stat(path).await;
        if let Some(Some(metadata)) = self.allowed(path, holds, seen)? {
            self.report(path, holds.kind(), &metadata, holds);
        }
        Ok(())
    }

    async fn folder(&mut self, root: &EvidenceFolder) -> Result<(), GuestError> {
        let mut folders = vec![(root.path.clone(), root.levels)];
        let (mut visited, mut files) = (0, Vec::new());
        while let Some((folder, depth)) = folders.pop() {
            let (mut below, here): (Vec<Entry>, Vec<Entry>) =
                self.entries(&folder, root.holds).await?.into_iter().partition(|entry| entry.metadata.is_dir());
            visited += 1;
            files.extend(here.into_iter().filter_map(|entry| {
                Some((format!(r"{folder}\{}", entry.name), root.holds.kind_of(&entry.name)?, entry.metadata))
            }));
            if depth > 1 {
                newest_first(&mut below, |entry| &entry.metadata);
                below.truncate(FOLDERS_OF_A_PLACE.saturating_sub(visited + folders.len()));
                // The last is taken first.
                folders.extend(below.into_iter().rev().map(|entry| (format!(r"{folder}\{}", entry.name), depth - 1)));
            }
        }
        newest_first(&mut files, |(_, _, metadata)| metadata);
        for (path, kind, metadata) in files.iter().take(FILES_OF_A_PLACE) {
            self.report(path, *kind, metadata, root.holds);
        }
        Ok(())
    }

    async fn entries(&self, folder: &str, holds: Holds) -> Result<Vec<Entry>, GuestError> {
        let listed = self.browser.list(folder).await;
        Ok(self.allowed(folder, holds, listed)?.unwrap_or_default())
    }

    fn allowed<T>(&self, path: &str, holds: Holds, seen: Result<T, FileError>) -> Result<Option<T>, GuestError> {
        match seen {
            Ok(seen) => Ok(Some(seen)),
            Err(error) => done_without(path, holds, error, Instant::now() >= self.browser.until()).map(|()| None),
        }
    }

    fn report(&mut self, path: &str, kind: EvidenceKind, metadata: &FileAttributes, holds: Holds) {
        let path = sftp(path);
        if !metadata.is_dir() && self.found.len() < FILES && self.known.insert(path.to_lowercase()) {
            self.found.push(remote_file(path, kind, metadata, holds.live()));
        }
    }
}

/// What no verdict rests on is done without, when it may not be looked at or the time is over. A list without the dumps of
/// the kernel would say that there is no crash, so their absence is an error.
fn done_without(path: &str, holds: Holds, error: FileError, is_late: bool) -> Result<(), GuestError> {
    match error {
        FileError::Guest(error @ GuestError::Lost { .. }) => Err(error),
        error if holds.is_indispensable() => Err(error.into()),
        _ if is_late => {
            tracing::warn!(path, "no time is left for the search for evidence");
            Ok(())
        }
        error => {
            tracing::warn!(path, error = %GuestError::from(error), "not looked at");
            Ok(())
        }
    }
}

fn newest_first<T>(all: &mut [T], metadata: impl Fn(&T) -> &FileAttributes) {
    all.sort_by_key(|it| std::cmp::Reverse(metadata(it).mtime));
}

fn remote_file(path: String, kind: EvidenceKind, metadata: &FileAttributes, live: bool) -> RemoteFile {
    let (size, modified) = (metadata.size.unwrap_or(0), metadata.mtime.unwrap_or(0).into());
    RemoteFile { path, kind, size, modified, live }
}

/// Has an event log written into a file of its own: those that are open cannot be read.
pub(crate) async fn export_log(guest: &WindowsGuest, channel: &str) -> Result<RemoteFile, GuestError> {
    let session = &guest.session;
    let during = &format!("exporting the {} event log", one_line(channel));
    let path = format!("{LOGS}\\{}.evtx", safe_component(channel));
    guest.files.make_folders_for(session, &path).await?;
    let quoted = match argument(channel, Place::Line) {
        // As Windows' own documentation writes it.
        Ok(_) if channel.chars().all(|c| c.is_ascii_alphanumeric()) => channel.to_owned(),
        Ok(quoted) => quoted,
        Err(error) => return Err(disagrees(during, "the name of an event log", &error.to_string())),
    };
    let command = format!("wevtutil.exe epl {quoted} {path} /ow:true");
    let output = session.run(during, &command, Keep::TEXT, session.paced(QUERY)).await?;
    if output.code != 0 {
        return Err(disagrees(during, "exit code 0 from wevtutil", &output.summary()));
    }
    match guest.files.stat(session, &path, session.paced(QUERY)).await? {
        Some(found) => Ok(remote_file(sftp(&path), EvidenceKind::EventLog, &found, true)),
        None => Err(disagrees(during, "the exported log", "no such file")),
    }
}

#[cfg(test)]
mod tests {
    use coexist_lab::Whose;

    use super::*;

    #[test]
    fn a_list_without_the_dumps_of_the_kernel_is_no_list() {
        let late = || {
            let during = "looking for evidence".to_owned();
            FileError::Guest(GuestError::TimedOut { during, after: SEARCH, of: Whose::Lab })
        };
        let denied = || FileError::Denied { during: "a".to_owned(), found: "b".to_owned() };
        let kernel = Holds::KernelDumps { live: false };
        for (holds, error, is_late, is_done_without) in [
            (kernel, late(), true, false),
            (kernel, denied(), false, false),
            (Holds::Logs, late(), true, true),
            (Holds::Reports, denied(), false, true),
        ] {
            assert_eq!(done_without("path", holds, error, is_late).is_ok(), is_done_without, "{holds:?} {is_late}");
        }
    }
}
