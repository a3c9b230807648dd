//! Files that a config names as `file://...`: text, JSON or YAML beside it. Reads nothing outside its folder, and runs no code.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::disk::Disk;

/// The folder of a config, out of which nothing is read.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    disk: Disk,
    path: PathBuf,
}

/// How a file's contents are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Take {
    /// As what they say: JSON and YAML as their values, all else as text. So an assertion takes them.
    Value,
    /// As a text: JSON as it is written, YAML as JSON. So a variable takes them.
    Text,
}

impl Folder {
    /// The folder that the file at `path` lies in.
    pub(super) fn of(disk: &Disk, path: &Path) -> Self {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        Self { disk: disk.clone(), path: parent.unwrap_or_else(|| Path::new(".")).to_owned() }
    }

    /// The path of a file that is named in the config, with or without `file://`.
    pub(super) fn path(&self, name: &str) -> Result<PathBuf, String> {
        let name = name.strip_prefix("file://").unwrap_or(name);
        let path = self.path.join(name);
        if CODE.contains(&extension(&path).as_str()) || name.contains(".js:") || name.contains(".py:") {
            return Err("it is code, which is not run".to_owned());
        }
        if name.contains('*') {
            return Err("it is a pattern of names: name the files".to_owned());
        }
        // Links are followed first, so that none leads out of the folder.
        let whole =
            |path: &Path| self.disk.canonical(path).map_err(|error| format!("it cannot be read: {error}"));
        if !whole(&path)?.starts_with(whole(&self.path)?) {
            return Err("it lies outside the config's folder: copy it there".to_owned());
        }
        Ok(path)
    }

    /// The contents of a file that is named in the config.
    pub(super) fn read(&self, name: &str, take: Take) -> Result<Value, String> {
        let path = self.path(name)?;
        let bytes = self.disk.read(&path).map_err(|error| error.to_string())?;
        let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
        let text = text.trim_start_matches('\u{feff}').trim().to_owned();
        let parsed = match (extension(&path).as_str(), take) {
            ("json", Take::Value) => serde_json::from_str(&text).map_err(|error| error.to_string()),
            ("yaml" | "yml", _) => yaml(&text),
            ("pdf" | "png" | "jpg" | "jpeg" | "webp" | "gif" | "mp3" | "wav", _) => {
                return Err("it is no text".to_owned());
            }
            _ => return Ok(Value::String(text)),
        };
        let value: Value =
            parsed.map_err(|why| format!("it cannot be read: {}", why.lines().next().unwrap_or_default()))?;
        Ok(if take == Take::Text { Value::String(value.to_string()) } else { value })
    }

    /// The variables with those that are files read.
    pub(super) fn vars(&self, vars: &Map<String, Value>) -> Result<Map<String, Value>, (String, String)> {
        let mut read = Map::new();
        for (name, value) in vars {
            let value = match value {
                Value::String(text) if text.starts_with("file://") => {
                    self.read(text, Take::Text).map_err(|why| (format!("{name}: {text}"), why))?
                }
                other => other.clone(),
            };
            read.insert(name.clone(), value);
        }
        Ok(read)
    }
}

/// YAML as promptfoo reads it, which is YAML 1.2: `yes`, `no`, `n` and the like are texts.
pub(super) fn yaml(text: &str) -> Result<Value, String> {
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| error.to_string())
}

/// Endings of files that promptfoo runs.
const CODE: [&str; 8] = ["js", "cjs", "mjs", "ts", "cts", "mts", "py", "rb"];

/// The ending of a name, in small letters.
pub(super) fn extension(path: &Path) -> String {
    path.extension().and_then(|ext| ext.to_str()).unwrap_or_default().to_lowercase()
}
