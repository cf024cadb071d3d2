//! Layers of configuration and variables over them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lectern_domain::fuzz::config(bytes));
