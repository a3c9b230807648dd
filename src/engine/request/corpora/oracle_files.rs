//! Writes the oracles that an import makes.

use std::path::{Path, PathBuf};

use crate::corpus::import::OracleDraft;
use crate::disk::Disk;

/// Writes oracles that do not exist yet, and returns their paths. Existing files are left alone.
pub(super) fn write_oracles(
    disk: &Disk,
    folder: &Path,
    oracles: &[OracleDraft],
) -> anyhow::Result<Vec<PathBuf>> {
    let mut written = Vec::new();
    for oracle in oracles {
        let Some(text) = oracle.to_toml() else { continue };
        let path = folder.join(format!("{}.toml", oracle.id));
        if disk.read_if_present(&path)?.is_none() {
            disk.replace(&path, text.as_bytes())?;
            written.push(path);
        }
    }
    Ok(written)
}
