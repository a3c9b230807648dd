//! No text makes the reader of oracles panic, and an oracle that it takes can grade its own examples.
#![no_main]

use libfuzzer_sys::fuzz_target;
use route_prof::oracle::{AnswerBook, file};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match file::read("o@1.toml", "o@1", text) {
        Ok(oracle) => drop(oracle.self_test(&AnswerBook::default())),
        Err(faults) => assert!(!faults.to_string().is_empty()),
    }
});
