//! A world in memory: files that are gone with it, a host that answers as it is told, and time that passes only while everybody
//! waits. Small on purpose: it shows that the engine needs nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Cursor, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use route_prof::clock::{Clock, sleep};
use route_prof::disk::{Appendable, Disk, Entry, FileSystem, Fill, Readable};
use route_prof::net::{
    Body, Exchange, HeaderMap, HttpReply, HttpRequest, Link, Network, Payload, Pieces, Transport,
};
use route_prof::world::World;
use serde_json::{Value, json};

/// Files by path. Those that are open for appending are locked.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    files: Arc<Mutex<BTreeMap<PathBuf, Vec<u8>>>>,
    locked: Arc<Mutex<BTreeSet<PathBuf>>>,
}

/// A path without the parts that mean nothing.
fn plain(path: &Path) -> PathBuf {
    path.components().filter(|part| !matches!(part, Component::CurDir)).collect()
}

impl Memory {
    pub fn put(&self, path: &str, bytes: impl AsRef<[u8]>) {
        self.files.lock().unwrap().insert(PathBuf::from(path), bytes.as_ref().to_owned());
    }

    /// Every file by its path.
    pub fn all(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        self.files.lock().unwrap().clone()
    }
}

impl FileSystem for Memory {
    fn open(&self, path: &Path) -> io::Result<Box<dyn Readable>> {
        let files = self.files.lock().unwrap();
        let bytes = files.get(&plain(path)).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(Cursor::new(bytes.clone())))
    }

    fn entry(&self, path: &Path) -> Option<Entry> {
        let (files, path) = (self.files.lock().unwrap(), plain(path));
        let folder = || files.keys().any(|file| file.starts_with(&path)).then_some(Entry::Other);
        files.get(&path).map(|bytes| Entry::File(bytes.len() as u64)).or_else(folder)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let (files, path) = (self.files.lock().unwrap(), plain(path));
        let below = files.keys().filter_map(|file| file.strip_prefix(&path).ok()?.components().next());
        let names: BTreeSet<String> =
            below.map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
        if names.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(names.into_iter().collect()) }
    }

    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        Ok(plain(path))
    }

    fn make_folder(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn replace(&self, path: &Path, fill: Fill<'_>) -> io::Result<()> {
        let mut bytes = Vec::new();
        fill(&mut bytes)?;
        self.files.lock().unwrap().insert(plain(path), bytes);
        Ok(())
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn Appendable>> {
        let path = plain(path);
        if !self.locked.lock().unwrap().insert(path.clone()) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.files.lock().unwrap().entry(path.clone()).or_default();
        Ok(Box::new(Appending { memory: self.clone(), path, unsynced: Vec::new() }))
    }
}

/// What was written counts once it is synced.
#[derive(Debug)]
struct Appending {
    memory: Memory,
    path: PathBuf,
    unsynced: Vec<u8>,
}

impl Appendable for Appending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.unsynced.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut files = self.memory.files.lock().unwrap();
        files.entry(self.path.clone()).or_default().append(&mut self.unsynced);
        Ok(())
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        let mut files = self.memory.files.lock().unwrap();
        files.entry(self.path.clone()).or_default().truncate(usize::try_from(len).unwrap());
        Ok(())
    }
}

impl Drop for Appending {
    fn drop(&mut self) {
        self.memory.locked.lock().unwrap().remove(&self.path);
    }
}

/// What a host says to the text of a request: a status and a body.
pub type Says = Arc<dyn Fn(&Value) -> (u16, Value) + Send + Sync>;

/// A network with one host. Each reply takes a while, by the clock of that world.
#[derive(Clone)]
pub struct Host {
    pub says: Says,
    /// Requests so far.
    pub asked: Arc<AtomicU64>,
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a host in memory")
    }
}

impl Network for Host {
    fn link(&self, _link: Link) -> Result<Arc<dyn Transport>, String> {
        Ok(Arc::new(self.clone()))
    }
}

impl Transport for Host {
    fn exchange(&self, request: HttpRequest) -> Exchange<'_, HttpReply> {
        Box::pin(async move {
            let number = self.asked.fetch_add(1, Ordering::Relaxed);
            let body = match request.payload {
                Payload::Json(text) => serde_json::from_str(&text).unwrap(),
                Payload::Nothing | Payload::File { .. } => Value::Null,
            };
            sleep(Duration::from_millis(200 + number % 7 * 50)).await;
            let (status, reply) = (self.says)(&body);
            let mut headers = HeaderMap::new();
            headers.insert("content-type", "application/json".parse().unwrap());
            let pieces = OnePiece(Some(Bytes::from(reply.to_string())));
            let body = Body::Other(Box::new(pieces));
            Ok(HttpReply { status, headers, first_of_its_connection: number == 0, body })
        })
    }
}

#[derive(Debug)]
struct OnePiece(Option<Bytes>);

impl Pieces for OnePiece {
    fn next(&mut self) -> Exchange<'_, Option<Bytes>> {
        Box::pin(async { Ok(self.0.take()) })
    }
}

/// A clock that stands still while anybody works, and jumps to the next moment that somebody waits for.
#[derive(Debug)]
struct StandingClock;

impl Clock for StandingClock {
    fn now(&self) -> jiff::Timestamp {
        "2026-11-26T12:00:00Z".parse().unwrap()
    }

    fn runtime(&self) -> io::Result<tokio::runtime::Runtime> {
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()
    }
}

/// A world of those files, with a host that says that.
pub fn world(memory: &Memory, host: Host) -> World {
    World { disk: Disk::over(memory.clone()), network: Arc::new(host), clock: Arc::new(StandingClock) }
}

/// A chat completion of that text.
pub fn completion(model: &Value, text: &str) -> Value {
    json!({
        "object": "chat.completion", "model": model,
        "choices": [{ "index": 0, "message": { "role": "assistant", "content": text }, "finish_reason": "stop" }],
        "usage": { "prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15 },
    })
}
