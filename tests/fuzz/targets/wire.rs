//! The stream between the daemon and a source.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lectern_domain::fuzz::wire(bytes));
