//! `scripted`: answers by rules from a file. For tests and for trying the program out: no model, no network, no cost.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use regex::Regex;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::api::{Api, Wire};
use super::classify::{self, ApiError};
use super::facts::{Facts, judge};
use super::response::{Response, Retry};
use crate::clock;
use crate::config::Provider;
use crate::diag::{Fault, Faults};
use crate::disk::Disk;
use crate::ident::Digest;
use crate::record::{Clocks, ErrorKind, Failure, Outcome, Request, Usage, UsageQuality};
use crate::units::{Millis, Tokens};

pub(super) const API: Api = Api { name: "scripted", base_url: "", wire: Wire::Script };

/// The rules of a scripted provider: the first one that fits a call answers it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Rules of the scripted provider")]
struct RawScript {
    /// The rules, in order.
    #[serde(default)]
    rule: Vec<RawRule>,
}

/// What to answer to which calls.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawRule {
    /// The model; any where absent.
    model: Option<String>,
    /// A regular expression that the last message matches; any where absent.
    #[serde(rename = "match")]
    pattern: Option<String>,
    /// The first so many calls of the same prompt only: the next rule takes over.
    times: Option<u32>,
    /// The answer. `$1` and so on stand for what the expression's groups captured.
    #[serde(default)]
    reply: String,
    /// How long the answer takes, in milliseconds; also the latency that is recorded.
    #[serde(default)]
    delay_ms: u64,
    /// Input tokens; from the length of the messages where absent.
    input_tokens: Option<u64>,
    /// Output tokens; from the length of the answer where absent.
    output_tokens: Option<u64>,
    /// Why the reply ends: `stop`, `length`, `content_filter`.
    finish: Option<String>,
    /// An error in place of an answer: its HTTP status.
    status: Option<u16>,
    /// The error's code.
    code: Option<String>,
    /// The error's Retry-After, in seconds.
    retry_after_s: Option<f64>,
}

/// The JSON Schema of a script.
#[must_use]
pub fn json_schema() -> Value {
    schemars::schema_for!(RawScript).to_value()
}

struct Rule {
    raw: RawRule,
    pattern: Option<Regex>,
}

/// A loaded script.
pub(super) struct Script {
    rules: Vec<Rule>,
    digest: Digest,
    /// How often each prompt was asked of each rule with `times`.
    asked: Mutex<HashMap<(usize, Digest), u32>>,
}

impl Script {
    pub(super) fn load(disk: &Disk, provider: &Provider) -> Result<Self, Faults> {
        let Some(path) = &provider.script else {
            let what = format!("provider `{}` is scripted but has no script", provider.name);
            let help = "add script = \"script.toml\"; its format: route-prof schema script";
            return Err(Fault::new(format!("route-prof.toml:{}", provider.line), what).help(help).into());
        };
        let shown = path.display().to_string();
        let bytes = disk.read(path).map_err(|error| Fault::new(&shown, error.to_string()))?;
        let source = String::from_utf8(bytes).map_err(|_| Fault::new(&shown, "not UTF-8"))?;
        let raw: RawScript =
            toml::from_str(&source).map_err(|error| Fault::from_toml(&shown, &source, &error))?;
        let mut rules = Vec::new();
        for (at, rule) in raw.rule.into_iter().enumerate() {
            let pattern = match &rule.pattern {
                None => None,
                Some(pattern) => Some(Regex::new(pattern).map_err(|_| {
                    let what =
                        format!("the pattern of rule {} is not a regular expression: {pattern}", at + 1);
                    Fault::new(&shown, what).help("use the syntax of Rust's regex crate")
                })?),
            };
            rules.push(Rule { raw: rule, pattern });
        }
        Ok(Self { rules, digest: Digest::of(source.as_bytes()), asked: Mutex::default() })
    }

    /// Other rules are another source of answers.
    pub(super) fn identity(&self) -> String {
        format!("script:{}", self.digest.short())
    }

    fn find(&self, model: &str, text: &str) -> Option<(&RawRule, String)> {
        self.rules.iter().enumerate().find_map(|(number, Rule { raw: rule, pattern })| {
            if rule.model.as_deref().is_some_and(|wanted| wanted != model) {
                return None;
            }
            let mut reply = rule.reply.clone();
            if let Some(pattern) = pattern {
                let found = pattern.captures(text)?;
                if reply.contains('$') {
                    let mut expanded = String::new();
                    found.expand(&reply, &mut expanded);
                    reply = expanded;
                }
            }
            if let Some(times) = rule.times {
                let key = (number, Digest::of(format!("{model}\n{text}").as_bytes()));
                let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
                let count = asked.entry(key).or_default();
                if *count >= times {
                    return None;
                }
                *count += 1;
            }
            Some((rule, reply))
        })
    }

    pub(super) async fn call(&self, model: &str, request: &Request) -> Response {
        let text = request.messages.last().map(crate::record::Message::plain).unwrap_or_default();
        let mut facts = Facts { served_model: Some(model.to_owned()), ended: true, ..Facts::default() };
        let Some((rule, reply)) = self.find(model, &text) else {
            let message = "no rule of the script matches this call".to_owned();
            let failure = Failure { kind: ErrorKind::BadRequest, message };
            return facts.into_response((Outcome::Error, Some(failure), Retry::No), None);
        };
        if rule.delay_ms > 0 {
            clock::sleep(Duration::from_millis(rule.delay_ms)).await;
        }
        let took = Millis::from_micros(rule.delay_ms.saturating_mul(1000));
        let clocks = Clocks {
            first_token_ms: Some(took),
            first_content_ms: Some(took),
            total_ms: Some(took),
            ..Clocks::default()
        };
        if let Some(status) = rule.status.filter(|status| *status >= 400) {
            let error = ApiError {
                status,
                codes: rule.code.iter().cloned().collect(),
                message: if reply.is_empty() { "scripted error".to_owned() } else { reply },
                retry_after: rule.retry_after_s.and_then(|s| Duration::try_from_secs_f64(s).ok()),
                should_retry: None,
            };
            return Response { clocks, ..facts.into_response(classify::api_error(&error), Some(status)) };
        }
        let sent: usize = request.messages.iter().map(|message| message.plain().len() + 8).sum();
        facts.usage = Usage {
            input: Some(Tokens(rule.input_tokens.unwrap_or(sent.div_ceil(4) as u64))),
            output: Some(Tokens(rule.output_tokens.unwrap_or(reply.len().div_ceil(4) as u64))),
            quality: UsageQuality::Reported,
            ..Usage::default()
        };
        facts.finish = Some(rule.finish.clone().unwrap_or_else(|| "stop".to_owned()));
        facts.text = reply;
        let judged = judge(&facts);
        Response { clocks, ..facts.into_response(judged, Some(200)) }
    }
}
