//! Segment files and finished files as finishing reads them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lectern_finish::fuzz::recording(bytes));
