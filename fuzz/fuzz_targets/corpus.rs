//! No bytes make the reader of corpora or an importer panic, and a corpus that opens can be read to its end. The first byte says which
//! reader it is.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use route_prof::config::{self, Config};
use route_prof::corpus::Corpus;
use route_prof::corpus::import::promptfoo::{self, Graders};
use route_prof::corpus::import::{logs, table};
use route_prof::disk;

static CONFIG: LazyLock<Config> = LazyLock::new(|| {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../route-prof.toml");
    config::load(path.as_ref()).expect("the settings of the quickstart")
});

fuzz_target!(|bytes: &[u8]| {
    let Some((which, bytes)) = bytes.split_first() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = |name: &str| {
        let path = folder.path().join(name);
        disk::replace(&path, bytes).expect("a file");
        path
    };
    let open = |name: &str| {
        let Ok(corpus) = Corpus::open(&file(name), name, &CONFIG) else { return };
        for index in 0..corpus.len() {
            corpus.load(index).expect("what was indexed can be read");
        }
    };
    match which % 8 {
        0 => open("corpus.jsonl"),
        1 => open("corpus.csv"),
        2 => drop(promptfoo::import(&file("promptfooconfig.yaml"), "t", &Graders::default())),
        3 => drop(logs::litellm(&file("log.jsonl"))),
        4 => drop(logs::langfuse(&file("log.json"))),
        5 => drop(logs::otel(&file("log.jsonl"))),
        6 => drop(table::evals(&file("evals.jsonl"))),
        _ => drop(promptfoo::import(&file("tests.csv"), "t", &Graders::default())),
    }
});
