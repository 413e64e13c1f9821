//! `docs/mending.svg`: a bad matrix mended in three steps, as a terminal shows it. The matrices are `tests/mending`; what
//! is said of them is what the program says. `tests/cli` shares this file to see whether the picture is still true.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

/// The picture, below the repository.
pub(crate) const PLACE: &str = "docs/mending.svg";
/// Renews it.
#[allow(dead_code, reason = "said by the test that shares this file")]
pub(crate) const RENEW: &str = "cargo xtask pictures";

const MATRIX: &str = "nightly.yaml";
/// Folder under `tests/mending`, title, and the exit code that `coexist check` must end with.
const PANELS: [(&str, &str, i32); 3] =
    [("1", "1. as it was written", 2), ("2", "2. mended", 2), ("3", "3. mended again", 0)];

/// Draws the picture from what `coexist` says now.
///
/// # Errors
/// A matrix cannot be read, or the program cannot be run or does not end as it must.
pub(crate) fn picture(coexist: &Path, root: &Path) -> Result<String, String> {
    let mut panels: Vec<Panel> = Vec::new();
    let mut before: Option<String> = None;
    for (folder, title, code) in PANELS {
        let folder = root.join("tests/mending").join(folder);
        let place = folder.join(MATRIX);
        let text = std::fs::read_to_string(&place).map_err(|error| format!("{}: {error}", place.display()))?;
        let mut lines = Vec::new();
        if let Some(before) = &before {
            lines.extend(changes(before, &text));
            lines.push(Line::default());
        }
        lines.push(vec![styled("$ ", DIM), styled(&format!("coexist check {MATRIX}"), BOLD)]);
        lines.extend(terminal(&said(coexist, &folder, code)?)?);
        panels.push(Panel { title, lines });
        before = Some(text);
    }
    Ok(draw(&panels))
}

/// What the program says of a matrix, in colour.
fn said(coexist: &Path, folder: &Path, code: i32) -> Result<String, String> {
    let mut check = Command::new(coexist);
    check.args(["check", "--color", "always", MATRIX]).current_dir(folder);
    let output = check.output().map_err(|error| format!("{}: {error}", coexist.display()))?;
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    if output.status.code() == Some(code) {
        Ok(said)
    } else {
        Err(format!("{} must end with {code}, but ended with {}:\n{said}", folder.display(), output.status))
    }
}

struct Panel {
    title: &'static str,
    lines: Vec<Line>,
}

type Line = Vec<Piece>;

/// Text in one style.
#[derive(Debug, PartialEq)]
struct Piece {
    text: String,
    /// Names of classes of the style sheet.
    style: String,
}

const BOLD: &str = "b";
const DIM: &str = "dim";

fn styled(text: &str, style: &str) -> Piece {
    Piece { text: text.to_owned(), style: style.to_owned() }
}

/// Lines that went and came, with their signs. Both texts are short.
fn changes(before: &str, after: &str) -> Vec<Line> {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    // Length of the longest common rest from each pair of lines on.
    let mut common = vec![vec![0_usize; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i][j] =
                if old[i] == new[j] { common[i + 1][j + 1] + 1 } else { common[i + 1][j].max(common[i][j + 1]) };
        }
    }
    let (mut i, mut j, mut lines) = (0, 0, Vec::new());
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            (i, j) = (i + 1, j + 1);
        } else if i < old.len() && (j == new.len() || common[i + 1][j] >= common[i][j + 1]) {
            lines.push(vec![styled(&format!("- {}", old[i]), "c91")]);
            i += 1;
        } else {
            lines.push(vec![styled(&format!("+ {}", new[j]), "c92")]);
            j += 1;
        }
    }
    lines
}

/// Text with escape sequences as pieces in styles.
fn terminal(said: &str) -> Result<Vec<Line>, String> {
    let mut lines = Vec::new();
    let (mut bold, mut colour) = (false, None);
    for line in said.trim_end().lines() {
        let mut pieces = Line::new();
        for (index, part) in line.split('\u{1b}').enumerate() {
            let mut text = part;
            if index > 0 {
                let (codes, rest) = part
                    .strip_prefix('[')
                    .and_then(|part| part.split_once('m'))
                    .ok_or_else(|| format!("no colour, but another escape sequence: {line:?}"))?;
                text = rest;
                for code in codes.split(';') {
                    match code.parse::<u8>() {
                        Err(_) | Ok(0) => (bold, colour) = (false, None),
                        Ok(1) => bold = true,
                        Ok(code @ (30..=37 | 90..=97)) => colour = Some(code),
                        Ok(code) => return Err(format!("the picture knows no style {code}: {line:?}")),
                    }
                }
            }
            if !text.is_empty() {
                let colour = colour.map(|code| format!("c{code}"));
                let style: Vec<String> = bold.then(|| BOLD.to_owned()).into_iter().chain(colour).collect();
                pieces.push(Piece { text: text.to_owned(), style: style.join(" ") });
            }
        }
        lines.push(pieces);
    }
    Ok(lines)
}

/// Sizes in pixels; a character of a usual monospaced font is 0.6 of its height wide.
const FONT: usize = 13;
const LINE: usize = 18;
const PADDING: usize = 16;
const BAR: usize = 32;
const GAP: usize = 20;

const STYLE: &str = "\
.panel{fill:#161b22;stroke:#444c56}.bar{fill:#2d333b}.title{fill:#adbac7;font:600 13px sans-serif}
.t{fill:#d1d7e0;font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;white-space:pre}
.b{font-weight:700}.dim{fill:#768390}
.c31,.c91{fill:#ff7b72}.c32,.c92{fill:#7ee787}.c33,.c93{fill:#e3b341}.c34,.c94{fill:#79c0ff}
.c35,.c95{fill:#d2a8ff}.c36,.c96{fill:#76e3ea}.c30,.c90{fill:#768390}.c37,.c97{fill:#ffffff}
";

fn draw(panels: &[Panel]) -> String {
    let widest =
        panels.iter().flat_map(|panel| &panel.lines).map(|line| characters(line.as_slice())).max().unwrap_or(0);
    let width = 2 * PADDING + (widest * FONT * 61).div_ceil(100);
    let height_of = |panel: &Panel| BAR + 2 * PADDING + panel.lines.len() * LINE;
    let height = panels.iter().map(height_of).sum::<usize>() + GAP * (panels.len().max(1) - 1);
    let mut svg = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" viewBox=\"-1 -1 {w} {h}\" role=\"img\">",
        w = width + 2,
        h = height + 2
    );
    let _ = writeln!(svg, "<title>A bad matrix mended in three steps</title>\n<style>\n{STYLE}</style>");
    let mut top = 0;
    for panel in panels {
        let height = height_of(panel);
        let _ = writeln!(svg, "<rect class=\"panel\" y=\"{top}\" width=\"{width}\" height=\"{height}\" rx=\"8\"/>");
        let _ = writeln!(
            svg,
            "<path class=\"bar\" d=\"M0 {b}v-{v}a8 8 0 0 1 8-8h{h}a8 8 0 0 1 8 8v{v}z\"/>",
            b = top + BAR,
            v = BAR - 8,
            h = width - 16
        );
        let _ =
            writeln!(svg, "<text class=\"title\" x=\"{PADDING}\" y=\"{}\">{}</text>", top + 21, escaped(panel.title));
        for (number, line) in panel.lines.iter().enumerate().filter(|(_, line)| !line.is_empty()) {
            let y = top + BAR + PADDING + number * LINE + FONT;
            let _ = write!(svg, "<text class=\"t\" x=\"{PADDING}\" y=\"{y}\" xml:space=\"preserve\">");
            for Piece { text, style } in line {
                let _ = match style.as_str() {
                    "" => write!(svg, "{}", escaped(text)),
                    style => write!(svg, "<tspan class=\"{style}\">{}</tspan>", escaped(text)),
                };
            }
            svg.push_str("</text>\n");
        }
        top += height + GAP;
    }
    svg.push_str("</svg>\n");
    svg
}

fn characters(line: &[Piece]) -> usize {
    line.iter().map(|piece| piece.text.chars().count()).sum()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_become_classes_and_markup_is_escaped() {
        let lines = terminal("\u{1b}[1m\u{1b}[91merror\u{1b}[0m: <a> & \"b\"\nplain\n").unwrap();
        assert_eq!(lines[0][0], styled("error", "b c91"));
        assert_eq!(lines[0][1], styled(": <a> & \"b\"", ""));
        assert_eq!(lines[1], [styled("plain", "")]);
        let svg = draw(&[Panel { title: "t", lines }]);
        assert!(svg.contains("<tspan class=\"b c91\">error</tspan>: &lt;a&gt; &amp; &quot;b&quot;</text>"), "{svg}");
        assert!(terminal("\u{1b}[2J").is_err() && terminal("\u{1b}[48m").is_err());
    }

    #[test]
    fn changed_lines_have_their_signs() {
        let texts: Vec<String> =
            changes("a\nb\nc\n", "a\nB\nc\nd\n").into_iter().map(|mut line| line.remove(0).text).collect();
        assert_eq!(texts, ["- b", "+ B", "+ d"]);
    }
}
