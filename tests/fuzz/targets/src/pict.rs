//! Models in PICT's language, and rows for them.

use coexist_cover::pict::{Dialect, Note, PictModel, parse};
use coexist_cover::{Effort, Request, combinations, measure, plan};

/// Longer texts take longer, and say no more.
const MAX_LENGTH: usize = 0x4000;
/// Values of models for which rows are chosen: each input shall take a moment.
const PLANNED: usize = 16;

/// What rows are read for: every kind of value.
const MODEL: &str =
    "A: 1, 2 (3), 3\nB: one | uno, two, ~none | ~nada\nC c: , <A>, ~-1\nD: x\nIF [A] = 1 THEN [B] <> \"two\";\n";

/// A model's text, as PICT writes it, or with other separators.
pub(crate) fn pict_model(bytes: &[u8]) {
    let [choice, text @ ..] = bytes else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    if text.len() > MAX_LENGTH {
        return;
    }
    let other = Dialect { values: ';', aliases: '/', negative: '!', case_sensitive: true };
    let dialect = if choice % 2 == 0 { Dialect::default() } else { other };
    match parse(text, &dialect) {
        Err(mistakes) => {
            assert!(!mistakes.is_empty() && mistakes.len() <= 200);
            for mistake in mistakes {
                assert!(mistake.to_string().len() < 8000, "{mistake}");
            }
        }
        Ok(read) => survives(&read, &dialect, text),
    }
}

fn survives(read: &PictModel, dialect: &Dialect, text: &str) {
    let parameters = read.model.parameters();
    noted(&read.notes, text);
    for rule in read.model.rules() {
        assert!(rule.label.starts_with("line ") && !rule.label.contains('\n'), "{}", rule.label);
    }
    for name in parameters.iter().flat_map(|parameter| &parameter.values).flat_map(|value| &value.names) {
        assert!(!name.contains(char::is_control), "{name:?}");
    }
    if parameters.iter().map(|parameter| parameter.values.len()).sum::<usize>() > PLANNED || parameters.len() > 5 {
        return;
    }
    let request = Request { strength: read.strength(2), effort: Effort::Quick, ..Request::strength(2) };
    let Ok(made) = plan(&read.model, &request) else { return };
    let measured = measure(&read.model, &request.strength, &made.rows, 0).unwrap_or_else(|error| panic!("{error}"));
    assert!(measured.invalid.is_empty() && measured.covered == measured.feasible, "{measured:?}");
    let asked = combinations(&read.model, &request.strength);
    assert!(asked.is_ok_and(|asked| asked.is_none_or(|asked| asked >= measured.feasible)));
    let shown: Vec<String> = read.model.named(&made.rows).iter().map(|row| row.join("\t")).collect();
    let heading: Vec<&str> = parameters.iter().map(|parameter| &*parameter.name).collect();
    let again = read.rows(&format!("{}\n{}\n", heading.join("\t"), shown.join("\n")), dialect);
    let unnamed = |name: &str| name.trim().is_empty();
    // Lines without any sign are passed over, and a parameter without a name can make the heading one.
    if let Ok(again) =
        again.as_ref().map_err(|mistakes| assert!(heading.iter().any(|name| unnamed(name)), "{mistakes:?}"))
        && shown.iter().all(|row| !unnamed(row))
        && !heading.iter().all(|name| unnamed(name))
    {
        assert_eq!(again.rows.len(), made.rows.len());
    }
}

/// Rows for a model that has every kind of value.
pub(crate) fn pict_rows(bytes: &[u8]) {
    let dialect = Dialect::default();
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if text.len() > MAX_LENGTH {
        return;
    }
    let model = parse(MODEL, &dialect).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
    let Ok(read) = model.rows(text, &dialect) else { return };
    noted(&read.notes, text);
    assert_eq!(read.rows.len(), read.lines.len());
    assert!(read.lines.is_sorted_by(|one, other| one < other) && !read.lines.contains(&1));
    let parameters = model.model.parameters();
    for row in &read.rows {
        assert_eq!(row.len(), parameters.len());
        let cells = row.iter().zip(parameters).enumerate();
        for (number, (value, parameter)) in cells {
            assert!(value.is_none_or(|value| value < parameter.values.len()));
            assert!(value.is_none() || !read.without.contains(&number));
        }
    }
    let seeds: Vec<_> = read.rows.iter().take(20).cloned().collect();
    let given = seeds.len();
    let request = Request { strength: model.strength(2), effort: Effort::Quick, seeds, ..Request::strength(2) };
    let made = plan(&model.model, &request).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(made.seeds + made.dropped.len(), given);
}

fn noted(notes: &[Note], text: &str) {
    let lines = text.matches('\n').count() + 1;
    assert!(notes.len() <= 300);
    for note in notes {
        assert!((1..=lines).contains(&note.line), "{note:?}");
    }
}
