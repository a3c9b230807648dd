//! No `route-prof.toml` makes the reader panic: it is a configuration, or its faults are named.
#![no_main]

use libfuzzer_sys::fuzz_target;
use route_prof::config;
use route_prof::disk::Disk;

fuzz_target!(|bytes: &[u8]| {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("route-prof.toml");
    Disk::real().replace(&path, bytes).expect("a file");
    if let Err(error) = config::load(&Disk::real(), &path) {
        assert!(!error.to_string().is_empty());
    }
});
