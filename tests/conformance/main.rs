//! One suite for every API, plain and streamed, against a server that does what servers do: answer, refuse, cut off, drip,
//! hang, reset, lie.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]

mod encoding;
mod fixtures;
mod server;

use std::collections::BTreeMap;
use std::time::Duration;

use fixtures::{API, Fixture, TEXT};
use route_prof::config::{DataLocation, Limits, Provider, RunSettings};
use route_prof::provider::{Endpoint, Response, Retry};
use route_prof::record::{ErrorKind, Message, Outcome, Request, UsageQuality};
use route_prof::units::Tokens;
use server::{Act, Served, serve};

/// An API in one of its two forms.
#[derive(Clone, Copy)]
struct Form {
    api: &'static Fixture,
    stream: bool,
}

impl Form {
    fn all() -> impl Iterator<Item = Self> {
        API.iter().flat_map(|api| [false, true].map(|stream| Self { api, stream }))
    }

    fn name(self) -> String {
        format!("{} {}", self.api.name, if self.stream { "streamed" } else { "plain" })
    }

    fn pick(self, reply: fixtures::Reply) -> Vec<String> {
        (reply)(self.stream)
    }

    fn head(self) -> String {
        let kind = if self.stream { self.api.stream_type } else { "application/json" };
        format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\nconnection: close\r\n\r\n")
    }

    /// A reply whose end is the end of the connection, as far as these pieces go.
    fn reply(self, pieces: &[String]) -> Act {
        Act::Write(vec![(self.head() + &pieces.concat()).into_bytes()])
    }

    async fn call(self, act: Act) -> (Response, Served) {
        let request = Request {
            messages: vec![
                Message::text("system", "Be brief."),
                Message::text("user", "What is the answer?"),
            ],
            params: BTreeMap::new(),
            max_output_tokens: Tokens(64),
        };
        self.send(act, &request).await
    }

    async fn send(self, act: Act, request: &Request) -> (Response, Served) {
        let (port, served) = serve(act).await;
        let provider = Provider {
            name: "p".parse().unwrap(),
            api: self.api.name.to_owned(),
            base_url: Some(format!("http://127.0.0.1:{port}{}", self.api.base)),
            api_version: None,
            api_key_env: None,
            headers: BTreeMap::new(),
            data_location: DataLocation::Local,
            limits: Limits { concurrency: 1, requests_per_minute: None, tokens_per_minute: None },
            stream: self.stream,
            max_tokens_field: None,
            served_model: None,
            script: None,
            line: 1,
        };
        let run = RunSettings {
            connect_timeout_s: 2,
            progress_timeout_s: 1,
            total_timeout_s: 3,
            ..RunSettings::default()
        };
        let endpoint = Endpoint::connect(&route_prof::world::World::default(), &provider, &run).unwrap();
        let response = endpoint.call("model-a", request).await;
        (response, served)
    }
}

/// Runs a check for every API in both forms, all at once.
async fn every<F>(check: impl Fn(Form) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut all = tokio::task::JoinSet::new();
    for form in Form::all() {
        let check = check(form);
        all.spawn(check);
    }
    while let Some(done) = all.join_next().await {
        done.unwrap();
    }
}

#[track_caller]
fn failed(form: Form, response: &Response, kind: ErrorKind, retry: &Retry) {
    let name = form.name();
    assert_eq!(response.outcome, Outcome::Error, "{name}: {response:?}");
    assert_eq!(response.failure.as_ref().map(|failure| failure.kind), Some(kind), "{name}: {response:?}");
    assert_eq!(response.retry, *retry, "{name}: {response:?}");
}

#[tokio::test]
async fn a_good_reply_is_read_whole_with_its_usage_and_its_times() {
    every(|form| async move {
        let (response, served) = form.call(form.reply(&form.pick(form.api.good))).await;
        let name = form.name();
        assert_eq!(
            (response.outcome, response.text.as_str()),
            (Outcome::Reply, TEXT),
            "{name}: {response:?}"
        );
        assert_eq!(response.failure, None, "{name}");
        assert_eq!(response.streamed, form.stream, "{name}");
        assert!(response.served_model.as_deref().unwrap().contains("model-a"), "{name}");
        let usage = &response.usage;
        assert_eq!(usage.all_input(), Some(Tokens(100)), "{name}: {usage:?}");
        assert_eq!(usage.output, Some(Tokens(20)), "{name}: {usage:?}");
        assert_eq!(usage.quality, UsageQuality::Reported, "{name}: {usage:?}");
        if form.api.caches {
            assert_eq!((usage.input, usage.cache_read), (Some(Tokens(60)), Some(Tokens(40))), "{name}");
        }
        assert!(!usage.raw.is_null(), "{name}: the provider's own words are kept");
        assert!(response.clocks.cold, "{name}: its connection was new");
        assert!(response.clocks.total_ms >= response.clocks.headers_ms, "{name}");
        assert_eq!(response.clocks.first_content_ms.is_some(), form.stream, "{name}");
        // What was sent: the whole conversation, no sampling parameter, the cap.
        let sent = served.request();
        assert!(sent.contains("What is the answer?") && sent.contains("Be brief."), "{name}: {sent}");
        assert!(sent.contains("64"), "{name}: {sent}");
        for sampling in ["temperature", "top_p", "topP", "top_k", "seed"] {
            assert!(!sent.contains(sampling), "{name}: {sent}");
        }
        assert!(!sent.to_lowercase().contains("accept-encoding"), "{name}: {sent}");
    })
    .await;
}

#[tokio::test]
async fn a_reply_that_drips_byte_by_byte_is_the_same_reply() {
    every(|form| async move {
        // Each piece is flushed by itself, so that characters and line breaks are cut in two.
        let bytes = (form.head() + &form.pick(form.api.good).concat()).into_bytes();
        let pieces = bytes.chunks(1).map(<[u8]>::to_vec).collect();
        let (response, _) = form.call(Act::Drip(pieces)).await;
        assert_eq!((response.outcome, response.text.as_str()), (Outcome::Reply, TEXT), "{}", form.name());
        assert_eq!(response.usage.output, Some(Tokens(20)), "{}", form.name());
    })
    .await;
}

#[tokio::test]
async fn a_reply_without_its_end_is_no_reply_however_clean_the_connection_ends() {
    every(|form| async move {
        let mut pieces = form.pick(form.api.good);
        if form.stream {
            pieces.truncate(form.api.unfinished);
        } else {
            let whole = pieces.concat();
            pieces = vec![whole[..whole.len() - 5].to_owned()];
        }
        let (response, _) = form.call(form.reply(&pieces)).await;
        let kind = if form.stream { ErrorKind::BrokenStream } else { ErrorKind::Protocol };
        failed(form, &response, kind, &Retry::Once);
        if form.stream {
            assert!(!response.text.is_empty(), "{}: what came is kept", form.name());
        }
        // Gemini states in each chunk what has come so far; with all others the count of the output comes last.
        if form.api.name != "gemini" {
            assert_eq!(response.usage.output, None, "{}: {:?}", form.name(), response.usage);
        }
        // The same with a length that is never reached.
        let cut = pieces.concat();
        let head = form.head().replace("connection: close", &format!("content-length: {}", cut.len() + 100));
        let (response, _) = form.call(Act::Write(vec![(head + &cut).into_bytes()])).await;
        failed(form, &response, ErrorKind::BrokenStream, &Retry::Once);
        // The same with a reset.
        let (response, _) = form.call(Act::ResetAfter((form.head() + &cut).into_bytes())).await;
        failed(form, &response, ErrorKind::BrokenStream, &Retry::Once);
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_breaks_before_the_reply_is_tried_again() {
    every(|form| async move {
        let (response, _) = form.call(Act::Close).await;
        failed(form, &response, ErrorKind::Connect, &Retry::Backoff);
        let (response, _) = form.call(Act::Reset).await;
        failed(form, &response, ErrorKind::Connect, &Retry::Backoff);
    })
    .await;
}

#[tokio::test]
async fn silence_before_or_within_a_reply_ends_in_time_and_pings_are_no_progress() {
    every(|form| async move {
        let (response, _) = form.call(Act::Hang(Vec::new())).await;
        failed(form, &response, ErrorKind::Timeout, &Retry::Once);
        let (response, _) = form.call(Act::Hang(form.head().into_bytes())).await;
        failed(form, &response, ErrorKind::Timeout, &Retry::Once);
        if form.stream {
            let (response, _) = form.call(Act::Ping(form.head().into_bytes(), form.api.ping)).await;
            failed(form, &response, ErrorKind::Timeout, &Retry::Once);
            assert!(response.clocks.total_ms.unwrap().ms() < 2500.0, "{}", form.name());
        }
    })
    .await;
}

#[tokio::test]
async fn html_is_never_an_answer() {
    every(|form| async move {
        let page = "<html><body>Bad gateway</body></html>";
        let html = |status: &str| {
            Act::Write(vec![
                format!(
                    "HTTP/1.1 {status}\r\ncontent-type: text/html\r\ncontent-length: {}\r\n\r\n{page}",
                    page.len()
                )
                .into_bytes(),
            ])
        };
        let (response, _) = form.call(html("502 Bad Gateway")).await;
        failed(form, &response, ErrorKind::Server, &Retry::Backoff);
        let (response, _) = form.call(html("200 OK")).await;
        failed(form, &response, ErrorKind::Protocol, &Retry::Once);
        let (response, _) = form
            .call(Act::Write(vec![
                b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n".to_vec(),
            ]))
            .await;
        failed(form, &response, ErrorKind::BadRequest, &Retry::No);
        assert_eq!(response.status, Some(302), "{}: nobody is sent elsewhere", form.name());
    })
    .await;
}

#[tokio::test]
async fn an_error_inside_a_reply_that_began_well_is_an_error() {
    every(|form| async move {
        let (response, _) = form.call(form.reply(&form.pick(form.api.overloaded))).await;
        failed(form, &response, ErrorKind::Server, &Retry::Backoff);
    })
    .await;
}

#[tokio::test]
async fn every_ending_is_its_own() {
    every(|form| async move {
        let name = form.name();
        if let Some(refused) = form.api.refused {
            let (response, _) = form.call(form.reply(&form.pick(refused))).await;
            assert_eq!(
                (response.outcome, &response.retry),
                (Outcome::Refused, &Retry::No),
                "{name}: {response:?}"
            );
            assert!(response.failure.is_some(), "{name}");
        }
        let (response, _) = form.call(form.reply(&form.pick(form.api.capped))).await;
        assert_eq!(
            (response.outcome, &response.retry),
            (Outcome::Truncated, &Retry::No),
            "{name}: {response:?}"
        );
        assert_eq!(response.text, "The ans", "{name}");
        if let Some(thought) = form.api.thought {
            let (response, _) = form.call(form.reply(&form.pick(thought))).await;
            let failure = response.failure.clone().unwrap();
            assert_eq!(
                (response.outcome, failure.kind),
                (Outcome::Truncated, ErrorKind::Empty),
                "{name}: {response:?}"
            );
            assert!(failure.message.contains("reasoning"), "{name}: {failure:?}");
            assert_eq!(response.retry, Retry::No, "{name}: the same budget would be eaten again");
        }
        let (response, _) = form.call(form.reply(&form.pick(form.api.empty))).await;
        let failure = response.failure.clone().map(|failure| failure.kind);
        assert_eq!(
            (response.outcome, failure),
            (Outcome::Reply, Some(ErrorKind::Empty)),
            "{name}: {response:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn usage_is_never_made_up() {
    every(|form| async move {
        let name = form.name();
        let (response, _) = form.call(form.reply(&form.pick(form.api.no_usage))).await;
        assert_eq!(
            (response.outcome, response.text.as_str()),
            (Outcome::Reply, TEXT),
            "{name}: {response:?}"
        );
        assert_eq!((response.usage.quality, response.usage.output), (UsageQuality::Missing, None), "{name}");
        if let Some(zero) = form.api.zero_usage {
            let (response, _) = form.call(form.reply(&form.pick(zero))).await;
            let usage = &response.usage;
            assert_eq!((usage.input, usage.output), (None, None), "{name}: nothing is ever free: {usage:?}");
            assert_eq!(usage.quality, UsageQuality::Inconsistent, "{name}");
        }
        if let Some(odd) = form.api.odd_usage {
            let (response, _) = form.call(form.reply(&form.pick(odd))).await;
            assert_eq!(response.usage.quality, UsageQuality::Inconsistent, "{name}: {:?}", response.usage);
        }
    })
    .await;
}

#[tokio::test]
async fn another_model_is_a_fatal_failure_and_its_reply_is_kept() {
    every(|form| async move {
        let (mut response, _) = form.call(form.reply(&form.pick(form.api.good))).await;
        response.insist_on("model-a");
        assert_eq!(response.outcome, Outcome::Reply, "{}: a snapshot of it is the same", form.name());
        response.insist_on("model-b");
        failed(form, &response, ErrorKind::WrongModel, &Retry::StopTier);
        assert_eq!(response.text, TEXT, "{}", form.name());
    })
    .await;
}

#[tokio::test]
async fn a_prompt_that_does_not_fit_is_known_by_code_or_by_words_and_not_tried_again() {
    every(|form| async move {
        for (status, body) in form.api.overflows {
            // The same within a reply that began well.
            let late = match (form.stream, form.api.stream_type) {
                (true, "application/x-ndjson") => format!("{body}\n"),
                (true, _) => format!("data: {body}\n\n"),
                (false, _) => (*body).to_owned(),
            };
            let (response, _) = form.call(form.reply(&[late])).await;
            assert_eq!(
                (response.outcome, &response.retry),
                (Outcome::Overflow, &Retry::No),
                "{} {body} in a 200: {response:?}",
                form.name()
            );
            let (response, _) = form.call(status_reply(*status, &[], body)).await;
            assert_eq!(
                (response.outcome, &response.retry),
                (Outcome::Overflow, &Retry::No),
                "{} {body}: {response:?}",
                form.name()
            );
        }
    })
    .await;
}

fn status_reply(status: u16, headers: &[(&str, &str)], body: &str) -> Act {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let text = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n{headers}\r\n{body}",
        body.len()
    );
    Act::Write(vec![text.into_bytes()])
}

#[tokio::test]
async fn what_a_status_calls_for_is_the_same_everywhere() {
    every(|form| async move {
        let body = form.api.throttled;
        let seconds = |n| Retry::After(Duration::from_secs(n));
        for (headers, retry) in [
            (&[("retry-after", "7")][..], seconds(7)),
            (&[("retry-after-ms", "1500"), ("retry-after", "7")], Retry::After(Duration::from_millis(1500))),
            (&[("retry-after", "Wed, 01 Jan 2020 00:00:00 GMT")], seconds(0)),
            (&[("retry-after", "7"), ("x-should-retry", "false")], Retry::No),
            (&[], seconds(0)),
        ] {
            let (response, _) = form.call(status_reply(429, headers, body)).await;
            failed(form, &response, ErrorKind::RateLimited, &retry);
        }
        for (status, kind, retry) in [
            (401, ErrorKind::Auth, Retry::StopTier),
            (403, ErrorKind::Auth, Retry::StopTier),
            (402, ErrorKind::Billing, Retry::StopTier),
            (400, ErrorKind::BadRequest, Retry::No),
            (404, ErrorKind::BadRequest, Retry::No),
            (422, ErrorKind::BadRequest, Retry::No),
            (408, ErrorKind::Timeout, Retry::Backoff),
            (409, ErrorKind::Server, Retry::Backoff),
            (500, ErrorKind::Server, Retry::Backoff),
            (503, ErrorKind::Server, Retry::Backoff),
            (529, ErrorKind::Server, Retry::Backoff),
        ] {
            let (response, _) =
                form.call(status_reply(status, &[], "{\"error\":{\"message\":\"no\"}}")).await;
            failed(form, &response, kind, &retry);
        }
        let (response, _) = form.call(status_reply(503, &[("retry-after", "2")], "busy")).await;
        failed(form, &response, ErrorKind::Server, &seconds(2));
        for body in form.api.broke {
            let (response, _) =
                form.call(status_reply(429, &[("retry-after", "1"), ("x-should-retry", "true")], body)).await;
            failed(form, &response, ErrorKind::Billing, &Retry::StopTier);
        }
    })
    .await;
}
