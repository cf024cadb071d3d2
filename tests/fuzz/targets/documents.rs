//! `lecture.json`, `plans.json` and `meta.json` as fsck reads them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lectern_store::fuzz::documents(bytes));
