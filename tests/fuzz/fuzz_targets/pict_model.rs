#![no_main]

libfuzzer_sys::fuzz_target!(init: fuzz_targets::quiet_caught_panics(), |bytes: &[u8]| {
    fuzz_targets::run_or_abort("pict_model", bytes);
});
