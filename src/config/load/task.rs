//! Tasks, and the files that they name.

use std::path::PathBuf;
use std::sync::Arc;

use toml::Spanned;

use super::super::policy::Policy;
use super::super::raw::RawTask;
use super::super::rule;
use super::super::task::Task;
use super::check::{Check, line_of, plain_json_error};
use crate::diag::{Excerpt, Fault};
use crate::disk::DiskError;
use crate::ident::TaskName;
use crate::record::Message;
use crate::units::{Millis, Share, Tokens, Usd};

impl Check<'_> {
    pub(super) fn task(
        &mut self,
        name: TaskName,
        typed: &Spanned<String>,
        raw: RawTask,
        policy: &Policy,
    ) -> Task {
        let oracle = self.name(&raw.oracle, str::parse);
        let mut share = |value: &Option<Spanned<f64>>| {
            let value = value.as_ref()?;
            Share::new(*value.get_ref())
                .map_err(|error| self.fault(value.span(), error.to_string(), "use a share such as 0.95"))
                .ok()
        };
        let (route_floor, monitor_floor) = (share(&raw.route_floor), share(&raw.monitor_floor));
        let margin = share(&raw.margin);
        let escalate_above = share(&raw.escalate_above);
        let floors =
            (route_floor.unwrap_or(policy.route_floor), monitor_floor.unwrap_or(policy.monitor_floor));
        if floors.1.get() > floors.0.get() {
            let message = format!("the floors of task `{name}` are in the wrong order");
            self.fault(typed.span(), message, "monitor_floor must be the lower one");
        }
        if let (Some(own), Some(span)) = (margin, raw.margin.as_ref().map(Spanned::span)) {
            self.faults_at(&span, rule::margin_problems(own, policy.monitor_margin));
        }
        let mut number = |value: &Option<Spanned<f64>>, what: &str| {
            let value = value.as_ref()?;
            if value.get_ref().is_finite() && *value.get_ref() >= 0.0 {
                return Some(*value.get_ref());
            }
            self.fault(
                value.span(),
                format!("{what} is {}", value.get_ref()),
                "use a finite number, 0 or more",
            );
            None
        };
        let latency = number(&raw.latency_p95_ms, "latency_p95_ms");
        let first_token = number(&raw.ttft_p95_ms, "ttft_p95_ms");
        let expected_output_tokens = number(&raw.expected_output_tokens, "expected_output_tokens");
        let (requests_per_day, traffic_range) = self.traffic(&raw.requests_per_day);
        if let Some(template) = &raw.template {
            let mut engine = minijinja::Environment::new();
            if let Err(error) = engine.add_template("template", template.get_ref()) {
                self.fault(
                    template.span(),
                    format!("the template cannot be read: {error}"),
                    "use the syntax of Jinja templates",
                );
            }
        }
        if let Some(penalty) = raw.latency_penalty.filter(|penalty| *penalty < Usd::ZERO) {
            let message = format!("latency_penalty is {penalty}");
            self.fault(typed.span(), message, "use the price of a second of waiting, 0 or more");
        }
        if let Some(cap) = raw.max_output_tokens.as_ref().filter(|cap| *cap.get_ref() == 0) {
            self.fault(cap.span(), "this limit allows no tokens", "use 1 or more, or leave it out");
        }
        let split = self.split(&name, raw.split);
        let fallback = || crate::ident::OracleRef { name: "unknown".into(), version: 1 };
        Task {
            description: raw.description,
            owner: raw.owner,
            oracle: oracle.unwrap_or_else(fallback),
            consequence: raw.consequence,
            latency_p95: latency.and_then(Millis::from_ms),
            ttft_p95: first_token.and_then(Millis::from_ms),
            escalate_above,
            data_location: raw.data_location,
            requests_per_day,
            traffic_range,
            expected_output_tokens,
            system: raw.system_file.as_ref().and_then(|file| self.text(file)).map(|(text, _)| text.into()),
            shots: raw.shots.as_ref().map_or_else(|| Arc::from(Vec::new()), |file| self.shots(file)),
            template: raw.template.map(|template| template.into_inner().into()),
            params: raw.params,
            max_output_tokens: raw.max_output_tokens.map(|cap| Tokens(cap.into_inner())),
            route_floor,
            monitor_floor,
            margin,
            latency_penalty: raw.latency_penalty,
            split,
            band: None,
            line: line_of(self.source, typed.span().start),
            name,
        }
    }

    /// The text of a file named in the configuration, without its last line break, and the path as shown.
    pub(super) fn text(&mut self, file: &Spanned<PathBuf>) -> Option<(String, String)> {
        let path = self.root.join(file.get_ref());
        let read = self.disk.read(&path).map_err(|error: DiskError| error.to_string()).and_then(|bytes| {
            String::from_utf8(bytes).map_err(|_| format!("{} is not UTF-8", path.display()))
        });
        match read {
            Ok(text) => {
                let text = text.strip_suffix('\n').unwrap_or(&text);
                Some((text.strip_suffix('\r').unwrap_or(text).to_owned(), path.display().to_string()))
            }
            Err(error) => {
                self.fault(file.span(), error, "paths are relative to the folder of route-prof.toml");
                None
            }
        }
    }

    pub(super) fn shots(&mut self, file: &Spanned<PathBuf>) -> Arc<[Message]> {
        let mut turns = Vec::new();
        let Some((text, path)) = self.text(file) else { return turns.into() };
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            match serde_json::from_str::<Message>(line) {
                Ok(message) => turns.push(message),
                Err(error) => {
                    let column = error.column().saturating_sub(1);
                    self.faults.push(
                        Fault::new(&path, format!("this turn cannot be read: {}", plain_json_error(&error)))
                            .at(Excerpt::of_line(number + 1, line, column..column + 1))
                            .help("write lines such as {\"role\": \"user\", \"content\": \"...\"}"),
                    );
                }
            }
        }
        turns.into()
    }
}
