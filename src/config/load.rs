//! From `route-prof.toml` as typed to [`Config`]: every check that needs no other file than those it names.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::Spanned;

use super::raw::{RawConfig, RawLimits, RawPrices, RawProvider, RawTask, RawTier};
use super::{Config, DataLocation, Limits, Policy, Prices, Provider, RunSettings, Tape, Task, Tier};
use crate::diag::{Excerpt, Fault, Faults, nearest};
use crate::disk::{self, DiskError};
use crate::ident::{ModelRef, NameError, ProviderName, TaskName, TierName};
use crate::record::Message;
use crate::units::{Millis, Share, Tokens, Usd};

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// What is written there is wrong.
    #[error("{0}")]
    Faults(#[from] Faults),
}

/// Reads and checks the settings at `path`.
///
/// # Errors
/// All that is wrong with them, with places.
pub fn load(path: &Path) -> Result<Config, ConfigError> {
    let shown = path.display().to_string();
    let bytes = disk::read(path).map_err(|error| {
        Faults::from(Fault::new(&shown, error.to_string()).help("start a project with `route-prof init`"))
    })?;
    let source = String::from_utf8(bytes).map_err(|error| {
        let line =
            error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|b| **b == b'\n').count() + 1;
        Faults::from(Fault::new(&shown, format!("line {line} is not UTF-8")).help("save the file as UTF-8"))
    })?;
    let raw: RawConfig =
        toml::from_str(&source).map_err(|error| Faults::from(Fault::from_toml(&shown, &source, &error)))?;
    // Empty for the present folder, so that paths below it are shown as a person would write them.
    let root = path.parent().map(Path::to_owned).unwrap_or_default();
    let mut check = Check { shown: &shown, source: &source, root: &root, faults: Faults::default() };
    let config = check.config(path, raw);
    Ok(check.faults.into_result(config)?)
}

/// Header names that carry keys.
const SECRET_HEADERS: [&str; 5] =
    ["authorization", "x-api-key", "api-key", "x-goog-api-key", "proxy-authorization"];
/// How keys of well-known services begin.
const KEY_PREFIXES: [&str; 6] = ["sk-", "sk_", "AIza", "gsk_", "xai-", "Bearer "];

struct Check<'a> {
    shown: &'a str,
    source: &'a str,
    root: &'a Path,
    faults: Faults,
}

impl Check<'_> {
    fn fault(&mut self, span: Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        self.faults.push(Fault::new(self.shown, message).at(Excerpt::of(self.source, span)).help(help));
    }

    fn name<T>(&mut self, typed: &Spanned<String>, make: impl Fn(&str) -> Result<T, NameError>) -> Option<T> {
        match make(typed.get_ref()) {
            Ok(name) => Some(name),
            Err(error @ NameError::Empty { .. }) => {
                self.fault(typed.span(), error.to_string(), "give it a name");
                None
            }
            Err(NameError::Malformed { name, what, rule }) => {
                self.fault(typed.span(), format!("`{name}` is no {what}"), rule);
                None
            }
        }
    }

    fn config(&mut self, path: &Path, raw: RawConfig) -> Config {
        if *raw.version.get_ref() != 1 {
            let message = format!("version {} is not known", raw.version.get_ref());
            self.fault(raw.version.span(), message, "write `version = 1`, or update route-prof");
        }
        let policy = raw.policy.map_or_else(Policy::default, |policy| self.policy(policy));
        let run = raw.run.map_or_else(RunSettings::default, |run| self.run(run));
        let mut providers = BTreeMap::new();
        for (name, provider) in raw.provider {
            if let Some(name) = self.name(&name, ProviderName::new).map(|checked| (checked, name.span())) {
                let provider = self.provider(&name.0, name.1, provider);
                providers.insert(name.0, provider);
            }
        }
        let tiers = self.tiers(raw.tier, &providers);
        let prices = self.prices(raw.prices);
        let mut tasks: Vec<(usize, Task)> = Vec::new();
        for (name, task) in raw.task {
            if let Some(checked) = self.name(&name, TaskName::new) {
                let task = self.task(checked, &name, task, &policy);
                tasks.push((name.span().start, task));
            }
        }
        // In the order of the file: that is the order in which the user thinks of them.
        tasks.sort_by_key(|(place, _)| *place);
        // Whether the recording is there is asked when it is wanted: --live does without.
        let tape = raw.tape.map(|tape| Tape { file: self.root.join(tape.file), mode: tape.mode });
        let tasks = tasks.into_iter().map(|(_, task)| task).collect();
        Config {
            path: path.to_owned(),
            root: self.root.to_owned(),
            tiers,
            providers,
            prices,
            tasks,
            policy,
            run,
            tape,
        }
    }

    fn policy(&mut self, policy: Spanned<Policy>) -> Policy {
        let span = policy.span();
        let policy = policy.into_inner();
        if policy.monitor_floor.get() > policy.route_floor.get() {
            self.fault(
                span.clone(),
                "monitor_floor is above route_floor",
                "between the two a tier serves with monitoring: monitor_floor is the lower one",
            );
        }
        if policy.confidence_low.get() > policy.confidence_medium.get()
            || policy.confidence_medium.get() > policy.confidence_high.get()
        {
            let help = "order them: confidence_low <= confidence_medium <= confidence_high";
            self.fault(span.clone(), "the confidences fall as the consequence grows", help);
        }
        let whole = |share: Share| share.get() <= 0.0 || share.get() >= 1.0;
        if whole(policy.interval_confidence) || whole(policy.alert_confidence) {
            self.fault(
                span.clone(),
                "a confidence of 0 or 1 has no interval",
                "use a value such as 0.95 for interval_confidence and alert_confidence",
            );
        }
        if policy.context_guard.get() <= 0.0 {
            self.fault(span.clone(), "a context_guard of 0 bypasses every tier", "use a share such as 0.8");
        }
        if policy.alert_window == 0 || !(100..=100_000).contains(&policy.bootstrap_resamples) {
            let help = "alert_window counts from 1; bootstrap_resamples lies between 100 and 100000";
            self.fault(span.clone(), "a count of [policy] is out of range", help);
        }
        if policy.latency_penalty < Usd::ZERO {
            self.fault(
                span,
                "latency_penalty is negative",
                "it is the price of a second of waiting: 0 or more",
            );
        }
        policy
    }

    fn run(&mut self, run: Spanned<RunSettings>) -> RunSettings {
        let span = run.span();
        let run = run.into_inner();
        let positive = [
            ("repeats", u64::from(run.repeats)),
            ("max_output_tokens", run.max_output_tokens.0),
            ("max_attempts", u64::from(run.max_attempts)),
            ("connect_timeout_s", u64::from(run.connect_timeout_s)),
            ("progress_timeout_s", u64::from(run.progress_timeout_s)),
            ("total_timeout_s", u64::from(run.total_timeout_s)),
        ];
        for (name, value) in positive {
            if value == 0 {
                self.fault(span.clone(), format!("{name} of [run] is 0"), "it counts from 1");
            }
        }
        run
    }

    fn provider(&mut self, name: &ProviderName, span: Range<usize>, raw: RawProvider) -> Provider {
        if let Some(url) = &raw.base_url {
            self.base_url(url, raw.data_location);
        }
        if let Some(key) = &raw.api_key_env {
            let typed = key.get_ref();
            let is_name = !typed.is_empty()
                && typed.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                && !typed.starts_with(|c: char| c.is_ascii_digit());
            if !is_name || KEY_PREFIXES.iter().any(|prefix| typed.starts_with(prefix)) {
                // The text may be a key: point at the line's beginning, and never repeat it.
                self.faults.push(
                    Fault::new(self.shown, format!("api_key_env of provider `{name}` is no name of a variable"))
                        .at(Excerpt::of_line(line_of(self.source, key.span().start), "api_key_env = …", 0..11))
                        .help("write the NAME of an environment variable, such as \"OPENAI_API_KEY\"; a key never stands in a file (if one stood here, replace it)"),
                );
            }
        }
        for header in raw.headers.keys() {
            if SECRET_HEADERS.contains(&header.get_ref().to_lowercase().as_str()) {
                self.faults.push(
                    Fault::new(self.shown, format!("the header `{}` carries a key", header.get_ref()))
                        .at(Excerpt::of_line(line_of(self.source, header.span().start), header.get_ref(), 0..header.get_ref().len()))
                        .help("name the variable that holds the key in api_key_env; a key never stands in a file"),
                );
            }
        }
        Provider {
            name: name.clone(),
            api: raw.api,
            base_url: raw.base_url.map(|url| url.into_inner().trim_end_matches('/').to_owned()),
            api_version: raw.api_version,
            api_key_env: raw.api_key_env.map(Spanned::into_inner),
            headers: raw.headers.into_iter().map(|(name, value)| (name.into_inner(), value)).collect(),
            data_location: raw.data_location,
            limits: self.limits(&raw.limits),
            stream: raw.stream.unwrap_or(true),
            max_tokens_field: raw.max_tokens_field,
            script: raw.script.map(|file| self.root.join(file)),
            line: line_of(self.source, span.start),
        }
    }

    fn base_url(&mut self, url: &Spanned<String>, location: DataLocation) {
        let text = url.get_ref();
        let Some((scheme, rest)) = text.split_once("://") else {
            self.fault(
                url.span(),
                "base_url is no URL",
                "write it whole, such as \"https://api.example.com/v1\"",
            );
            return;
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
        let loopback = matches!(host, "localhost" | "[::1]") || host.starts_with("127.");
        if authority.contains('@') || rest.contains(['?', '#']) {
            self.fault(
                url.span(),
                "base_url carries more than a place",
                "leave user names, keys and queries out of it; a key belongs into the variable that api_key_env names",
            );
        }
        match scheme {
            "https" => {}
            "http" if loopback || location == DataLocation::Local => {}
            "http" => self.fault(
                url.span(),
                "base_url sends keys and prompts unencrypted",
                "use https, or say data_location = \"local\" if the server stands in your own network",
            ),
            _ => self.fault(url.span(), format!("`{scheme}` is not spoken here"), "use https or http"),
        }
    }

    fn limits(&mut self, raw: &RawLimits) -> Limits {
        let mut count = |value: &Option<Spanned<u64>>, most: u64| {
            if let Some(value) = value
                && !(1..=most).contains(value.get_ref())
            {
                self.fault(
                    value.span(),
                    "this limit lets nothing through",
                    format!("use 1 to {most}, or leave it out"),
                );
            }
            value.as_ref().map(|value| *value.get_ref())
        };
        let concurrency = count(&raw.concurrency, 1024).unwrap_or(8);
        let tokens_per_minute = count(&raw.tokens_per_minute, u64::MAX);
        let requests = raw.requests_per_minute.as_ref().map(|value| *value.get_ref());
        if let Some(value) = &raw.requests_per_minute
            && *value.get_ref() == 0
        {
            self.fault(value.span(), "this limit lets nothing through", "use 1 or more, or leave it out");
        }
        Limits {
            concurrency: usize::try_from(concurrency).unwrap_or(usize::MAX),
            requests_per_minute: requests,
            tokens_per_minute,
        }
    }

    fn model(
        &mut self,
        typed: &Spanned<String>,
        providers: &BTreeMap<ProviderName, Provider>,
    ) -> Option<ModelRef> {
        let model: ModelRef = self.name(typed, str::parse)?;
        if !providers.contains_key(&model.provider) {
            let help = match nearest(model.provider.as_str(), providers.keys().map(ProviderName::as_str)) {
                Some(near) => format!("did you mean `{near}`? (or define [provider.{}])", model.provider),
                None => format!("define it: [provider.{}] with its api", model.provider),
            };
            self.fault(typed.span(), format!("provider `{}` is not defined", model.provider), help);
        }
        Some(model)
    }

    fn tiers(
        &mut self,
        raw: Vec<Spanned<RawTier>>,
        providers: &BTreeMap<ProviderName, Provider>,
    ) -> Vec<Tier> {
        if raw.is_empty() {
            self.faults.push(
                Fault::new(self.shown, "there is no tier").help(
                    "add a [[tier]] with a name and a model for each rung of the ladder, cheapest first",
                ),
            );
        }
        let mut tiers: Vec<Tier> = Vec::new();
        for tier in raw.into_iter().map(Spanned::into_inner) {
            let model = self.model(&tier.model, providers);
            let same_class =
                tier.same_class.iter().filter_map(|model| self.model(model, providers)).collect();
            for count in [&tier.max_output_tokens, &tier.context_window].into_iter().flatten() {
                if *count.get_ref() == 0 {
                    self.fault(count.span(), "no token fits into 0", "use 1 or more, or leave it out");
                }
            }
            let (Some(name), Some(model)) = (self.name(&tier.name, TierName::new), model) else { continue };
            if tiers.iter().any(|other| other.name == name) {
                self.fault(
                    tier.name.span(),
                    format!("there are two tiers `{name}`"),
                    "give each its own name",
                );
            }
            tiers.push(Tier {
                name,
                model,
                same_class,
                max_output_tokens: tier.max_output_tokens.map(|count| Tokens(count.into_inner())),
                context_window: tier.context_window.map(|count| Tokens(count.into_inner())),
                params: tier.params,
            });
        }
        tiers
    }

    fn prices(&mut self, raw: RawPrices) -> Prices {
        let mut models = BTreeMap::new();
        for (name, price) in raw.model {
            let parts = [price.input, price.output, price.cache_read, price.cache_write, price.batch];
            if parts.into_iter().flatten().any(|price| price < Usd::ZERO) {
                let message = format!("a price of `{}` is negative", name.get_ref());
                self.fault(name.span(), message, "prices are USD per million tokens, 0 or more");
            }
            if let Some(model) = self.name(&name, str::parse) {
                models.insert(model, price);
            }
        }
        let catalogue = raw.catalogue.map(|file| self.root.join(file));
        Prices { catalogue, models, note: raw.note }
    }

    fn task(&mut self, name: TaskName, typed: &Spanned<String>, raw: RawTask, policy: &Policy) -> Task {
        let oracle = self.name(&raw.oracle, str::parse);
        let mut share = |value: &Option<Spanned<f64>>| {
            let value = value.as_ref()?;
            Share::new(*value.get_ref())
                .map_err(|error| self.fault(value.span(), error.to_string(), "use a share such as 0.95"))
                .ok()
        };
        let (route_floor, monitor_floor) = (share(&raw.route_floor), share(&raw.monitor_floor));
        let floors =
            (route_floor.unwrap_or(policy.route_floor), monitor_floor.unwrap_or(policy.monitor_floor));
        if floors.1.get() > floors.0.get() {
            let message = format!("the floors of task `{name}` are the wrong way round");
            self.fault(typed.span(), message, "monitor_floor is the lower one");
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
        let requests_per_day = number(&raw.requests_per_day, "requests_per_day");
        if let Some(template) = &raw.template {
            let mut engine = minijinja::Environment::new();
            if let Err(error) = engine.add_template("template", template.get_ref()) {
                self.fault(
                    template.span(),
                    format!("the template cannot be read: {error}"),
                    "see the Jinja syntax",
                );
            }
        }
        if let Some(penalty) = raw.latency_penalty.filter(|penalty| *penalty < Usd::ZERO) {
            let message = format!("latency_penalty is {penalty}");
            self.fault(typed.span(), message, "it is the price of a second of waiting: 0 or more");
        }
        if let Some(cap) = raw.max_output_tokens.as_ref().filter(|cap| *cap.get_ref() == 0) {
            self.fault(cap.span(), "no token fits into 0", "use 1 or more, or leave it out");
        }
        let fallback = || crate::ident::OracleRef { name: "unknown".into(), version: 1 };
        Task {
            description: raw.description,
            oracle: oracle.unwrap_or_else(fallback),
            consequence: raw.consequence,
            latency_p95: latency.and_then(Millis::from_ms),
            data_location: raw.data_location,
            requests_per_day,
            system: raw.system_file.as_ref().and_then(|file| self.text(file)).map(|(text, _)| text.into()),
            shots: raw.shots.as_ref().map_or_else(|| Arc::from(Vec::new()), |file| self.shots(file)),
            template: raw.template.map(|template| template.into_inner().into()),
            params: raw.params,
            max_output_tokens: raw.max_output_tokens.map(|cap| Tokens(cap.into_inner())),
            route_floor,
            monitor_floor,
            latency_penalty: raw.latency_penalty,
            line: line_of(self.source, typed.span().start),
            name,
        }
    }

    /// The text of a file that the settings name, without its last line break, and the path as shown.
    fn text(&mut self, file: &Spanned<PathBuf>) -> Option<(String, String)> {
        let path = self.root.join(file.get_ref());
        let read = disk::read(&path).map_err(|error: DiskError| error.to_string()).and_then(|bytes| {
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

    fn shots(&mut self, file: &Spanned<PathBuf>) -> Arc<[Message]> {
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
                            .help("a line is {\"role\": \"user\", \"content\": \"...\"}"),
                    );
                }
            }
        }
        turns.into()
    }
}

/// What serde_json says, without its line and column: the caret says that.
#[must_use]
pub fn plain_json_error(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}

fn line_of(source: &str, place: usize) -> usize {
    source.as_bytes().iter().take(place).filter(|byte| **byte == b'\n').count() + 1
}
