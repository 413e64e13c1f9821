//! Packages: fetched and verified before the first machine starts.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use coexist_model::{PackageSource, Plan, Sha256};
use sha2::Digest;

/// Longest silence of a server.
const STALL: std::time::Duration = std::time::Duration::from_secs(60);

/// Why a package cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PackageError {
    #[error("the package {0} cannot be read")]
    Unreadable(String, #[source] std::io::Error),
    #[error("the package {place} has the sha256 {found}, its recipe says {expected}; mend the recipe or the file")]
    Altered { place: String, expected: Sha256, found: Sha256 },
    #[error("the package {0} cannot be fetched")]
    Fetch(String, #[source] reqwest::Error),
    #[error("the package cache {} cannot be written", .0.display())]
    Cache(PathBuf, #[source] std::io::Error),
}

/// Finds every package of a plan on this host, by digest.
///
/// # Errors
/// All packages that cannot be used, not just the first.
pub(crate) async fn gather(plan: &Plan) -> Result<BTreeMap<Sha256, PathBuf>, Vec<PackageError>> {
    let mut found = BTreeMap::new();
    let mut errors = Vec::new();
    for (digest, source) in &plan.packages {
        let place = match source {
            PackageSource::File(path) => verified(path, digest),
            PackageSource::Url(url) => cached_in(&cache_folder(), url, digest).await,
        };
        match place {
            Ok(path) => drop(found.insert(digest.clone(), path)),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(found) } else { Err(errors) }
}

/// What of a plan's files is here, without fetching or reading any of them.
pub(crate) fn on_host(plan: &Plan) -> coexist_plan::OnHost {
    let folder = cache_folder();
    let mut to_fetch: Vec<String> = Vec::new();
    for (digest, source) in &plan.packages {
        match source {
            PackageSource::Url(url) if !folder.join(digest.as_str()).is_file() => to_fetch.push(url.clone()),
            // A plan is only made where its files are.
            PackageSource::Url(_) | PackageSource::File(_) => {}
        }
    }
    to_fetch.sort();
    let images = plan.images.values().filter(|image| image.disk.path.is_file()).count();
    let packages = plan.packages.len() - to_fetch.len();
    coexist_plan::OnHost { images: (images, plan.images.len()), packages: (packages, plan.packages.len()), to_fetch }
}

fn verified(path: &Path, expected: &Sha256) -> Result<PathBuf, PackageError> {
    let place = path.display().to_string();
    let found = digest_of(path).map_err(|error| PackageError::Unreadable(place.clone(), error))?;
    if found == *expected {
        return Ok(path.to_owned());
    }
    Err(PackageError::Altered { place, expected: expected.clone(), found })
}

/// A package behind an address, kept by its digest: what was verified once is never fetched again.
async fn cached_in(folder: &Path, url: &str, expected: &Sha256) -> Result<PathBuf, PackageError> {
    let path = folder.join(expected.as_str());
    if verified(&path, expected).is_ok() {
        return Ok(path);
    }
    let cache = |error| PackageError::Cache(folder.to_owned(), error);
    std::fs::create_dir_all(folder).map_err(cache)?;
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(cache)?;
    let mut hasher = sha2::Sha256::new();
    let fetch = |error| PackageError::Fetch(url.to_owned(), error);
    // An error only says that a provider was chosen before, by an earlier package.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().read_timeout(STALL).build().map_err(fetch)?;
    let mut response = client.get(url).send().await.and_then(reqwest::Response::error_for_status).map_err(fetch)?;
    while let Some(chunk) = response.chunk().await.map_err(fetch)? {
        hasher.update(&chunk);
        file.write_all(&chunk).map_err(cache)?;
    }
    let found = hex(hasher);
    if found != *expected {
        return Err(PackageError::Altered { place: url.to_owned(), expected: expected.clone(), found });
    }
    file.persist(&path).map_err(|error| cache(error.error))?;
    Ok(path)
}

fn cache_folder() -> PathBuf {
    let home = || std::env::var_os("HOME").map_or_else(std::env::temp_dir, PathBuf::from).join(".cache");
    std::env::var_os("XDG_CACHE_HOME").map_or_else(home, PathBuf::from).join("coexist/packages")
}

fn digest_of(path: &Path) -> std::io::Result<Sha256> {
    let mut hasher = sha2::Sha256::new();
    let mut file = std::fs::File::open(path)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(hasher)),
            count => hasher.update(&buffer[..count]),
        }
    }
}

fn hex(hasher: sha2::Sha256) -> Sha256 {
    Sha256::from(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn a_file_is_used_only_under_its_digest() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "abc").unwrap();
        assert!(verified(file.path(), &Sha256::from(ABC)).is_ok());
        std::fs::write(file.path(), "abd").unwrap();
        assert!(matches!(verified(file.path(), &Sha256::from(ABC)), Err(PackageError::Altered { .. })));
    }

    /// A server that answers each connection with `body`, and counts them.
    async fn serve(body: &'static str) -> (String, std::sync::Arc<std::sync::atomic::AtomicUsize>) {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/p.msi", listener.local_addr().unwrap());
        let count = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let served = count.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                served.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                let _ = stream.read(&mut [0; 4096]).await;
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
            }
        });
        (url, count)
    }

    #[tokio::test]
    async fn an_address_is_fetched_once_and_never_kept_altered() {
        let folder = tempfile::tempdir().unwrap();
        let (url, count) = serve("abc").await;
        let digest = Sha256::from(ABC);
        let path = cached_in(folder.path(), &url, &digest).await.unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"abc");
        cached_in(folder.path(), &url, &digest).await.unwrap();
        assert_eq!(count.load(std::sync::atomic::Ordering::SeqCst), 1);

        let wrong = Sha256::from("0".repeat(64));
        assert!(matches!(cached_in(folder.path(), &url, &wrong).await, Err(PackageError::Altered { .. })));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "only the good one is kept");
    }
}
