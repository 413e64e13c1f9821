//! `findstr`: literal and simple regular searches.

use super::Arguments;
use crate::process::Process;
use crate::text::decode;

#[derive(Default)]
struct Wanted {
    patterns: Vec<String>,
    literal: bool,
    any_case: bool,
    inverse: bool,
    begin: bool,
    end: bool,
    whole: bool,
    numbers: bool,
    names_only: bool,
}

pub(super) fn run(process: &mut Process, arguments: &Arguments) -> u32 {
    let mut wanted = Wanted::default();
    let mut files = Vec::new();
    let mut fixed = false;
    for word in &arguments.words {
        let Some(switch) = word.strip_prefix('/') else {
            if wanted.patterns.is_empty() && !fixed {
                // Blanks separate alternatives unless /c: is used.
                wanted.patterns = word.split(' ').filter(|it| !it.is_empty()).map(str::to_owned).collect();
            } else {
                files.push(word);
            }
            continue;
        };
        let lower = switch.to_ascii_lowercase();
        if lower.starts_with("c:") {
            fixed = true;
            wanted.patterns.push(switch[2..].to_owned());
            continue;
        }
        for letter in lower.chars() {
            match letter {
                'i' => wanted.any_case = true,
                'v' => wanted.inverse = true,
                'l' => wanted.literal = true,
                'b' => wanted.begin = true,
                'e' => wanted.end = true,
                'x' => wanted.whole = true,
                'n' => wanted.numbers = true,
                'm' => wanted.names_only = true,
                _ => {}
            }
        }
    }
    if wanted.patterns.is_empty() {
        process.err("FINDSTR: Bad command line");
        return 2;
    }
    let mut found = false;
    if files.is_empty() {
        found |= search(process, &wanted, &decode(&process.handles.stdin.read_all()), "");
    }
    let heading = files.len() > 1;
    for name in files {
        match std::fs::read(process.resolve(name)) {
            Ok(bytes) => {
                let prefix = if heading || wanted.names_only { format!("{name}:") } else { String::new() };
                found |= search(process, &wanted, &decode(&bytes), &prefix);
            }
            Err(_) => process.err(format!("FINDSTR: Cannot open {name}")),
        }
    }
    u32::from(!found)
}

fn search(process: &Process, wanted: &Wanted, text: &str, prefix: &str) -> bool {
    let mut found = false;
    for (number, line) in text.lines().enumerate() {
        if wanted.patterns.iter().any(|pattern| matches(wanted, pattern, line)) == wanted.inverse {
            continue;
        }
        found = true;
        if wanted.names_only {
            process.out(prefix.trim_end_matches(':'));
            break;
        }
        let number = if wanted.numbers { format!("{}:", number + 1) } else { String::new() };
        process.out(format!("{prefix}{number}{line}"));
    }
    found
}

fn matches(wanted: &Wanted, pattern: &str, line: &str) -> bool {
    let fold = |text: &str| -> Vec<char> {
        if wanted.any_case { text.to_lowercase().chars().collect() } else { text.chars().collect() }
    };
    let (line, pattern) = (fold(line), fold(pattern));
    let tokens = if wanted.literal { pattern.into_iter().map(Token::Letter).collect() } else { tokens(&pattern) };
    let (starts, tokens) = match tokens.split_first() {
        Some((Token::Begin, rest)) => (true, rest),
        _ => (false, tokens.as_slice()),
    };
    let (ends, tokens) = match tokens.split_last() {
        Some((Token::End, rest)) => (true, rest),
        _ => (false, tokens),
    };
    let starts = starts || wanted.begin || wanted.whole;
    let ends = ends || wanted.end || wanted.whole;
    let places = if starts { 0..=0 } else { 0..=line.len() };
    places.into_iter().any(|at| fits(tokens, &line[at..], ends))
}

#[derive(Clone)]
enum Token {
    Letter(char),
    Any,
    Class(Vec<(char, char)>, bool),
    /// The token before, any number of times.
    Many(Box<Token>),
    Begin,
    End,
}

fn tokens(pattern: &[char]) -> Vec<Token> {
    let mut found: Vec<Token> = Vec::new();
    let mut letters = pattern.iter().copied().enumerate().peekable();
    while let Some((at, letter)) = letters.next() {
        let token = match letter {
            '^' if at == 0 => Token::Begin,
            '$' if at + 1 == pattern.len() => Token::End,
            '.' => Token::Any,
            '*' if !found.is_empty() => {
                let last = found.pop().unwrap_or(Token::Any);
                Token::Many(Box::new(last))
            }
            '\\' => Token::Letter(letters.next().map_or('\\', |(_, it)| it)),
            '[' => {
                let inverse = letters.next_if(|(_, it)| *it == '^').is_some();
                let mut ranges = Vec::new();
                while let Some((_, from)) = letters.next_if(|(_, it)| *it != ']') {
                    if letters.next_if(|(_, it)| *it == '-').is_some() {
                        ranges.push((from, letters.next().map_or(from, |(_, it)| it)));
                    } else {
                        ranges.push((from, from));
                    }
                }
                letters.next();
                Token::Class(ranges, inverse)
            }
            _ => Token::Letter(letter),
        };
        found.push(token);
    }
    found
}

fn one(token: &Token, letter: char) -> bool {
    match token {
        Token::Letter(it) => *it == letter,
        Token::Any => true,
        Token::Class(ranges, inverse) => ranges.iter().any(|(from, to)| (*from..=*to).contains(&letter)) != *inverse,
        Token::Many(_) | Token::Begin | Token::End => false,
    }
}

fn fits(tokens: &[Token], line: &[char], to_end: bool) -> bool {
    match tokens.split_first() {
        None => !to_end || line.is_empty(),
        Some((Token::Many(inner), rest)) => {
            let most = line.iter().take_while(|letter| one(inner, **letter)).count();
            (0..=most).rev().any(|length| fits(rest, &line[length..], to_end))
        }
        Some((token, rest)) => {
            line.split_first().is_some_and(|(letter, tail)| one(token, *letter) && fits(rest, tail, to_end))
        }
    }
}
