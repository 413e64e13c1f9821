//! The parser: whatever is said is read as it was meant, and whatever else there is ends in a message.

use proptest::prelude::*;

use super::parse::parse;
use super::{Comparison, KEYWORDS, Said, Statement, Test, Word};

/// A sentence as text, with no more parentheses than it needs.
fn written(said: &Said) -> String {
    match said {
        Said::Implies(one, other) => format!("if {} then {}", inner(one, 1), inner(other, 1)),
        _ => inner(said, 1),
    }
}

/// `binding` is how much the place binds: 1 takes an `or` as it is, 2 an `and`, 3 neither.
fn inner(said: &Said, binding: u8) -> String {
    let joined = |all: &[Said], word: &str, own: u8| {
        let text = all.iter().map(|it| inner(it, own + 1)).collect::<Vec<_>>().join(word);
        if own < binding { format!("({text})") } else { text }
    };
    match said {
        Said::Is(statement) => statement_text(statement),
        Said::Not(negated) => format!("not {}", inner(negated, 3)),
        Said::All(all) => joined(all, " and ", 2),
        Said::Any(all) => joined(all, " or ", 1),
        Said::Implies(..) => format!("({})", written(said)),
    }
}

fn statement_text(Statement { name, test }: &Statement) -> String {
    let words = |words: &[Word]| words.iter().map(word_text).collect::<Vec<_>>().join(", ");
    let name = word_text(name);
    match test {
        Test::There => name,
        Test::Compared(comparison, word) => format!("{name} {} {}", comparison.as_str(), word_text(word)),
        Test::In(all) => format!("{name} in ({})", words(all)),
        Test::NotIn(all) => format!("{name} not in ({})", words(all)),
    }
}

fn word_text(word: &Word) -> String {
    if word.quoted { format!("\"{}\"", word.text) } else { word.text.clone() }
}

fn without_ranges(said: &Said) -> Said {
    let word = |it: &Word| Word { range: 0..0, ..it.clone() };
    let words = |all: &[Word]| all.iter().map(word).collect();
    let all = |all: &[Said]| all.iter().map(without_ranges).collect();
    match said {
        Said::Is(Statement { name, test }) => Said::Is(Statement {
            name: word(name),
            test: match test {
                Test::There => Test::There,
                Test::Compared(comparison, it) => Test::Compared(*comparison, word(it)),
                Test::In(all) => Test::In(words(all)),
                Test::NotIn(all) => Test::NotIn(words(all)),
            },
        }),
        Said::Not(it) => Said::Not(Box::new(without_ranges(it))),
        Said::All(it) => Said::All(all(it)),
        Said::Any(it) => Said::Any(all(it)),
        Said::Implies(one, other) => Said::Implies(Box::new(without_ranges(one)), Box::new(without_ranges(other))),
    }
}

fn word() -> impl Strategy<Value = Word> {
    let plain =
        "[a-z0-9][a-z0-9._+-]{0,8}".prop_filter("no word of the language", |it| !KEYWORDS.contains(&it.as_str()));
    let plain = plain.prop_map(|text| Word { text, quoted: false, range: 0..0 });
    let quoted = "[a-zA-Z(=,'ä][a-z =!'<ä]{0,6}|if|not|in".prop_map(|text| Word { text, quoted: true, range: 0..0 });
    prop_oneof![4 => plain, 1 => quoted]
}

fn said() -> impl Strategy<Value = Said> {
    let words = || proptest::collection::vec(word(), 1..4);
    let test = prop_oneof![
        Just(Test::There),
        (proptest::sample::select(&Comparison::ALL[..]), word()).prop_map(|(how, word)| Test::Compared(how, word)),
        words().prop_map(Test::In),
        words().prop_map(Test::NotIn),
    ];
    let statement = (word(), test).prop_map(|(name, test)| Said::Is(Statement { name, test }));
    statement.prop_recursive(5, 24, 4, |inner| {
        let several = || proptest::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            inner.clone().prop_map(|it| Said::Not(Box::new(it))),
            several().prop_map(Said::All),
            several().prop_map(Said::Any),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| Said::Implies(Box::new(one), Box::new(other))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    #[test]
    fn what_is_written_is_read_as_it_was_meant(said in said()) {
        let text = written(&said);
        let read = parse(&text).map_err(|flaw| TestCaseError::fail(format!("{text}: {flaw:?}")))?;
        prop_assert_eq!(without_ranges(&read), said, "{}", text);
    }

    #[test]
    fn any_text_ends_in_a_sentence_or_a_place(text in r#"(if|then|and|or|not|in|[a-z0-9.@-]{1,3}|[ =!<>(),'"&|ä\[]|\u{2003}){0,24}"#) {
        match parse(&text) {
            Ok(said) => prop_assert_eq!(without_ranges(&parse(&written(&said)).unwrap()), without_ranges(&said)),
            Err(flaw) => {
                prop_assert!(text.get(flaw.range.clone()).is_some(), "{:?} is no part of {:?}", flaw.range, text);
                prop_assert!(!flaw.found.is_empty() && !flaw.expected.is_empty());
            }
        }
    }
}

#[test]
fn not_binds_most_and_or_least() {
    let same = |one: &str, other: &str| {
        assert_eq!(without_ranges(&parse(one).unwrap()), without_ranges(&parse(other).unwrap()), "{one}");
    };
    same("a or b and not c = d", "a or (b and (not c = d))");
    same("not a and b", "(not a) and b");
    same("if a or b then c and d", "if (a or b) then (c and d)");
    same("a not in (b,c)", "a not in ( b , c )");
    same("a=b", "a = b");
}

#[test]
fn nesting_has_an_end() {
    let nested = |depth: usize| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
    assert!(parse(&nested(32)).is_ok());
    for text in [nested(33), "not ".repeat(33) + "a", "(".repeat(2000), "not ".repeat(500)] {
        assert!(parse(&text).unwrap_err().found.contains("nested deeper"), "{text}");
    }
}
