//! Output of `fltmc filters`.

/// One filter that is loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Filter {
    /// Its name.
    pub(crate) name: String,
    /// Volumes it is attached to; absent for a legacy filter.
    pub(crate) instances: Option<u32>,
    /// Its altitude as text, as fractions count: `329355.5`.
    pub(crate) altitude: Option<String>,
}

/// Reads the rows below the dashes. Columns are name, instances, altitude, frame; they are found from the right, because
/// a long name pushes the others away. \[K\] A legacy filter's row holds `<Legacy>` and no numbers worth reading.
pub(crate) fn filters(output: &str) -> Option<Vec<Filter>> {
    let mut lines = output.lines();
    lines.by_ref().find(|line| line.trim_start().starts_with("----"))?;
    Some(lines.filter_map(row).collect())
}

fn row(line: &str) -> Option<Filter> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let instances = |word: &str| word.parse::<u32>().ok();
    match words.as_slice() {
        [] => None,
        [name @ .., count, altitude, frame]
            if !name.is_empty()
                && instances(count).is_some()
                && is_altitude(altitude)
                && instances(frame).is_some() =>
        {
            Some(Filter { name: name.join(" "), instances: instances(count), altitude: Some((*altitude).to_owned()) })
        }
        _ => {
            let name: Vec<_> = words.iter().copied().take_while(|word| !word.starts_with('<')).collect();
            let legacy = name.len() < words.len() && !name.is_empty();
            legacy.then(|| Filter { name: name.join(" "), instances: None, altitude: None })
        }
    }
}

fn is_altitude(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(|c| c.is_ascii_digit() || c == '.')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filter(name: &str, instances: u32, altitude: &str) -> Filter {
        Filter { name: name.to_owned(), instances: Some(instances), altitude: Some(altitude.to_owned()) }
    }

    #[test]
    fn rows_are_read() {
        let output = "\nFilter Name                     Num Instances    Altitude    Frame\n\
            ------------------------------  -------------  ------------  -----\n\
            bindflt                                 1       409800         0\n\
            SentinelMonitor                         4       329355.5       0\n\
            WdFilter                                9       328010         0\n\
            AVeryLongFilterNameThatPushesColumns  12  321410  0\n\
            Two Words                               0       80680          1\n\
            OldScanner                                          <Legacy>\n\
            garbage without numbers\n";
        let legacy = Filter { name: "OldScanner".to_owned(), instances: None, altitude: None };
        let expected = vec![
            filter("bindflt", 1, "409800"),
            filter("SentinelMonitor", 4, "329355.5"),
            filter("WdFilter", 9, "328010"),
            filter("AVeryLongFilterNameThatPushesColumns", 12, "321410"),
            filter("Two Words", 0, "80680"),
            legacy,
        ];
        assert_eq!(filters(output), Some(expected));
        assert_eq!(filters("Filtername  Instanzen  Höhe  Frame\n-----  ---  ---  ---\n"), Some(Vec::new()));
        assert_eq!(filters("Filter List Failed with error: 0x80070005\nAccess is denied.\n"), None);
    }

    proptest! {
        #[test]
        fn never_panics(output in any::<String>(), rows in proptest::collection::vec("[a-z<> ]{0,9}[0-9. ]{0,20}", 0..8)) {
            let _ = filters(&output);
            let _ = filters(&format!("----\n{}", rows.join("\n")));
        }
    }
}
