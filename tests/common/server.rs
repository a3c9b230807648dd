//! A scripted HTTP server on loopback that speaks chat completions, plain and streamed, and remembers every request.
//!
//! It is made of threads and raw sockets, so that it can do what an HTTP library would not: break off, drip, hang.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// What the server does with a request.
#[derive(Clone, Debug)]
pub enum Act {
    /// Answers with this text after a delay.
    Say(String, Duration),
    /// Answers with this status, headers and body.
    Status(u16, Vec<(String, String)>, String),
    /// Sends a part of the answer and closes the connection.
    BreakOff,
}

impl Act {
    pub fn say(text: impl Into<String>) -> Self {
        Self::Say(text.into(), Duration::ZERO)
    }
}

type Script = dyn Fn(&Value, usize) -> Act + Send + Sync;

/// A running server; it stops with the test's process.
pub struct Server {
    pub port: u16,
    state: Arc<State>,
}

struct State {
    script: Box<Script>,
    /// How often each prompt (by model and last message) was asked, and answered whole.
    asked: Mutex<HashMap<(String, String), (usize, usize)>>,
    arrivals: Mutex<Vec<Instant>>,
    /// Request lines and headers.
    heads: Mutex<Vec<String>>,
    open: AtomicUsize,
    most_open: AtomicUsize,
}

impl Server {
    /// Starts a server; `script` is given the request's body and how often this very prompt was asked before.
    pub fn start(script: impl Fn(&Value, usize) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State {
            script: Box::new(script),
            asked: Mutex::default(),
            arrivals: Mutex::default(),
            heads: Mutex::default(),
            open: AtomicUsize::new(0),
            most_open: AtomicUsize::new(0),
        });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || serve(stream, &state));
            }
        });
        Self { port, state }
    }

    pub fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}/v1", self.port)
    }

    /// Requests that arrived.
    pub fn asked(&self) -> usize {
        self.state.asked.lock().unwrap().values().map(|(asked, _)| asked).sum()
    }

    /// Answers that were written whole.
    pub fn answered(&self) -> usize {
        self.state.asked.lock().unwrap().values().map(|(_, answered)| answered).sum()
    }

    /// Different prompts that were asked.
    pub fn distinct(&self) -> usize {
        self.state.asked.lock().unwrap().len()
    }

    pub fn most_open(&self) -> usize {
        self.state.most_open.load(Ordering::SeqCst)
    }

    /// The request line and the headers of each request that arrived.
    pub fn heads(&self) -> Vec<String> {
        self.state.heads.lock().unwrap().clone()
    }

    pub fn arrivals(&self) -> Vec<Instant> {
        self.state.arrivals.lock().unwrap().clone()
    }
}

fn serve(stream: TcpStream, state: &State) {
    let _ = stream.set_nodelay(true);
    let Ok(copy) = stream.try_clone() else { return };
    let (mut reader, mut writer) = (BufReader::new(copy), stream);
    while let Some((head, body)) = read_request(&mut reader) {
        let Ok(body) = serde_json::from_slice::<Value>(&body) else {
            let _ = write!(writer, "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
            continue;
        };
        state.arrivals.lock().unwrap().push(Instant::now());
        state.heads.lock().unwrap().push(head);
        let model = body["model"].as_str().unwrap_or_default().to_owned();
        let last = body["messages"].as_array().and_then(|all| all.last()).map(|m| m["content"].to_string());
        let key = (model, last.unwrap_or_default());
        let before = {
            let mut asked = state.asked.lock().unwrap();
            let entry = asked.entry(key.clone()).or_default();
            entry.0 += 1;
            entry.0 - 1
        };
        let open = state.open.fetch_add(1, Ordering::SeqCst) + 1;
        state.most_open.fetch_max(open, Ordering::SeqCst);
        let act = (state.script)(&body, before);
        if let Act::Say(_, delay) = &act {
            std::thread::sleep(*delay);
        }
        // Before the answer: its reader may send the next request sooner than this thread goes on.
        state.open.fetch_sub(1, Ordering::SeqCst);
        let done = answer(&mut writer, &body, &act);
        match done {
            Ok(true) => state.asked.lock().unwrap().entry(key).or_default().1 += 1,
            Ok(false) => {}
            Err(_) => return,
        }
    }
}

fn read_request(reader: &mut BufReader<TcpStream>) -> Option<(String, Vec<u8>)> {
    let mut head = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((head, body))
}

/// Writes the answer; `Ok(true)` when it was a whole reply.
fn answer(writer: &mut TcpStream, body: &Value, act: &Act) -> std::io::Result<bool> {
    match act {
        Act::Say(text, _) => {
            let usage = usage(body, text);
            if body["stream"] == json!(true) {
                let chunk = |delta: Value, finish: Value| {
                    let event = json!({"id": "c", "object": "chat.completion.chunk", "model": body["model"],
                        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]});
                    format!("data: {event}\n\n")
                };
                let mut events = chunk(json!({"role": "assistant", "content": null}), Value::Null);
                events += &chunk(json!({"content": text}), Value::Null);
                events += &chunk(json!({}), json!("stop"));
                events +=
                    &format!("data: {}\n\n", json!({"choices": [], "model": body["model"], "usage": usage}));
                events += "data: [DONE]\n\n";
                write!(
                    writer,
                    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: {}\r\n\r\n{events}",
                    events.len()
                )?;
            } else {
                let reply = json!({"id": "c", "object": "chat.completion", "model": body["model"], "usage": usage,
                    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}]})
                .to_string();
                respond(writer, 200, &[("content-type".into(), "application/json".into())], &reply)?;
            }
            writer.flush()?;
            Ok(true)
        }
        Act::Status(status, headers, text) => {
            respond(writer, *status, headers, text)?;
            Ok(false)
        }
        Act::BreakOff => {
            write!(
                writer,
                "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: {{\"choices\":[{{\"delta\":{{\"content\":\"hal\"}}}}]}}\n\n"
            )?;
            writer.flush()?;
            Err(std::io::Error::other("broken off on purpose"))
        }
    }
}

fn respond(
    writer: &mut TcpStream,
    status: u16,
    headers: &[(String, String)],
    text: &str,
) -> std::io::Result<()> {
    let mut head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n", text.len());
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    write!(writer, "{head}\r\n{text}")
}

fn usage(body: &Value, text: &str) -> Value {
    let sent = body["messages"].to_string().len() / 4;
    json!({"prompt_tokens": sent, "completion_tokens": text.len().div_ceil(4), "total_tokens": sent + text.len().div_ceil(4)})
}
