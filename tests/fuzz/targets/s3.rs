//! Answers of an S3 store.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lectern_deliver::fuzz::s3(bytes));
