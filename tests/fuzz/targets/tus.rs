//! Answers of a tus server.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lectern_deliver::fuzz::tus(bytes));
