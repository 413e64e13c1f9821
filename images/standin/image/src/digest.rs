//! Digests of what the image is made of.

use std::fs::File;
use std::io;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::error::{BuildError, at};
use crate::kernel::Kernel;
use crate::tools;

/// One digest over everything that makes the image: the recipe, the init's bytes, the kernel package, and the host's
/// files that go into it.
pub(crate) fn of_inputs(recipe: &str, init: &Path, kernel: &Kernel) -> Result<String, BuildError> {
    let mut hash = Sha256::new();
    let mut add = |name: &str, value: &str| hash.update(format!("{name}={value}\n"));
    add("recipe", recipe);
    add("init", &of_file(init)?);
    add("kernel", &kernel.version);
    add("mbr", &of_file(Path::new(tools::MBR))?);
    add("stub", &of_file(Path::new(tools::STUB))?);
    if let Some(ntfs) = tools::find("ntfs-3g") {
        add("ntfs-3g", &of_file(&ntfs)?);
    }
    Ok(hex(&hash.finalize()))
}

/// SHA-256 of a file, lower-case hex.
pub(crate) fn of_file(path: &Path) -> Result<String, BuildError> {
    let mut file = File::open(path).map_err(at(path))?;
    let mut hash = Hasher(Sha256::new());
    io::copy(&mut io::BufReader::with_capacity(1 << 20, &mut file), &mut hash).map_err(at(path))?;
    Ok(hex(&hash.0.finalize()))
}

/// `sha2` as a sink.
struct Hasher(Sha256);

impl io::Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_digest_of_a_file_is_the_known_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        fs::write(&path, "abc").unwrap();
        // FIPS 180-2, example B.1
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(of_file(&path).unwrap(), expected);
    }
}
