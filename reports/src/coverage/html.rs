//! The heat map: one static page, without scripts or anything from elsewhere, everything escaped.
//!
//! A place says its age in words and shades it: one hue from dark to light, so that it can be told without colour vision;
//! what is masked is hatched, what was never met is framed, and what cannot be is empty. Each place is a link to its line in
//! the list below, so that a keyboard gets everywhere.

use std::fmt::Write as _;

use super::age::{SHADES, shade};
use super::text::{counted_words, memory_words, symbol, tally_words, versions_words, words};
use super::{Coverage, Entry, Grid, Standpoint};
use crate::text;

/// Focus is drawn in the page's own colours, because a place's text may have the colour of the page around it.
const STYLE: &str = "\
:root{color-scheme:light dark;--line:#8886;--names:min(16rem,40vw)}\
body{font:16px/1.5 system-ui,sans-serif;max-width:80rem;margin:2rem auto;padding:0 1rem;overflow-wrap:anywhere}\
table{border-collapse:separate;border-spacing:2px}\
.scroll{overflow-x:auto;padding:4px 4px 4px 0;scroll-padding-left:calc(var(--names) + 2rem)}\
th{font-weight:400;text-align:left;padding:.2rem .5rem}\
thead th{vertical-align:bottom;text-align:center}\
thead th span{writing-mode:vertical-rl;transform:rotate(180deg);text-align:left;max-height:14rem}\
tbody th,thead td{position:sticky;left:0;z-index:1;background:Canvas}\
tbody th span{display:block;width:max-content;max-width:var(--names)}\
td{text-align:center;min-width:3.5rem;padding:0;border-radius:3px;print-color-adjust:exact}\
td a{display:block;padding:.3rem;color:inherit;text-decoration:none;overflow-wrap:normal}\
a:focus-visible{outline:3px solid CanvasText;outline-offset:0;box-shadow:inset 0 0 0 2px Canvas}\
.legend{display:flex;flex-wrap:wrap;gap:4px;padding:0;list-style:none}\
.legend li{padding:.2rem .6rem;border-radius:3px;print-color-adjust:exact}\
.list td{text-align:left;padding:.2rem .6rem .2rem 0;border-bottom:1px solid var(--line)}\
.list{border-spacing:0;width:100%}\
.a0{background:#08306b;color:#fff}.a1{background:#2171b5;color:#fff}.a2{background:#6baed6;color:#000}\
.a3{background:#c6dbef;color:#000}.a4{background:#f1f6fb;color:#000;outline:1px solid #6baed6;outline-offset:-1px}\
.broken{box-shadow:inset 0 -4px #d55e00,inset 0 -6px #fff}\
.masked{background:repeating-linear-gradient(45deg,#e69f00 0 3px,#fff1cc 3px 12px);color:#000}\
.never{outline:2px dashed light-dark(#a40000,#ff8a80);outline-offset:-2px}\
.impossible,.itself{color:light-dark(#666,#aaa)}\
tr:target td{outline:2px solid}\
.notice{border:2px solid;padding:.6rem 1rem}";

/// Renders the page.
#[must_use]
pub fn coverage_html(coverage: &Coverage) -> String {
    let title = format!("Coverage: {}", coverage.matrix.0);
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{0}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{0}</h1>\n",
        h(&title)
    );
    if coverage.stand_in {
        out.push_str("<p class=\"notice\">The guest is the stand-in: nothing here was tested on Windows.</p>\n");
    }
    let _ = writeln!(out, "<p><strong>{}</strong></p>", h(&capital(&counted_words(coverage))));
    let _ = writeln!(out, "<p>Ledger {}. Ages as of {:.0}.</p>", h(&memory_words(coverage)), coverage.now);
    legend(&mut out);
    section(&mut out, coverage, "Agent by agent", "p", &coverage.pairs, "pair");
    if let Some(order) = &coverage.order {
        section(&mut out, coverage, "Install order, row before column", "o", order, "sequence");
    }
    section(&mut out, coverage, "Images and settings by agent", "s", &coverage.others, "pair");
    out.push_str("</body>\n</html>\n");
    out
}

fn legend(out: &mut String) {
    out.push_str("<p>What a place says:</p>\n<ul class=\"legend\">\n");
    for (number, (words, _)) in SHADES.iter().enumerate() {
        let _ = writeln!(out, "<li class=\"a{number}\">tested less than {words} ago</li>");
    }
    let _ = writeln!(out, "<li class=\"a{}\">tested longer ago</li>", SHADES.len());
    out.push_str(
        "<li class=\"a0 broken\">2d! tested, and in a broken or inconclusive cell then or since</li>\n\
         <li class=\"masked\">(2d) masked: only in broken or inconclusive cells</li>\n\
         <li class=\"never\">never met</li>\n<li class=\"impossible\">– in no cell of this matrix</li>\n</ul>\n",
    );
}

fn section(out: &mut String, coverage: &Coverage, title: &str, key: &str, grid: &Grid, noun: &str) {
    let _ = writeln!(out, "<h2>{title}</h2>\n<p>{}.</p>", h(&capital(&tally_words(grid.tally(), noun))));
    out.push_str("<div class=\"scroll\"><table>\n<thead><tr><td></td>");
    for agent in &grid.columns {
        let _ = write!(out, "<th scope=\"col\"><span>{}</span></th>", h(agent));
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for row in 0..grid.rows.len() {
        let _ = write!(out, "<tr><th scope=\"row\"><span>{}</span></th>", h(&grid.row_words(row)));
        for column in 0..grid.columns.len() {
            match grid.entry(row, column) {
                Some(entry) => place(out, coverage, key, grid, entry),
                None => out.push_str("<td class=\"itself\">·</td>"),
            }
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table></div>\n");
    list(out, coverage, key, grid);
}

fn place(out: &mut String, coverage: &Coverage, key: &str, grid: &Grid, entry: &Entry) {
    let Some(speaking) = entry.speaking() else {
        out.push_str("<td class=\"impossible\">–</td>");
        return;
    };
    let (class, broken) = match (speaking.standpoint(), speaking.look()) {
        (Standpoint::Tested, Some(look)) => {
            let broken = if speaking.broken_since().is_some() { " broken" } else { "" };
            (format!("a{}", shade(coverage.now, look.last)), broken)
        }
        (other, _) => (other.as_str().to_owned(), ""),
    };
    let names =
        format!("{} + {}", grid.row_words(entry.row), grid.columns.get(entry.column).map_or("", String::as_str));
    let told = format!("{names}: {}", words(coverage, speaking));
    let _ = write!(
        out,
        "<td class=\"{class}{broken}\"><a href=\"#{}\" title=\"{told}\" aria-label=\"{told}\">{symbol}</a></td>",
        anchor(key, grid, entry),
        told = h(&told),
        symbol = h(&symbol(coverage, entry)),
    );
}

/// A pair and its mirror have one line in the list.
fn anchor(key: &str, grid: &Grid, entry: &Entry) -> String {
    let listed = grid.entries().any(|it| (it.row, it.column) == (entry.row, entry.column));
    let (row, column) = if listed { (entry.row, entry.column) } else { (entry.column, entry.row) };
    format!("{key}-{row}-{column}")
}

fn list(out: &mut String, coverage: &Coverage, key: &str, grid: &Grid) {
    out.push_str("<details open><summary>Every one in words</summary>\n<table class=\"list\"><tbody>\n");
    for entry in grid.entries().filter(|entry| entry.is_possible()) {
        let first = entry.of_versions.first();
        for of in &entry.of_versions {
            let id = if Some(of) == first { format!(" id=\"{}\"", anchor(key, grid, entry)) } else { String::new() };
            let names = match of.parts[0].kind {
                coexist_model::PartKind::Agent => versions_words(of),
                _ => format!("{} + {} {}", grid.row_words(entry.row), of.parts[1].name, of.parts[1].value),
            };
            let last = of.look().map_or(String::new(), |look| format!("{:.0}", look.last));
            let known = h(&words(coverage, of));
            let _ = writeln!(out, "<tr{id}><td>{}</td><td>{known}</td><td>{last}</td></tr>", h(&names));
        }
    }
    out.push_str("</tbody></table></details>\n");
}

fn capital(words: &str) -> String {
    crate::markdown::capital(words)
}

fn h(foreign: &str) -> String {
    text::html(&text::line(foreign))
}

#[cfg(test)]
mod tests {
    use super::STYLE;

    /// Relative luminance of `#rrggbb` or `#rgb` (WCAG 2.1).
    fn luminance(color: &str) -> f64 {
        let digits: Vec<u32> = color.chars().skip(1).map(|digit| digit.to_digit(16).unwrap()).collect();
        let channels: Vec<u32> = match digits[..] {
            [red, green, blue] => [red, green, blue].map(|it| it * 17).to_vec(),
            _ => digits.chunks(2).map(|pair| pair[0] * 16 + pair[1]).collect(),
        };
        let linear = |channel: u32| match f64::from(channel) / 255.0 {
            dark if dark <= 0.04045 => dark / 12.92,
            other => ((other + 0.055) / 1.055).powf(2.4),
        };
        [0.2126, 0.7152, 0.0722].iter().zip(channels).map(|(weight, channel)| weight * linear(channel)).sum()
    }

    fn contrast(one: &str, other: &str) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    fn colors(words: &str) -> Vec<&str> {
        words.match_indices('#').map(|(at, _)| words[at..].split([' ', ',', ';', ')', '}']).next().unwrap()).collect()
    }

    /// WCAG 2.1, 1.4.3: text has a contrast of 4.5 and more to everything it stands on.
    #[test]
    fn every_place_can_be_read() {
        let mut seen = 0;
        for rule in STYLE.split('}').filter(|rule| rule.contains("background:#") || rule.contains("gradient")) {
            let (behind, after) = rule.split_once("background:").unwrap().1.split_once(";color:").unwrap();
            let text = colors(after)[0];
            for background in colors(behind) {
                let contrast = contrast(text, background);
                assert!(contrast >= 4.5, "{text} on {background}: {contrast:.2}");
                seen += 1;
            }
        }
        assert_eq!(seen, 7, "five shades, and two colours of a hatching");
    }

    /// Chromium's pages are white and #121212.
    #[test]
    fn what_has_no_background_can_be_read_on_a_light_and_a_dark_page() {
        let rule = STYLE.split('}').find(|rule| rule.starts_with(".impossible")).unwrap();
        let [light, dark] = colors(rule)[..] else { panic!("{rule}") };
        assert!(contrast(light, "#fff") >= 4.5 && contrast(dark, "#121212") >= 4.5, "{rule}");
    }
}
