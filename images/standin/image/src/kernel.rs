//! Gets Debian's cloud kernel with the ordinary package client: downloaded and unpacked, never installed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use object::{Object as _, ObjectSection as _};

use crate::error::{BuildError, at};
use crate::run::{command, run};

/// Debian's name for "the newest cloud kernel".
const META: &str = "linux-image-cloud-amd64";
/// The file that says which kernel this work folder uses: one is chosen once, so that a rebuild needs no network.
const CHOSEN: &str = "chosen";

/// An unpacked kernel package.
#[derive(Debug, Clone)]
pub(crate) struct Kernel {
    /// Package and version.
    pub(crate) version: String,
    /// The compressed kernel.
    pub(crate) image: PathBuf,
    /// The folder of its modules: the one with `modules.builtin`.
    pub(crate) modules: PathBuf,
}

/// The kernel of this work folder; downloads it the first time.
pub(crate) fn fetch(folder: &Path, progress: &dyn Fn(&str)) -> Result<Kernel, BuildError> {
    let chosen = folder.join(CHOSEN);
    if let Ok(version) = fs::read_to_string(&chosen)
        && let Ok(kernel) = unpacked(folder, version.trim())
    {
        return Ok(kernel);
    }
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(at(folder))?;
    }
    fs::create_dir_all(folder).map_err(at(folder))?;
    let version = newest()?;
    progress(&format!("downloading the kernel {version}"));
    // root fetches into root's folder: without this, apt warns that its own user cannot
    run(command("apt-get").current_dir(folder).args(["-q", "-o", "APT::Sandbox::User=root", "download", &version]))?;
    let package = only(folder, |name| name.ends_with(".deb"))?;
    run(command("dpkg-deb").arg("-x").arg(&package).arg(folder.join("root")))?;
    fs::remove_file(&package).map_err(at(&package))?;
    let kernel = unpacked(folder, &version)?;
    fs::write(&chosen, &version).map_err(at(&chosen))?;
    Ok(kernel)
}

fn newest() -> Result<String, BuildError> {
    let shown = run(command("apt-cache").args(["show", "--no-all-versions", META]))?;
    dependency(&String::from_utf8_lossy(&shown)).ok_or_else(|| {
        BuildError::Kernel(format!("apt knows no package that {META} stands for; has `apt-get update` been run?"))
    })
}

/// `name=version` of the first dependency in a package's description.
fn dependency(description: &str) -> Option<String> {
    let depends = description.lines().find_map(|line| line.strip_prefix("Depends: "))?;
    let first = depends.split(',').next()?;
    let (name, rest) = first.trim().split_once(' ').unwrap_or((first.trim(), ""));
    let version = rest.trim_matches(['(', ')', '=', ' ']);
    Some(if version.is_empty() { name.to_owned() } else { format!("{name}={version}") })
}

fn unpacked(folder: &Path, version: &str) -> Result<Kernel, BuildError> {
    let root = folder.join("root");
    let image = only(&root.join("boot"), |name| name.starts_with("vmlinuz-"))?;
    // merged-usr packages have the modules under usr
    let modules = [root.join("usr/lib/modules"), root.join("lib/modules")]
        .iter()
        .find_map(|folder| only(folder, |_| true).ok())
        .ok_or_else(|| BuildError::Kernel(format!("{version} has no modules")))?;
    Ok(Kernel { version: version.to_owned(), image, modules })
}

fn only(folder: &Path, wanted: impl Fn(&str) -> bool) -> Result<PathBuf, BuildError> {
    let entries = fs::read_dir(folder).map_err(at(folder))?;
    let mut found = entries.filter_map(|entry| {
        let entry = entry.ok()?;
        wanted(&entry.file_name().to_string_lossy()).then(|| entry.path())
    });
    match (found.next(), found.next()) {
        (Some(path), None) => Ok(path),
        (None, _) => Err(BuildError::Kernel(format!("nothing to be found in {}", folder.display()))),
        (Some(_), Some(_)) => Err(BuildError::Kernel(format!("more than one candidate in {}", folder.display()))),
    }
}

/// A module's bytes, uncompressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Module {
    /// File name in the initramfs.
    pub(crate) file: String,
    /// The object file.
    pub(crate) bytes: Vec<u8>,
}

impl Kernel {
    /// The named modules and everything they depend on, each once, dependencies first. Modules that this kernel has
    /// built in are left out.
    pub(crate) fn modules_in_order(&self, names: &[&str]) -> Result<Vec<Module>, BuildError> {
        let built_in = self.built_in()?;
        let mut files = BTreeMap::new();
        collect(&self.modules.join("kernel"), &mut files)?;
        let mut loaded: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        let order = in_order(names, &mut |name| {
            if built_in.contains(name) {
                return Ok(None);
            }
            let file = files.get(name).ok_or_else(|| BuildError::Kernel(format!("no module {name}")))?;
            let bytes = read_module(file)?;
            let depends = depends(&bytes).map_err(|error| BuildError::Kernel(format!("{name}: {error}")))?;
            loaded.insert(name.to_owned(), bytes);
            Ok(Some(depends))
        })?;
        Ok(order
            .into_iter()
            .filter_map(|name| Some(Module { bytes: loaded.remove(&name)?, file: format!("{name}.ko") }))
            .collect())
    }

    fn built_in(&self) -> Result<BTreeSet<String>, BuildError> {
        let path = self.modules.join("modules.builtin");
        let text = fs::read_to_string(&path).map_err(at(&path))?;
        Ok(text.lines().filter_map(|line| module_name(line.rsplit('/').next()?)).collect())
    }
}

/// `virtio_blk` for `virtio-blk.ko.xz`: file names use both signs, `depends=` and the kernel only one.
fn module_name(file: &str) -> Option<String> {
    Some(file.split_once(".ko")?.0.replace('-', "_"))
}

fn collect(folder: &Path, into: &mut BTreeMap<String, PathBuf>) -> Result<(), BuildError> {
    for entry in fs::read_dir(folder).map_err(at(folder))? {
        let path = entry.map_err(at(folder))?.path();
        if path.is_dir() {
            collect(&path, into)?;
        } else if let Some(name) = path.file_name().and_then(|it| module_name(&it.to_string_lossy())) {
            into.insert(name, path);
        }
    }
    Ok(())
}

fn read_module(path: &Path) -> Result<Vec<u8>, BuildError> {
    if path.extension().is_some_and(|it| it == "xz") {
        return run(command("xz").args(["-d", "-c"]).arg(path));
    }
    fs::read(path).map_err(at(path))
}

/// What `depends=` in a module's `.modinfo` section says.
fn depends(module: &[u8]) -> Result<Vec<String>, object::Error> {
    let file = object::File::parse(module)?;
    let info = file.section_by_name(".modinfo").map(|section| section.data()).transpose()?.unwrap_or_default();
    let text = info.split(|&byte| byte == 0).find_map(|entry| entry.strip_prefix(b"depends="));
    let text = String::from_utf8_lossy(text.unwrap_or_default()).into_owned();
    Ok(text.split(',').filter(|it| !it.is_empty()).map(|it| it.replace('-', "_")).collect())
}

/// What a module needs, or nothing for one that need not be loaded.
type Needs = Result<Option<Vec<String>>, BuildError>;

/// Depth-first order of the modules and what they need.
fn in_order(names: &[&str], depends: &mut dyn FnMut(&str) -> Needs) -> Result<Vec<String>, BuildError> {
    fn visit(
        name: &str,
        depends: &mut dyn FnMut(&str) -> Needs,
        seen: &mut BTreeSet<String>,
        order: &mut Vec<String>,
    ) -> Result<(), BuildError> {
        if !seen.insert(name.to_owned()) {
            return Ok(());
        }
        if let Some(needs) = depends(name)? {
            for need in needs {
                visit(&need, depends, seen, order)?;
            }
            order.push(name.to_owned());
        }
        Ok(())
    }
    let (mut seen, mut order) = (BTreeSet::new(), Vec::new());
    for name in names {
        visit(name, depends, &mut seen, &mut order)?;
    }
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_come_first_and_once() {
        // as Debian's 6.1 cloud kernel has them
        let table = BTreeMap::from([
            ("virtio_blk", vec!["virtio", "virtio_ring"]),
            ("virtio", vec!["virtio_ring"]),
            ("virtio_ring", vec![]),
            ("virtio_pci", vec!["virtio_ring", "virtio_pci_modern_dev", "virtio"]),
            ("virtio_pci_modern_dev", vec![]),
        ]);
        let mut depends = |name: &str| {
            if name == "nvme" {
                return Ok(None);
            }
            let needs = table.get(name).ok_or_else(|| BuildError::Kernel(name.to_owned()))?;
            Ok(Some(needs.iter().map(|it| (*it).to_owned()).collect()))
        };
        let order = in_order(&["virtio_pci", "virtio_blk", "nvme"], &mut depends).unwrap();
        assert_eq!(order, ["virtio_ring", "virtio_pci_modern_dev", "virtio", "virtio_pci", "virtio_blk"]);
        assert!(in_order(&["missing"], &mut depends).is_err());
    }

    #[test]
    fn a_circle_ends() {
        let mut depends = |name: &str| Ok(Some(vec![if name == "a" { "b" } else { "a" }.to_owned()]));
        assert_eq!(in_order(&["a"], &mut depends).unwrap(), ["b", "a"]);
    }

    #[test]
    fn the_versioned_package_is_found() {
        let text = "Package: x\nDepends: linux-image-6.1.0-56-cloud-amd64 (= 6.1.192-2), other\nSize: 1\n";
        assert_eq!(dependency(text).as_deref(), Some("linux-image-6.1.0-56-cloud-amd64=6.1.192-2"));
        assert_eq!(dependency("Depends: plain\n").as_deref(), Some("plain"));
        assert_eq!(dependency("Package: x\n"), None);
    }

    #[test]
    fn names_of_files_and_modules() {
        assert_eq!(module_name("pvpanic-pci.ko.xz").as_deref(), Some("pvpanic_pci"));
        assert_eq!(module_name("virtio_blk.ko").as_deref(), Some("virtio_blk"));
        assert_eq!(module_name("modules.order"), None);
    }
}
