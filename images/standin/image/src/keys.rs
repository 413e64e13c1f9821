//! The guest's host key and the one client key it lets in. They are made once per work folder and outlive rebuilds, so
//! that a pinned host key stays good.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{BuildError, at};
use crate::run::{command, run};

/// Files of both key pairs, in OpenSSH's forms.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    pub(crate) host_private: PathBuf,
    pub(crate) host_public: PathBuf,
    pub(crate) client_private: PathBuf,
    pub(crate) client_public: PathBuf,
}

/// Makes what is not there yet.
pub(crate) fn generate_once(folder: &Path) -> Result<Keys, BuildError> {
    fs::create_dir_all(folder).map_err(at(folder))?;
    let keys = Keys {
        host_private: folder.join("host_key"),
        host_public: folder.join("host_key.pub"),
        client_private: folder.join("id_ed25519"),
        client_public: folder.join("id_ed25519.pub"),
    };
    for (private, public, comment) in [
        (&keys.host_private, &keys.host_public, "standin"),
        (&keys.client_private, &keys.client_public, "standin-client"),
    ] {
        if private.is_file() && public.is_file() {
            continue;
        }
        // ssh-keygen asks before it overwrites
        fs::remove_file(private).or_else(crate::absent_is_fine).map_err(at(private))?;
        run(command("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f"]).arg(private))?;
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn keys_are_made_once_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let first = generate_once(folder.path()).unwrap();
        let host = fs::read(&first.host_public).unwrap();
        assert!(host.starts_with(b"ssh-ed25519 "));
        assert_eq!(fs::metadata(&first.client_private).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read(generate_once(folder.path()).unwrap().host_public).unwrap(), host);
        // half a pair is no pair
        fs::remove_file(&first.host_public).unwrap();
        assert_ne!(fs::read(generate_once(folder.path()).unwrap().host_public).unwrap(), host);
    }
}
