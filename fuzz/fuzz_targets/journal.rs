//! No bytes on disk make a journal panic, and what was read whole is read whole again after recovery.
#![no_main]

use libfuzzer_sys::fuzz_target;
use route_prof::disk::Disk;
use route_prof::journal::{Journal, Reader};

fuzz_target!(|bytes: &[u8]| {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("journal.jsonl");
    let header = b"{\"route-prof\":\"journal\",\"version\":1}\n";
    Disk::real().replace(&path, &[header.as_slice(), bytes].concat()).expect("a file");
    let before = Reader::open(&Disk::real(), &path).map(|reader| reader.map_while(Result::ok).count());
    if let Ok((journal, _, recovery)) = Journal::open(&Disk::real(), &path) {
        drop(journal);
        let after = Reader::open(&Disk::real(), &path).map(|reader| reader.map_while(Result::ok).count());
        assert_eq!(before.ok(), after.ok());
        assert_eq!(
            Some(recovery.records),
            Reader::open(&Disk::real(), &path).map(|reader| reader.count() as u64).ok()
        );
    }
});
