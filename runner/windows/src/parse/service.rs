//! Output of `sc query NAME`.

/// Exit code of `sc` for a service that is not installed: `ERROR_SERVICE_DOES_NOT_EXIST`.
pub(crate) const NO_SUCH_SERVICE: u32 = 1060;

/// State number of a running service or driver (\[R\] `SERVICE_RUNNING`, winsvc.h).
pub(crate) const RUNNING: u32 = 4;

/// What a service does at the moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    /// 1 stopped … 4 running … 7 paused.
    pub(crate) number: u32,
    /// Its name: `RUNNING`.
    pub(crate) word: String,
}

/// \[R\] States of winsvc.h as `sc` writes them.
const WORDS: [&str; 7] =
    ["STOPPED", "START_PENDING", "STOP_PENDING", "RUNNING", "CONTINUE_PENDING", "PAUSE_PENDING", "PAUSED"];

/// Finds the state. The label is localized on some systems (\[K\] the words are not), so the number and the word count:
/// the line whose word is a known state, else the one labelled `STATE`.
pub(crate) fn state(output: &str) -> Option<State> {
    let numbered: Vec<(&str, State)> = output
        .lines()
        .filter_map(|line| {
            let (label, value) = line.split_once(':')?;
            let mut words = value.split_whitespace();
            let number = words.next()?.parse().ok()?;
            Some((label.trim(), State { number, word: words.next()?.to_owned() }))
        })
        .filter(|(_, state)| (1..=7).contains(&state.number))
        .collect();
    let known = numbered.iter().find(|(_, state)| WORDS.contains(&state.word.as_str()));
    let labelled = || numbered.iter().find(|(label, _)| *label == "STATE");
    known.or_else(labelled).map(|(_, state)| state.clone())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn states_are_found() {
        let english = "\nSERVICE_NAME: sshd \n        TYPE               : 10  WIN32_OWN_PROCESS  \n        \
            STATE              : 4  RUNNING \n                                \
            (STOPPABLE, NOT_PAUSABLE, ACCEPTS_SHUTDOWN)\n        WIN32_EXIT_CODE    : 0  (0x0)\n        \
            SERVICE_EXIT_CODE  : 0  (0x0)\n        CHECKPOINT         : 0x0\n        WAIT_HINT          : 0x0\n";
        let driver = "SERVICE_NAME: acmeflt\n        TYPE               : 2  FILE_SYSTEM_DRIVER  \n        \
            STATE              : 1  STOPPED \n        WIN32_EXIT_CODE    : 31  (0x1f)\n";
        let spanish = "NOMBRE_SERVICIO: sshd \n        TIPO               : 10  WIN32_OWN_PROCESS  \n        \
            ESTADO             : 2  START_PENDING \n        CÓD_SALIDA_WIN32   : 0  (0x0)\n";
        let narrow = "STATE : 4 RUNNING";
        let odd_word = " TYPE : 1  KERNEL_DRIVER\n STATE : 7  PAUSIERT\n";
        let table = [
            (english, Some((4, "RUNNING"))),
            (driver, Some((1, "STOPPED"))),
            (spanish, Some((2, "START_PENDING"))),
            (narrow, Some((4, "RUNNING"))),
            (odd_word, Some((7, "PAUSIERT"))),
            ("[SC] EnumQueryServicesStatus:OpenService FAILED 1060:\n\nThe specified service does not exist\n", None),
            ("STATE : 40 RUNNING", None),
            ("", None),
        ];
        for (output, expected) in table {
            let expected = expected.map(|(number, word)| State { number, word: word.to_owned() });
            assert_eq!(state(output), expected, "{output}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(output in any::<String>()) {
            let _ = state(&output);
        }

        #[test]
        fn never_panics_near_the_form(lines in proptest::collection::vec("[A-Z ]{0,8}:? ?[0-9]{0,12} {0,3}[A-Z_]{0,8}", 0..8)) {
            let _ = state(&lines.join("\n"));
        }
    }
}
