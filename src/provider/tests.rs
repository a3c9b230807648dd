//! Tests of the transport and of chat completions against raw sockets: what an HTTP library would not do to a client.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::config::{DataLocation, Limits, RunSettings};
use crate::record::{ErrorKind, Message, Outcome, UsageQuality};
use crate::units::Tokens;

/// What a server writes: pieces of bytes, each after a pause; then it closes, or hangs.
#[derive(Clone)]
struct Script {
    pieces: Vec<(u64, Vec<u8>)>,
    hang: bool,
}

fn script(pieces: &[(u64, &str)]) -> Script {
    Script { pieces: pieces.iter().map(|(ms, text)| (*ms, text.as_bytes().to_vec())).collect(), hang: false }
}

fn whole(status: &str, kind: &str, body: &str) -> Script {
    let head =
        format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    script(&[(0, &head)])
}

const STREAM: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";

async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).await.ok()?;
        if read == 0 {
            return None;
        }
        bytes.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length: usize = head
                .lines()
                .find_map(|line| {
                    line.to_lowercase().strip_prefix("content-length:").map(str::trim).map(str::to_owned)
                })
                .and_then(|length| length.parse().ok())
                .unwrap_or_default();
            if body.len() >= length {
                return Some(text);
            }
        }
    }
}

fn provider(url: String) -> Provider {
    Provider {
        name: crate::ident::ProviderName::new("p").unwrap(),
        api: "openai".to_owned(),
        base_url: Some(url),
        api_version: None,
        api_key_env: None,
        headers: BTreeMap::new(),
        data_location: DataLocation::External,
        limits: Limits { concurrency: 1, requests_per_minute: None, tokens_per_minute: None },
        stream: true,
        max_tokens_field: None,
        served_model: None,
        script: None,
        line: 1,
    }
}

fn settings() -> RunSettings {
    RunSettings { connect_timeout_s: 2, progress_timeout_s: 1, total_timeout_s: 2, ..RunSettings::default() }
}

fn request() -> Request {
    Request {
        messages: vec![Message::text("user", "hello")],
        params: BTreeMap::from([("seed".to_owned(), serde_json::json!(7))]),
        max_output_tokens: Tokens(16),
    }
}

/// The response to a scripted reply, and the request that was sent.
async fn call(script: Script) -> (Response, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let request = read_request(&mut stream).await.unwrap_or_default();
        for (pause, piece) in &script.pieces {
            tokio::time::sleep(Duration::from_millis(*pause)).await;
            if stream.write_all(piece).await.is_err() {
                break;
            }
            let _ = stream.flush().await;
        }
        if script.hang {
            tokio::time::sleep(Duration::from_secs(30)).await;
        }
        request
    });
    let endpoint = Endpoint::connect(&World::default(), &provider(url), &settings()).unwrap();
    let response = endpoint.call("m", &request()).await;
    let sent = if server.is_finished() { server.await.unwrap() } else { String::new() };
    (response, sent)
}

async fn answer(script: Script) -> Response {
    call(script).await.0
}

fn delta(text: &str) -> String {
    format!("data: {}\n\n", serde_json::json!({"model": "m-1", "choices": [{"delta": {"content": text}}]}))
}

const FINISH: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const USAGE: &str = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":2}}\n\n";
const DONE: &str = "data: [DONE]\n\n";

#[tokio::test]
async fn a_stream_is_put_together_wherever_it_is_cut_and_timed_by_its_first_visible_text() {
    let role = "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":null}}]}\n\n";
    let body = format!("{}{}{FINISH}{USAGE}{DONE}", delta("hé"), delta("llo 😀"));
    // The pieces are cut within characters of several bytes.
    let bytes = body.into_bytes();
    let mut pieces: Vec<(u64, Vec<u8>)> =
        vec![(0, STREAM.as_bytes().to_vec()), (0, role.as_bytes().to_vec())];
    pieces.extend(
        bytes.chunks(7).enumerate().map(|(at, chunk)| (if at == 0 { 120 } else { 0 }, chunk.to_vec())),
    );
    let (response, sent) = call(Script { pieces, hang: false }).await;
    assert_eq!((response.outcome, response.text.as_str()), (Outcome::Reply, "héllo 😀"));
    assert_eq!(response.served_model.as_deref(), Some("m-1"));
    assert_eq!(response.usage.quality, UsageQuality::Reported);
    assert!(response.clocks.first_content_ms.unwrap().ms() >= 100.0, "the role is no token");
    assert!(response.clocks.headers_ms.unwrap() < response.clocks.first_content_ms.unwrap());
    assert!(
        sent.contains("\"seed\":7") && sent.contains("\"max_tokens\":16") && sent.contains("include_usage"),
        "{sent}"
    );
    assert!(!sent.contains("temperature"), "no sampling parameter of our own");
}

#[tokio::test]
async fn a_stream_that_ends_without_its_end_is_no_answer() {
    let cut = answer(script(&[(0, STREAM), (0, &delta("half"))])).await;
    assert_eq!((cut.outcome, cut.retry), (Outcome::Error, Retry::Once));
    assert_eq!(cut.failure.unwrap().kind, ErrorKind::BrokenStream);
    assert_eq!(cut.text, "half", "what came is kept");
    // The finish reason is an end, too, where a server forgets the marker.
    assert_eq!(answer(script(&[(0, STREAM), (0, &delta("all")), (0, FINISH)])).await.outcome, Outcome::Reply);
}

#[tokio::test]
async fn an_error_within_a_stream_stands_for_its_status() {
    let error = "data: {\"error\":{\"message\":\"overloaded\",\"type\":\"overloaded_error\"}}\n\n";
    let response = answer(script(&[(0, STREAM), (0, &delta("x")), (0, error)])).await;
    assert_eq!((response.outcome, response.retry), (Outcome::Error, Retry::Backoff));
    assert_eq!(response.failure.unwrap().kind, ErrorKind::Server);
}

#[tokio::test]
async fn a_200_is_not_success() {
    for (body, kind) in [
        ("{\"error\":{\"message\":\"no\",\"code\":503}}", ErrorKind::Server),
        ("<html>hello</html>", ErrorKind::Protocol),
        ("{\"choices\":[]}", ErrorKind::Protocol),
    ] {
        let response = answer(whole("200 OK", "application/json", body)).await;
        assert_eq!((response.outcome, response.failure.unwrap().kind), (Outcome::Error, kind), "{body}");
    }
    // A stream was asked for, and a whole reply came: that is an answer.
    let reply = "{\"choices\":[{\"message\":{\"content\":\"hi\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}";
    let response = answer(whole("200 OK", "application/json", reply)).await;
    assert_eq!((response.outcome, response.text.as_str(), response.streamed), (Outcome::Reply, "hi", false));
}

#[tokio::test]
async fn refusal_truncation_overflow_and_silence_are_told_apart() {
    let reply = |message: &str, finish: &str| {
        let usage = "{\"prompt_tokens\":1,\"completion_tokens\":8,\"completion_tokens_details\":{\"reasoning_tokens\":8}}";
        whole(
            "200 OK",
            "application/json",
            &format!(
                "{{\"choices\":[{{\"message\":{message},\"finish_reason\":\"{finish}\"}}],\"usage\":{usage}}}"
            ),
        )
    };
    assert_eq!(
        answer(reply("{\"content\":null,\"refusal\":\"I will not\"}", "stop")).await.outcome,
        Outcome::Refused
    );
    assert_eq!(answer(reply("{\"content\":\"\"}", "content_filter")).await.outcome, Outcome::Refused);
    let cut = answer(reply("{\"content\":\"a b\"}", "length")).await;
    assert_eq!((cut.outcome, cut.retry), (Outcome::Truncated, Retry::No));
    let thought = answer(reply("{\"content\":\"\"}", "length")).await;
    assert!(thought.failure.unwrap().message.contains("reasoning"), "the cap went into reasoning");
    assert_eq!(
        answer(reply("{\"content\":\"\"}", "stop")).await.outcome,
        Outcome::Reply,
        "graded, and failed"
    );
    let body = "{\"error\":{\"code\":400,\"type\":\"exceed_context_size_error\",\"message\":\"too large\",\"n_ctx\":2048}}";
    let long = answer(whole("400 Bad Request", "application/json", body)).await;
    assert_eq!((long.outcome, long.retry), (Outcome::Overflow, Retry::No));
}

#[tokio::test]
async fn statuses_call_for_what_they_call_for() {
    let page = "<html><body>502 Bad Gateway</body></html>";
    let response = answer(whole("502 Bad Gateway", "text/html", page)).await;
    assert_eq!((response.status, response.retry), (Some(502), Retry::Backoff));
    assert!(response.failure.unwrap().message.contains("502 Bad Gateway"));
    let head = "HTTP/1.1 429 X\r\nretry-after: 7\r\ncontent-length: 2\r\n\r\n{}";
    assert_eq!(answer(script(&[(0, head)])).await.retry, Retry::After(Duration::from_secs(7)));
    assert_eq!(answer(whole("401 X", "application/json", "{}")).await.retry, Retry::StopTier);
    let redirect = "HTTP/1.1 302 X\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
    assert_eq!(
        answer(script(&[(0, redirect)])).await.outcome,
        Outcome::Error,
        "no redirect is followed with a key"
    );
}

#[tokio::test]
async fn silence_and_chatter_without_content_time_out() {
    let silent = answer(Script { pieces: Vec::new(), hang: true }).await;
    assert_eq!(silent.failure.unwrap().kind, ErrorKind::Timeout);
    // Comments keep a line open, and are no progress.
    let mut pieces = vec![(0, STREAM.as_bytes().to_vec()), (0, delta("x").into_bytes())];
    pieces.extend((0..40).map(|_| (100, b": ping\n\n".to_vec())));
    let chatter = answer(Script { pieces, hang: true }).await;
    assert_eq!(chatter.failure.unwrap().kind, ErrorKind::Timeout);
    assert_eq!(chatter.retry, Retry::Once, "it may stand on the bill");
}

#[tokio::test]
async fn a_connection_that_dies_or_never_comes_is_tried_again() {
    let dead = answer(script(&[])).await;
    assert_eq!((dead.failure.unwrap().kind, dead.retry), (ErrorKind::Connect, Retry::Backoff));
    let endpoint =
        Endpoint::connect(&World::default(), &provider("http://127.0.0.1:1/v1".to_owned()), &settings())
            .unwrap();
    let nobody = endpoint.call("m", &request()).await;
    assert_eq!((nobody.failure.unwrap().kind, nobody.retry), (ErrorKind::Connect, Retry::Backoff));
}
