//! Text that people write: a matrix, or a recipe that it names, among files that are well.

use std::path::{Path, PathBuf};

use coexist_plan::{Ask, Effort, check, load, plan};

/// The repository's folder of a matrix that is mended in steps, and its last step.
const GOOD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../mending");
const MATRIX: &str = "3/nightly.yaml";
const RECIPE: &str = "agents/globex-sensor.yaml";
/// Longer texts take longer, and say no more.
const MAX_LENGTH: usize = 0x4000;

thread_local! {
    /// A copy of that folder in which an input takes the place of a file; it goes away with its thread.
    static FOLDER: tempfile::TempDir = copied();
}

fn copied() -> tempfile::TempDir {
    let copied = tempfile::tempdir().and_then(|folder| copy(Path::new(GOOD), folder.path()).map(|()| folder));
    copied.unwrap_or_else(|error| panic!("{GOOD} cannot be copied: {error}"))
}

/// The first byte chooses the file; the rest is its text.
pub(crate) fn matrix(bytes: &[u8]) {
    let [choice, text @ ..] = bytes else { return };
    if text.len() > MAX_LENGTH {
        return;
    }
    let place = if choice % 2 == 0 { MATRIX } else { RECIPE };
    FOLDER.with(|folder| {
        let put = |text: &[u8]| std::fs::write(folder.path().join(place), text);
        let good = std::fs::read(Path::new(GOOD).join(place));
        let written = good.and_then(|good| put(text).map(|()| good));
        let good = written.unwrap_or_else(|error| panic!("{place}: {error}"));
        survives(&folder.path().join(MATRIX));
        put(&good).unwrap_or_else(|error| panic!("{place}: {error}"));
    });
}

fn survives(matrix: &Path) {
    let report = check(&[matrix]);
    for message in report.messages().iter().take(100) {
        let (_, line, column) = report.place(message);
        assert!(line >= 1 && column >= 1, "{report}");
    }
    if let Ok(resolved) = load(matrix) {
        let _ = plan(&resolved, &Ask { effort: Effort::Quick, ..Ask::default() });
    }
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target: PathBuf = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::write(target, std::fs::read(entry.path())?)?;
        }
    }
    Ok(())
}
