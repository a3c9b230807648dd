//! Tests every tier with one tiny call: key, model, context window, served model and clock.

use anyhow::Context;
use serde::Serialize;

use crate::config::{Tier, TierRole};
use crate::diag::{UsageError, escape, nearest};
use crate::engine::context::Engine;
use crate::engine::error::Error;
use crate::engine::event::Event;
use crate::engine::run::project::Project;
use crate::engine::work::runtime;
use crate::plan::tokens;
use crate::price::ModelPrice;
use crate::provider::{self, Endpoint, Response};
use crate::record::{ErrorKind, Message, Outcome, Request, UsageQuality};
use crate::units::{Millis, Tokens, Usd};

/// Room for one word, and a little reasoning before it.
const CAP: Tokens = Tokens(64);
/// The clock error, in seconds, from which it is reported.
const SKEW_S: i64 = 30;

/// Which tiers to test.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DoctorRequest {
    /// Only these tiers; empty means all.
    pub tiers: Vec<String>,
    /// Also test the fallback models (`same_class`) of each tier.
    pub fallbacks: bool,
    /// Only report the maximum cost; make no call.
    pub dry_run: bool,
}

/// The result of testing a tier.
#[derive(Debug, Serialize)]
pub struct DoctorFinding {
    /// The tier.
    pub tier: String,
    /// Its model.
    pub model: String,
    /// Whether a run can use the tier as it is.
    pub ok: bool,
    /// The model that answered, according to the reply.
    pub served_model: Option<String>,
    /// How long the call took.
    pub latency_ms: Option<Millis>,
    /// The context window that a run would assume.
    pub window: Option<Tokens>,
    /// The context window that the provider states.
    pub window_served: Option<Tokens>,
    /// How far this machine's clock is ahead of the server's, in seconds.
    pub clock_ahead_s: Option<i64>,
    /// What the call cost.
    pub cost: Option<Usd>,
    /// Problems, and how to fix them.
    pub problems: Vec<DoctorProblem>,
}

/// A problem, and how to fix it.
#[derive(Debug, Serialize)]
pub struct DoctorProblem {
    /// What is wrong.
    pub what: String,
    /// How to fix it; empty if nothing is known.
    pub fix: String,
}

impl Engine {
    /// Tests every tier with one tiny call. First reports the most that the calls can cost ([`Event::CostBound`]).
    ///
    /// # Errors
    /// If a tier does not exist. A problem with a tier is no error but a [`DoctorFinding`].
    ///
    /// ```no_run
    /// # use route_prof::engine::{DoctorRequest, Engine, Error};
    /// # fn main() -> Result<(), Error> {
    /// let engine = Engine::new();
    /// for finding in engine.doctor(&engine.open(None)?, &DoctorRequest::default())? {
    ///     println!("{}: {}", finding.tier, if finding.ok { "ok" } else { "failed" });
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn doctor(&self, project: &Project, request: &DoctorRequest) -> Result<Vec<DoctorFinding>, Error> {
        Ok(doctor(self, project.clone(), request)?)
    }
}

fn doctor(
    engine: &Engine,
    mut project: Project,
    request: &DoctorRequest,
) -> anyhow::Result<Vec<DoctorFinding>> {
    if request.fallbacks {
        project.measure_fallbacks()?;
    }
    let all = || project.config.tiers.iter().zip(&project.prices);
    for name in &request.tiers {
        if !all().any(|(tier, _)| tier.name.as_str() == name) {
            let near = nearest(name, project.config.tiers.iter().map(|tier| tier.name.as_str()));
            let help = near.map_or_else(
                || "see [[tier]] in route-prof.toml".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            return Err(UsageError::with_help(format!("there is no tier `{}`", escape(name)), help));
        }
    }
    let named =
        |tier: &Tier| request.tiers.is_empty() || request.tiers.iter().any(|name| name == tier.name.as_str());
    let tiers: Vec<(&Tier, &ModelPrice)> = all().filter(|(tier, _)| named(tier)).collect();
    let mut most = Usd::ZERO;
    for (tier, price) in &tiers {
        let ceiling = price.ceiling(tokens::bound(&probe(tier)), CAP);
        most += ceiling.context("a price too large to count with")?;
    }
    engine.emit(Event::CostBound { calls: tiers.len() as u64, model: None, at_most: most });
    if request.dry_run {
        return Ok(Vec::new());
    }
    let calls = tiers.iter().map(|(tier, price)| examine(&project, tier, price));
    Ok(runtime::new(engine)?.block_on(futures_util::future::join_all(calls)))
}

fn probe(tier: &Tier) -> Request {
    Request {
        messages: vec![Message::text("user", "Reply with the word: ok")],
        params: tier.params.clone(),
        max_output_tokens: CAP,
    }
}

async fn examine(project: &Project, tier: &Tier, price: &ModelPrice) -> DoctorFinding {
    let mut finding = DoctorFinding {
        tier: tier.name.to_string(),
        model: tier.model.to_string(),
        ok: false,
        served_model: None,
        latency_ms: None,
        window: tier.context_window.or(price.context_window),
        window_served: None,
        clock_ahead_s: None,
        cost: None,
        problems: Vec::new(),
    };
    let Some(settings) = project.config.providers.get(&tier.model.provider) else { return finding };
    let endpoint = match Endpoint::connect(&project.world, settings, &project.config.run) {
        Ok(endpoint) => endpoint,
        Err(faults) => {
            for fault in faults.0 {
                finding.problem(fault.message, fault.help.unwrap_or_default());
            }
            return finding;
        }
    };
    let mut response = endpoint.call(&tier.model.model, &probe(tier)).await;
    if tier.role != TierRole::Router && provider::insists_on_model(settings) {
        response.insist_on(&tier.model.model);
    }
    finding.window_served = endpoint.window(&tier.model.model).await;
    finding.latency_ms = response.clocks.total_ms;
    finding.served_model.clone_from(&response.served_model);
    finding.cost = price.cost(&response.usage).map(|cost| cost.billed);
    finding.clock_ahead_s =
        response.date.map(|date| project.world.clock.now().as_second() - date.as_second());
    // A cap on so small an answer says nothing about the model.
    finding.ok = matches!(response.outcome, Outcome::Reply | Outcome::Truncated);
    let key = settings.api_key_env.as_deref();
    finding.reply(&response, key);
    finding.window_and_clock(tier);
    if !endpoint.is_script() && finding.ok {
        finding.measuring(&response, settings.stream);
    }
    finding
}

impl DoctorFinding {
    fn problem(&mut self, what: impl Into<String>, fix: impl Into<String>) {
        self.problems.push(DoctorProblem { what: what.into(), fix: fix.into() });
    }

    /// Checks the reply.
    fn reply(&mut self, response: &Response, key: Option<&str>) {
        let Some(failure) = response.failure.as_ref().filter(|_| !self.ok) else { return };
        let key = key
            .map_or_else(|| "api_key_env (no key is sent)".to_owned(), |name| format!("the key in {name}"));
        let fix = match failure.kind {
            ErrorKind::Auth => format!("check {key}, and that its account may use this model"),
            ErrorKind::Billing => format!("add credit to the account of {key}, or raise its limit; retrying will not help"),
            ErrorKind::Connect if failure.message.contains("certificate") => {
                "if the certificate is from your own authority, set SSL_CERT_FILE to its certificate (PEM)".to_owned()
            }
            ErrorKind::Connect => "check base_url and HTTPS_PROXY, and that the server is running".to_owned(),
            ErrorKind::Timeout => "the server is slow or hangs; a local model may still be loading: try again, or raise progress_timeout_s".to_owned(),
            ErrorKind::RateLimited => "the key is used elsewhere too, or its limits are low: set the provider's limits".to_owned(),
            ErrorKind::Server | ErrorKind::BrokenStream => "the provider has a problem: try again later".to_owned(),
            ErrorKind::Protocol => "check that api and base_url belong together; most servers want base_url to end in /v1".to_owned(),
            ErrorKind::WrongModel => "use the name that the model answers with, or set served_model = \"any\" for the provider".to_owned(),
            ErrorKind::BadRequest if response.status == Some(404) => "check the model's name and base_url: the server does not know it".to_owned(),
            ErrorKind::BadRequest if response.outcome == Outcome::Refused => "the model refuses even this prompt; check the provider's content filters".to_owned(),
            ErrorKind::BadRequest => "check params of the tier: many models refuse temperature and other sampling parameters".to_owned(),
            ErrorKind::Empty | ErrorKind::NotOnTape => String::new(),
        };
        self.problem(failure.message.clone(), fix);
    }

    fn window_and_clock(&mut self, tier: &Tier) {
        match (self.window, self.window_served) {
            (Some(known), Some(served)) if served < known => {
                self.ok = false;
                self.problem(
                    format!(
                        "route-prof.toml assumes a context window of {known} tokens, but the provider states {served}"
                    ),
                    format!(
                        "set context_window = {served} in [[tier]] {}: longer requests would fail",
                        tier.name
                    ),
                );
            }
            (None, Some(served)) => self.problem(
                "the context window is unknown, so requests that are too long are not held back",
                format!("set context_window = {served} in [[tier]] {}", tier.name),
            ),
            (Some(_) | None, Some(_) | None) => {}
        }
        if let Some(ahead) = self.clock_ahead_s.filter(|ahead| ahead.abs() > SKEW_S) {
            let way = if ahead > 0 { "ahead of" } else { "behind" };
            self.problem(
                format!("this machine's clock is {} s {way} the server's", ahead.abs()),
                "synchronise the clock (NTP): otherwise pauses until a time that a server names are wrong",
            );
        }
    }

    /// Checks what would impair a measurement although the tier answers.
    fn measuring(&mut self, response: &Response, stream: bool) {
        if response.usage.quality != UsageQuality::Reported {
            self.problem(
                "the reply has no usable token counts, so its cost is unknown",
                "enable usage in streams at the gateway, or set stream = false for the provider",
            );
        }
        if stream && !response.streamed {
            self.problem(
                "the reply was not streamed although a stream was requested, so there is no time to first token",
                "set stream = false for the provider if that is intended",
            );
        }
    }
}
