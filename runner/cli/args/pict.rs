//! How a PICT model is written.

use coexist_cover::pict;

/// PICT's own options for how a model is written.
#[derive(Debug, clap::Args)]
pub(crate) struct Dialect {
    /// What separates values in the model: one sign, `tab` or `space`; PICT's /d [default: ,]
    #[arg(long, value_name = "C", value_parser = sign)]
    value_separator: Option<char>,
    /// What separates the names of one value: one sign, `tab` or `space`; PICT's /a [default: |]
    #[arg(long, value_name = "C", value_parser = sign)]
    alias_separator: Option<char>,
    /// What marks a value as out of range: one sign; PICT's /n [default: ~]
    #[arg(long, value_name = "C", value_parser = sign)]
    negative_prefix: Option<char>,
    /// Names that differ in case only are different names; PICT's /c
    #[arg(long)]
    case_sensitive: bool,
}

impl Dialect {
    /// The first of its options that was given.
    pub(super) fn given(&self) -> Option<&'static str> {
        let given = [
            ("--value-separator", self.value_separator.is_some()),
            ("--alias-separator", self.alias_separator.is_some()),
            ("--negative-prefix", self.negative_prefix.is_some()),
            ("--case-sensitive", self.case_sensitive),
        ];
        given.into_iter().find(|(_, given)| *given).map(|(name, _)| name)
    }

    pub(crate) fn read(&self) -> pict::Dialect {
        let usual = pict::Dialect::default();
        pict::Dialect {
            values: self.value_separator.unwrap_or(usual.values),
            aliases: self.alias_separator.unwrap_or(usual.aliases),
            negative: self.negative_prefix.unwrap_or(usual.negative),
            case_sensitive: self.case_sensitive,
        }
    }
}

fn sign(text: &str) -> Result<char, String> {
    let mut signs = text.chars();
    match (text, signs.next(), signs.next()) {
        ("tab", ..) => Ok('\t'),
        ("space", ..) => Ok(' '),
        (_, Some(sign), None) if !sign.is_control() || sign == '\t' => Ok(sign),
        _ => Err("one sign was expected, or the word tab or space".to_owned()),
    }
}
