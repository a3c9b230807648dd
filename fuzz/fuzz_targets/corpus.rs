//! No bytes make the reader of corpora or an importer panic, and a corpus that opens can be read to its end. The first byte says which
//! reader it is.
#![no_main]

use route_prof::disk::Disk;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use route_prof::config::{self, Config};
use route_prof::corpus::Corpus;
use route_prof::corpus::import::promptfoo::{self, Graders};
use route_prof::corpus::import::{logs, table};

static CONFIG: LazyLock<Config> = LazyLock::new(|| {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../route-prof.toml");
    config::load(&Disk::real(), path.as_ref()).expect("the settings of the quickstart")
});

fuzz_target!(|bytes: &[u8]| {
    let Some((which, bytes)) = bytes.split_first() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = |name: &str| {
        let path = folder.path().join(name);
        Disk::real().replace(&path, bytes).expect("a file");
        path
    };
    let open = |name: &str| {
        let Ok(corpus) = Corpus::open(&Disk::real(), &file(name), name, &CONFIG) else { return };
        for index in 0..corpus.len() {
            corpus.load(index).expect("what was indexed can be read");
        }
    };
    match which % 8 {
        0 => open("corpus.jsonl"),
        1 => open("corpus.csv"),
        2 => drop(promptfoo::import(&Disk::real(), &file("promptfooconfig.yaml"), "t", &Graders::default())),
        3 => drop(logs::litellm(&Disk::real(), &file("log.jsonl"))),
        4 => drop(logs::langfuse(&Disk::real(), &file("log.json"))),
        5 => drop(logs::otel(&Disk::real(), &file("log.jsonl"))),
        6 => drop(table::evals(&Disk::real(), &file("evals.jsonl"))),
        _ => drop(promptfoo::import(&Disk::real(), &file("tests.csv"), "t", &Graders::default())),
    }
});
