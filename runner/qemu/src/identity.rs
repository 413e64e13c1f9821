//! As whom QEMU runs, and that it never outlives us.
//!
//! A coordinator that is root gives QEMU to `nobody` when the files allow it. `setpriv` (util-linux, essential on Debian)
//! does what would need `unsafe` code between fork and exec: it changes the user, forbids new privileges, and asks for a
//! SIGKILL when the coordinator dies, which even its own SIGKILL cannot prevent. It asks after it changed the user, as it
//! must: a change of user clears the request (prctl(2)).

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::spawner;

/// User and group `nobody` and `nogroup`, by number the same on every distribution.
pub(crate) const NOBODY: u32 = 65534;

/// A user that QEMU may run as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum User {
    /// Whoever runs us.
    Own,
    /// `nobody`, with these extra groups.
    Nobody { groups: Vec<u32> },
}

/// How processes are started.
#[derive(Debug, Clone)]
pub(crate) struct Starter {
    /// `setpriv`, where it works.
    pub(crate) setpriv: Option<PathBuf>,
    /// The user.
    pub(crate) user: User,
}

impl Starter {
    /// The same for another user.
    pub(crate) fn as_user(&self, user: User) -> Self {
        Self { setpriv: self.setpriv.clone(), user }
    }

    /// Program and first arguments that lead to `program`.
    fn prefix(&self, program: &Path) -> Vec<OsString> {
        let mut words = Vec::new();
        let mut say = |list: &[&str]| words.extend(list.iter().map(OsString::from));
        if let Some(setpriv) = &self.setpriv {
            say(&[&setpriv.to_string_lossy(), "--pdeathsig", "KILL", "--no-new-privs"]);
            if let User::Nobody { groups } = &self.user {
                let number = NOBODY.to_string();
                say(&["--reuid", &number, "--regid", &number]);
                let list = groups.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
                if list.is_empty() { say(&["--clear-groups"]) } else { say(&["--groups", &list]) }
            }
            say(&["--"]);
        }
        words.push(program.as_os_str().to_owned());
        words
    }

    /// A command for `program` with an environment of its own: texts in English, the host's time zone (for the guest's
    /// clock), nothing else. In a process group of its own, so that Ctrl-C on a terminal reaches us alone.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut words = self.prefix(program).into_iter();
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words).env_clear().env("LC_ALL", "C");
        for kept in ["PATH", "TZ"] {
            if let Some(value) = std::env::var_os(kept) {
                command.env(kept, value);
            }
        }
        command.current_dir("/").process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Whether this user may do with a file what `test` calls `-r`, `-w` or `-x`; no, when it is not said in time.
    pub(crate) async fn may(&self, access: &str, path: &Path, patience: Duration) -> bool {
        let mut command = self.command(Path::new("test"));
        command.arg(access).arg(path);
        let Ok(mut child) = spawner::spawn(command).await else { return false };
        let done = tokio::time::timeout(patience, child.wait()).await;
        matches!(done, Ok(Ok(status)) if status.success())
    }
}

/// Extra groups with which `nobody` may use a device file with this mode and group; `None` when nobody may.
pub(crate) fn groups_for_device(mode: u32, group: u32) -> Option<Vec<u32>> {
    if mode & 0o006 == 0o006 {
        Some(Vec::new())
    } else if mode & 0o060 == 0o060 && group != 0 {
        Some(vec![group])
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(setpriv: bool, user: User) -> String {
        let starter = Starter { setpriv: setpriv.then(|| PathBuf::from("/usr/bin/setpriv")), user };
        let words = starter.prefix(Path::new("/usr/bin/qemu"));
        words.iter().map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn how_qemu_is_reached() {
        let nobody = |groups: &[u32]| User::Nobody { groups: groups.to_vec() };
        assert_eq!(prefix(false, User::Own), "/usr/bin/qemu");
        assert_eq!(prefix(true, User::Own), "/usr/bin/setpriv --pdeathsig KILL --no-new-privs -- /usr/bin/qemu");
        let common = "/usr/bin/setpriv --pdeathsig KILL --no-new-privs --reuid 65534 --regid 65534";
        assert_eq!(prefix(true, nobody(&[])), format!("{common} --clear-groups -- /usr/bin/qemu"));
        assert_eq!(prefix(true, nobody(&[106])), format!("{common} --groups 106 -- /usr/bin/qemu"));
    }

    #[test]
    fn who_may_use_a_device() {
        assert_eq!(groups_for_device(0o20666, 106), Some(vec![]));
        assert_eq!(groups_for_device(0o20660, 106), Some(vec![106]));
        assert_eq!(groups_for_device(0o20660, 0), None, "the group of root is no group for nobody");
        assert_eq!(groups_for_device(0o20600, 106), None);
    }

    #[tokio::test]
    async fn access_is_asked_of_the_system() {
        let own = Starter { setpriv: None, user: User::Own };
        let folder = tempfile::tempdir().unwrap();
        let patience = Duration::from_secs(60);
        assert!(own.may("-r", folder.path(), patience).await);
        assert!(!own.may("-r", &folder.path().join("missing"), patience).await);
    }
}
