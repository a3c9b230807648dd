//! `run --batch` against a scripted server: hand over, wait, be killed, collect in any order, pay once.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::batch::Desk;
use common::{ORACLE, Scratch};
use serde_json::{Value, json};

const PROMPTS: usize = 40;

fn project(base_url: &str, api: &str, more: &str) -> Scratch {
    let scratch = Scratch::empty();
    scratch.write(
        "route-prof.toml",
        format!(
            "version = 1\n[[tier]]\nname = \"only\"\nmodel = \"them/pup\"\nmax_output_tokens = 8\n[provider.them]\napi = \"{api}\"\nbase_url = \"{base_url}\"\n\
             [prices.model.\"them/pup\"]\ninput = 1000\noutput = 2000\nbatch = 0.5\n[run]\nbatch_poll_s = 1\n\
             [task.colour]\noracle = \"colour@1\"\nlatency_p95_ms = 1000\nrequests_per_day = 10\n{more}"
        ),
    );
    scratch.write("oracles/colour@1.toml", ORACLE);
    let corpus: String = (0..PROMPTS)
        .map(|n| format!("{}\n", json!({"id": format!("p{n}"), "task": "colour", "prompt": format!("thing {n}"), "expected": "red"})))
        .collect();
    scratch.write("corpus.jsonl", corpus);
    scratch
}

fn summary(scratch: &Scratch) -> Value {
    let run = scratch.read("reports/latest");
    serde_json::from_str(&scratch.read(&format!("reports/{}/summary.json", run.trim()))).unwrap()
}

/// OpenAI's side of it.
#[derive(Default)]
struct OpenAi {
    /// The lines of each uploaded file.
    files: Mutex<Vec<Vec<Value>>>,
    batches: Mutex<Vec<Value>>,
    /// Batches end only when this is set.
    done: AtomicBool,
    /// Items of which the number is divisible by this go wrong.
    fails: usize,
    /// The next creation of a batch is taken, but answered with a 500.
    loses: AtomicBool,
}

impl OpenAi {
    fn serve(self: &Arc<Self>) -> Desk {
        let this = Arc::clone(self);
        Desk::start(move |method, path, body| this.answer(method, path, body))
    }

    fn answer(&self, method: &str, path: &str, body: &[u8]) -> (u16, String) {
        let path = path.strip_prefix("/v1").unwrap();
        match (method, path) {
            ("POST", "/files") => {
                let text = String::from_utf8_lossy(body);
                assert!(text.contains("name=\"purpose\"") && text.contains("batch"), "{text}");
                let lines = text
                    .lines()
                    .filter(|line| line.starts_with('{'))
                    .map(|line| serde_json::from_str(line).unwrap());
                let mut files = self.files.lock().unwrap();
                files.push(lines.collect());
                (200, json!({"id": format!("file-{}", files.len() - 1)}).to_string())
            }
            ("POST", "/batches") => {
                let asked: Value = serde_json::from_slice(body).unwrap();
                assert_eq!(
                    (&asked["endpoint"], &asked["completion_window"]),
                    (&json!("/v1/chat/completions"), &json!("24h"))
                );
                let mut batches = self.batches.lock().unwrap();
                let id = format!("batch_{}", batches.len());
                batches
                    .push(json!({"id": id, "file": asked["input_file_id"], "metadata": asked["metadata"]}));
                if self.loses.swap(false, Ordering::SeqCst) {
                    return (500, "{\"error\":{\"message\":\"lost\"}}".to_owned());
                }
                (200, json!({"id": id}).to_string())
            }
            ("GET", "/batches?limit=100") => {
                (200, json!({"data": *self.batches.lock().unwrap()}).to_string())
            }
            ("GET", path) if path.starts_with("/batches/") => {
                let status = if self.done.load(Ordering::SeqCst) { "completed" } else { "in_progress" };
                let number = path.rsplit('_').next().unwrap();
                let errors = if self.fails > 0 { json!(format!("errors-{number}")) } else { Value::Null };
                (200, json!({"status": status, "output_file_id": format!("out-{number}"), "error_file_id": errors,
                    "request_counts": {"completed": 0, "failed": 0, "total": PROMPTS}}).to_string())
            }
            ("GET", path) => {
                let (kind, number) = path
                    .strip_prefix("/files/")
                    .unwrap()
                    .strip_suffix("/content")
                    .unwrap()
                    .split_once('-')
                    .unwrap();
                let batch = self.batches.lock().unwrap()[number.parse::<usize>().unwrap()].clone();
                let file: usize =
                    batch["file"].as_str().unwrap().strip_prefix("file-").unwrap().parse().unwrap();
                let lines = self.files.lock().unwrap()[file].clone();
                let mut text = String::new();
                // In the order in which nobody asked.
                for line in lines.iter().rev() {
                    assert_eq!(line["body"]["stream"], Value::Null, "a batch is never streamed");
                    let thing: usize = line["body"]["messages"][0]["content"]
                        .as_str()
                        .unwrap()
                        .strip_prefix("thing ")
                        .unwrap()
                        .parse()
                        .unwrap();
                    let wrong = self.fails > 0 && thing.is_multiple_of(self.fails);
                    let answer = if wrong {
                        json!({"custom_id": line["custom_id"], "response": null, "error": {"code": "batch_expired", "message": "too late"}})
                    } else {
                        json!({"custom_id": line["custom_id"], "error": null, "response": {"status_code": 200, "body": {"model": "pup",
                            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "red"}}],
                            "usage": {"prompt_tokens": 10, "completion_tokens": 1, "total_tokens": 11}}}})
                    };
                    if wrong == (kind == "errors") {
                        text += &format!("{answer}\n");
                    }
                }
                (200, text)
            }
            other => panic!("{other:?}"),
        }
    }
}

fn wait_until(mut what: impl FnMut() -> bool) {
    let began = Instant::now();
    while !what() {
        assert!(began.elapsed() < Duration::from_secs(30), "it never came to that");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_batch_costs_its_price_has_no_latency_and_what_failed_in_it_is_asked_again() {
    let api = Arc::new(OpenAi { fails: 8, done: AtomicBool::new(true), ..OpenAi::default() });
    let desk = api.serve();
    let scratch = project(&format!("http://127.0.0.1:{}/v1", desk.port), "openai", "");
    let ran = scratch.run(&["run", "corpus.jsonl", "--batch"]).exits(3);
    assert!(ran.stderr.contains("submitted 40 requests for them/pup as batch batch_0"), "{}", ran.stderr);
    let first = summary(&scratch);
    assert_eq!((first["run"]["answered"].as_u64(), first["run"]["errors"].as_u64()), (Some(35), Some(5)));
    // 35 answers of 10 and 1 tokens: 0.012 each directly, half of it through the batch.
    assert_eq!((&first["spend"]["list_price"], &first["spend"]["billed"]), (&json!("0.42"), &json!("0.21")));
    assert_eq!(first["tasks"][0]["cells"][0]["latency"], Value::Null);
    assert_eq!(
        first["tasks"][0]["cells"][0]["cost"]["mean"],
        json!("0.012"),
        "production pays the direct price"
    );
    let codes: Vec<&str> =
        first["notices"].as_array().unwrap().iter().map(|n| n["code"].as_str().unwrap()).collect();
    assert!(codes.contains(&"latency-unmeasured"), "{codes:?}");

    let again = Arc::new(OpenAi { done: AtomicBool::new(true), ..OpenAi::default() });
    let desk = again.serve();
    scratch.replace("route-prof.toml", "base_url", "# base_url");
    scratch.replace(
        "route-prof.toml",
        "api = \"openai\"\n",
        &format!("api = \"openai\"\nbase_url = \"http://127.0.0.1:{}/v1\"\n", desk.port),
    );
    // Another place is another trial key: all of them are asked there.
    scratch.run(&["run", "corpus.jsonl", "--batch"]).exits(0);
    assert_eq!(again.files.lock().unwrap()[0].len(), PROMPTS);
}

#[test]
fn the_same_command_hands_over_only_what_has_no_answer() {
    let api = Arc::new(OpenAi { fails: 8, done: AtomicBool::new(true), ..OpenAi::default() });
    let desk = api.serve();
    let scratch = project(&format!("http://127.0.0.1:{}/v1", desk.port), "openai", "");
    scratch.run(&["run", "corpus.jsonl", "--batch"]).exits(3);
    scratch.run(&["run", "corpus.jsonl", "--batch"]).exits(3);
    let sizes: Vec<usize> = api.files.lock().unwrap().iter().map(Vec::len).collect();
    assert_eq!(sizes, [40, 5]);
}

#[test]
fn a_killed_run_continues_to_wait_for_the_batch_that_it_submitted() {
    let api = Arc::<OpenAi>::default();
    let desk = api.serve();
    let scratch = project(&format!("http://127.0.0.1:{}/v1", desk.port), "openai", "");
    let mut child = scratch
        .command(&["run", "corpus.jsonl", "--batch"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_until(|| desk.count("GET /v1/batches/") > 0);
    child.kill().unwrap();
    child.wait().unwrap();
    // Sent one by one now, all of it would be paid for twice.
    let ran = scratch.run(&["run", "corpus.jsonl"]).exits(2);
    assert!(ran.stderr.contains("40 trials of this run have been submitted to batch APIs"), "{}", ran.stderr);
    api.done.store(true, Ordering::SeqCst);
    scratch.run(&["run", "corpus.jsonl", "--batch"]).exits(0);
    assert_eq!((desk.count("POST /v1/batches"), desk.count("POST /v1/files")), (1, 1));
    assert_eq!(summary(&scratch)["run"]["answered"], 40);
    scratch.run(&["run", "corpus.jsonl"]).exits(0);
}

#[test]
fn a_batch_whose_arrival_is_in_doubt_is_looked_for_before_it_is_submitted_again() {
    let api =
        Arc::new(OpenAi { done: AtomicBool::new(true), loses: AtomicBool::new(true), ..OpenAi::default() });
    let desk = api.serve();
    let scratch = project(&format!("http://127.0.0.1:{}/v1", desk.port), "openai", "");
    scratch.run(&["run", "corpus.jsonl", "--batch"]).exits(0);
    assert_eq!((desk.count("POST /v1/batches"), desk.count("GET /v1/batches?limit")), (1, 1));
}

#[test]
fn the_cost_limit_counts_what_is_submitted() {
    let api = Arc::new(OpenAi { done: AtomicBool::new(true), ..OpenAi::default() });
    let desk = api.serve();
    let scratch = project(&format!("http://127.0.0.1:{}/v1", desk.port), "openai", "");
    let ran = scratch.run(&["run", "corpus.jsonl", "--batch", "--max-cost", "0.1"]).exits(3);
    assert!(ran.stderr.contains("raise --max-cost"), "{}", ran.stderr);
    let submitted = api.files.lock().unwrap()[0].len();
    // Half of 1000 and 2000 dollars per million: at least 8 output tokens at 0.001 each.
    assert!((1..=12).contains(&submitted), "{submitted}");
}

#[test]
fn a_tier_without_a_batch_api_is_refused_before_anything_is_sent() {
    let scratch = Scratch::project();
    let ran = scratch.run(&["run", "corpus.jsonl", "--batch"]).exits(2);
    assert!(ran.stderr.contains("there is no batch API for small (api `scripted`)"), "{}", ran.stderr);
}

#[test]
fn anthropics_batches_are_collected_in_any_order_and_their_errors_are_told_apart() {
    let given: Arc<Mutex<Vec<Value>>> = Arc::default();
    let kept = Arc::clone(&given);
    let desk = Desk::start(move |method, path, body| match (method, path) {
        ("POST", "/v1/messages/batches") => {
            let asked: Value = serde_json::from_slice(body).unwrap();
            *kept.lock().unwrap() = asked["requests"].as_array().unwrap().clone();
            (200, json!({"id": "msgbatch_1", "processing_status": "in_progress"}).to_string())
        }
        ("GET", "/v1/messages/batches/msgbatch_1") => {
            (200, json!({"processing_status": "ended"}).to_string())
        }
        ("GET", "/v1/messages/batches/msgbatch_1/results") => {
            let lines = kept.lock().unwrap().clone().into_iter().rev().enumerate().map(|(at, request)| {
                assert_eq!(request["params"]["stream"], Value::Null);
                let result = match at {
                    0 => json!({"type": "errored", "error": {"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long: 9 tokens > 5 maximum"}}}),
                    1 => json!({"type": "expired"}),
                    _ => json!({"type": "succeeded", "message": {"model": "pup", "content": [{"type": "text", "text": "red"}], "stop_reason": "end_turn",
                        "usage": {"input_tokens": 10, "output_tokens": 1}}}),
                };
                format!("{}\n", json!({"custom_id": request["custom_id"], "result": result}))
            });
            (200, lines.collect())
        }
        other => panic!("{other:?}"),
    });
    let scratch = project(&format!("http://127.0.0.1:{}", desk.port), "anthropic", "");
    scratch.run(&["run", "corpus.jsonl", "--batch"]).exits(3);
    let counts = &summary(&scratch)["tasks"][0]["cells"][0]["counts"];
    assert_eq!(
        (&counts["passed"], &counts["overflow"], &counts["errors"]),
        (&json!(38), &json!(1), &json!(1)),
        "{counts}"
    );
    assert_eq!(given.lock().unwrap().len(), 40);
}

#[test]
fn geminis_batches_go_inline_and_come_back_inline() {
    let given: Arc<Mutex<Vec<Value>>> = Arc::default();
    let (kept, looks) = (Arc::clone(&given), Arc::new(Mutex::new(0)));
    let desk = Desk::start(move |method, path, body| match (method, path) {
        ("POST", "/v1/models/pup:batchGenerateContent") => {
            let asked: Value = serde_json::from_slice(body).unwrap();
            *kept.lock().unwrap() =
                asked["batch"]["inputConfig"]["requests"]["requests"].as_array().unwrap().clone();
            (200, json!({"name": "batches/abc", "metadata": {"state": "BATCH_STATE_PENDING"}}).to_string())
        }
        ("GET", "/v1/batches/abc") => {
            let mut looks = looks.lock().unwrap();
            *looks += 1;
            if *looks == 1 {
                return (200, json!({"metadata": {"state": "BATCH_STATE_RUNNING"}}).to_string());
            }
            let answers: Vec<Value> = kept.lock().unwrap().iter().rev().enumerate().map(|(at, request)| {
                let mut line = json!({"metadata": request["metadata"]});
                if at == 0 {
                    line["error"] = json!({"code": 8, "message": "quota"});
                } else {
                    line["response"] = json!({"modelVersion": "pup-001", "candidates": [{"content": {"parts": [{"text": "red"}]}, "finishReason": "STOP"}],
                        "usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 1, "totalTokenCount": 11}});
                }
                line
            }).collect();
            (200, json!({"metadata": {"state": "BATCH_STATE_SUCCEEDED", "output": {"inlinedResponses": {"inlinedResponses": answers}}}}).to_string())
        }
        other => panic!("{other:?}"),
    });
    let scratch = project(&format!("http://127.0.0.1:{}", desk.port), "gemini", "");
    scratch.run(&["run", "corpus.jsonl", "--batch"]).exits(3);
    let summary = summary(&scratch);
    assert_eq!((&summary["run"]["answered"], &summary["run"]["errors"]), (&json!(39), &json!(1)));
    assert_eq!(
        given.lock().unwrap()[0]["request"]["contents"][0]["parts"][0]["text"]
            .as_str()
            .map(|t| t.starts_with("thing")),
        Some(true)
    );
}
