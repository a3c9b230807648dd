//! Grading: per reply, so it decides how fast stored replies can be graded again.
#![allow(clippy::panic, reason = "a benchmark that cannot begin must say so")]

use route_prof::disk::Disk;
use std::path::Path;

use route_prof::oracle::Sample;
use route_prof::oracle::library::Library;
use serde_json::json;

fn main() {
    divan::main();
}

fn bench(bencher: divan::Bencher<'_, '_>, id: &str, output: &str, expected: serde_json::Value) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("oracles");
    let library = Library::open(&Disk::real(), &folder).unwrap_or_else(|error| panic!("{error}"));
    let oracle =
        library.iter().find(|oracle| oracle.id.to_string() == id).unwrap_or_else(|| panic!("no {id}"));
    bencher.bench(|| {
        oracle.criterion.judge(&Sample {
            output: divan::black_box(output),
            expected: Some(&expected),
            facts: route_prof::oracle::Facts::default(),
        })
    });
}

#[divan::bench]
fn label(bencher: divan::Bencher<'_, '_>) {
    bench(bencher, "intent@1", " Refund.\n", json!("refund"));
}

#[divan::bench]
fn number(bencher: divan::Bencher<'_, '_>) {
    bench(bencher, "arithmetic@1", "$1,024.80", json!(1024.8));
}

#[divan::bench]
fn json_fields(bencher: divan::Bencher<'_, '_>) {
    let order = json!({"name": "Alice Moor", "sku": "TM-310", "quantity": 3, "city": "Reading"});
    bench(bencher, "extraction@1", &order.to_string(), order.clone());
}
