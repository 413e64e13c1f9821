//! The picture of the README is what the program says now.

use std::path::Path;

#[path = "../xtask/src/mending.rs"]
mod picture;

#[test]
fn the_picture_is_what_is_said_now() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let drawn = picture::picture(Path::new(env!("CARGO_BIN_EXE_coexist")), root).unwrap();
    let there = std::fs::read_to_string(root.join(picture::PLACE)).unwrap_or_default();
    assert!(drawn == there, "{} is not what `coexist check` says now; renew it: {}", picture::PLACE, picture::RENEW);
}
