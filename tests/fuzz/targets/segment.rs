//! Segment files as recovery and fsck read them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lectern_store::fuzz::segment(bytes));
