//! Answers of an Opencast.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lectern_deliver::fuzz::opencast(bytes));
