//! `set /a`

use super::run::number;
use super::{Flow, Shell};

/// Evaluates assignments separated by commas; on a command line the last value is shown.
pub(super) fn set(shell: &mut Shell, text: &str) -> Flow {
    let text = text.replace('"', "");
    let mut last = 0;
    for part in text.split(',') {
        match assign(shell, part) {
            Some(value) => last = value,
            None => {
                shell.process.err("Missing operand.");
                return shell.fail(1_073_750_989);
            }
        }
    }
    if !shell.in_batch() {
        let _ = shell.process.handles.stdout.write(last.to_string().as_bytes());
    }
    Flow::Done(0)
}

fn assign(shell: &mut Shell, text: &str) -> Option<i32> {
    let text = text.trim();
    let name_end = text.find(|it: char| !(it.is_alphanumeric() || it == '_')).unwrap_or(text.len());
    let (name, rest) = text.split_at(name_end);
    let rest = rest.trim_start();
    let is_name = name.chars().next().is_some_and(|it| it.is_alphabetic() || it == '_');
    if is_name && let Some(at) = rest.find('=') {
        let operator = &rest[..at];
        if matches!(operator, "" | "+" | "-" | "*" | "/" | "%" | "&" | "|" | "^" | "<<" | ">>") {
            let right = evaluate(shell, &rest[at + 1..])?;
            let value = if operator.is_empty() { right } else { apply(operator, variable(shell, name), right)? };
            shell.process.environment.set(name, &value.to_string());
            return Some(value);
        }
    }
    evaluate(shell, text)
}

fn variable(shell: &Shell, name: &str) -> i32 {
    shell.variable(name).and_then(|it| number(&it)).unwrap_or(0)
}

fn apply(operator: &str, left: i32, right: i32) -> Option<i32> {
    Some(match operator {
        "+" => left.wrapping_add(right),
        "-" => left.wrapping_sub(right),
        "*" => left.wrapping_mul(right),
        "/" => left.checked_div(right)?,
        "%" => left.checked_rem(right)?,
        "&" => left & right,
        "|" => left | right,
        "^" => left ^ right,
        "<<" => left.wrapping_shl(right.cast_unsigned()),
        ">>" => left.wrapping_shr(right.cast_unsigned()),
        _ => return None,
    })
}

/// Operators from loosest to tightest.
const LEVELS: &[&[&str]] = &[&["|"], &["^"], &["&"], &["<<", ">>"], &["+", "-"], &["*", "/", "%"]];

fn evaluate(shell: &Shell, text: &str) -> Option<i32> {
    let mut rest = text.trim();
    let value = level(shell, &mut rest, 0)?;
    rest.trim().is_empty().then_some(value)
}

fn level(shell: &Shell, rest: &mut &str, at: usize) -> Option<i32> {
    let Some(operators) = LEVELS.get(at) else { return operand(shell, rest) };
    let mut left = level(shell, rest, at + 1)?;
    loop {
        *rest = rest.trim_start();
        let Some(operator) = operators.iter().find(|it| rest.starts_with(**it)) else { return Some(left) };
        *rest = &rest[operator.len()..];
        // In batch files the percent sign arrives doubled and has been halved already.
        let right = level(shell, rest, at + 1)?;
        left = apply(operator, left, right)?;
    }
}

fn operand(shell: &Shell, rest: &mut &str) -> Option<i32> {
    *rest = rest.trim_start();
    let first = rest.chars().next()?;
    match first {
        '(' => {
            *rest = &rest[1..];
            let value = level(shell, rest, 0)?;
            *rest = rest.trim_start().strip_prefix(')')?;
            Some(value)
        }
        '-' | '+' | '~' | '!' => {
            *rest = &rest[1..];
            let value = operand(shell, rest)?;
            Some(match first {
                '-' => value.wrapping_neg(),
                '~' => !value,
                '!' => i32::from(value == 0),
                _ => value,
            })
        }
        _ => {
            let end = rest.find(|it: char| !(it.is_alphanumeric() || it == '_')).unwrap_or(rest.len());
            let (word, tail) = rest.split_at(end);
            if word.is_empty() {
                return None;
            }
            *rest = tail;
            if word.starts_with(|it: char| it.is_ascii_digit()) { number(word) } else { Some(variable(shell, word)) }
        }
    }
}
