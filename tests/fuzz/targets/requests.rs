//! Requests to the panel, with a scripted room behind it.
#![no_main]

#[path = "../../../crates/panel/tests/exchange/mod.rs"]
mod exchange;
#[path = "../../../crates/panel/tests/script/mod.rs"]
mod script;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    exchange::exchange(bytes);
});
