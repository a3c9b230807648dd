//! What the integration tests share: a scratch project, the real binary in it, and a scripted HTTP server.
#![allow(dead_code, reason = "each test binary uses a part of this")]
#![allow(missing_docs, unreachable_pub, reason = "test code")]

pub mod batch;
pub mod server;
pub mod world;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A temporary project folder.
pub struct Scratch {
    folder: tempfile::TempDir,
}

/// What a command left behind.
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// A copy of what the quickstart needs.
pub fn quickstart() -> Scratch {
    let scratch = Scratch::empty();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("corpora"), root.join("oracles")];
    let mut files = vec![root.join("route-prof.toml"), root.join("router.toml")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap().flatten() {
            if entry.path().is_dir() { folders.push(entry.path()) } else { files.push(entry.path()) }
        }
    }
    for file in files {
        let name = file.strip_prefix(root).unwrap().to_string_lossy().into_owned();
        scratch.write(&name, std::fs::read(&file).unwrap());
    }
    scratch
}

impl Scratch {
    /// An empty folder.
    pub fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A small working project: two tiers of a scripted provider, one task, four prompts.
    pub fn project() -> Self {
        let scratch = Self::empty();
        scratch.write("route-prof.toml", CONFIG);
        scratch.write("oracles/colour@1.toml", ORACLE);
        scratch.write("script.toml", SCRIPT);
        scratch.write("corpus.jsonl", CORPUS);
        scratch
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        let path = self.file(name);
        #[allow(clippy::disallowed_methods, reason = "a test writes its own inputs")]
        {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, contents).unwrap();
        }
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub fn replace(&self, name: &str, from: &str, to: &str) {
        let text = self.read(name);
        assert!(text.contains(from), "{name} has no {from:?}");
        self.write(name, text.replacen(from, to, 1));
    }

    /// The binary in this folder, with an environment that holds nothing of the developer's.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_route-prof"));
        command.current_dir(self.path()).args(args).env_clear().stdin(Stdio::null());
        for keep in ["PATH", "HOME", "TMPDIR", "SYSTEMROOT"] {
            if let Some(value) = std::env::var_os(keep) {
                command.env(keep, value);
            }
        }
        command
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        self.ran(&self.command(args).output().unwrap())
    }

    pub fn ran(&self, output: &Output) -> Ran {
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: self.scrub(&String::from_utf8_lossy(&output.stdout)),
            stderr: self.scrub(&String::from_utf8_lossy(&output.stderr)),
        }
    }

    /// The text with this folder's path replaced, so that snapshots are the same everywhere.
    fn scrub(&self, text: &str) -> String {
        let canonical = self.path().canonicalize().unwrap();
        text.replace(&*canonical.to_string_lossy(), "[folder]")
            .replace(&*self.path().to_string_lossy(), "[folder]")
    }
}

impl Ran {
    /// All of it, for a snapshot.
    pub fn all(&self) -> String {
        let mut text = format!("exit {}\n", self.code);
        for (name, stream) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !stream.trim().is_empty() {
                text.push_str(&format!("-- {name}\n{}\n", stream.trim_end()));
            }
        }
        text
    }

    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}", self.all());
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.all()))
    }
}

pub const CONFIG: &str = r#"version = 1

[[tier]]
name = "small"
model = "script/pup"

[[tier]]
name = "large"
model = "script/hound"

[provider.script]
api = "scripted"
script = "script.toml"

[prices.model."script/pup"]
input = 1
output = 2

[prices.model."script/hound"]
input = 10
output = 20

[task.colour]
oracle = "colour@1"
consequence = "low"
requests_per_day = 1000
"#;

/// Settings of two tiers of an OpenAI-compatible server, and the task of [`ORACLE`]; `extra` stands behind the task.
pub fn two_tiers_at(base_url: &str, extra: &str) -> String {
    format!(
        r#"version = 1
[[tier]]
name = "small"
model = "local/pup"
max_output_tokens = 8
[[tier]]
name = "large"
model = "local/hound"
max_output_tokens = 8
[provider.local]
api = "openai"
base_url = "{base_url}"
api_key_env = "TEST_KEY"
limits = {{ concurrency = 8 }}
[prices.model."local/pup"]
input = 1
output = 2
[prices.model."local/hound"]
input = 10
output = 20
[task.colour]
oracle = "colour@1"
consequence = "low"
requests_per_day = 1000
{extra}"#
    )
}

pub const ORACLE: &str = r#"id = "colour@1"
description = "One colour, nothing else"

[label]
set = ["red", "green", "blue"]
normalise = ["trim", "lowercase", "strip_punctuation"]

[[example]]
output = " Red.\n"
expected = "red"
verdict = "pass"

[[example]]
output = "It is red"
expected = "red"
verdict = "fail"
"#;

pub const CORPUS: &str = r#"{"id": "sky", "task": "colour", "prompt": "The colour of the sky?", "expected": "blue"}
{"id": "grass", "task": "colour", "prompt": "The colour of grass?", "expected": "green", "weight": 3}
{"id": "blood", "task": "colour", "prompt": "The colour of blood?", "expected": "red"}
{"id": "leaf", "task": "colour", "prompt": "The colour of a leaf?", "expected": "green", "tags": ["adversarial"]}
"#;

pub const SCRIPT: &str = r#"
"#;

/// A folder of recordings of real models, which lie beside the project where they are present; else a clear word on stderr.
pub fn recordings(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    #[allow(clippy::print_stderr, reason = "a test that compares nothing must say so")]
    {
        eprintln!("NOT TESTED: ../shared/data/{name} is not beside the project, so nothing was compared");
    }
    None
}
