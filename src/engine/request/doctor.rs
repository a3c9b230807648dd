//! One tiny call a tier, to know before a run whether key, model, window, served model and clock are right.

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

/// Room for a word, and for a little reasoning before it.
const CAP: Tokens = Tokens(64);
/// A clock that is further off than this is worth a word.
const SKEW_S: i64 = 30;

/// Which tiers are tried.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DoctorRequest {
    /// Only these tiers; none: all.
    pub tiers: Vec<String>,
    /// The fallbacks of each tier's `same_class`, too.
    pub fallbacks: bool,
    /// Say what it would cost, and make no call.
    pub dry_run: bool,
}

/// What was found about a tier.
#[derive(Debug, Serialize)]
pub struct Finding {
    /// The tier.
    pub tier: String,
    /// Its model.
    pub model: String,
    /// Whether a run could use the tier as it is.
    pub well: bool,
    /// The model that the reply says answered.
    pub served_model: Option<String>,
    /// How long the call took.
    pub latency_ms: Option<Millis>,
    /// The context window that a run would go by.
    pub window: Option<Tokens>,
    /// The one that the provider states.
    pub window_served: Option<Tokens>,
    /// How far this machine's clock is ahead of the server's, in seconds.
    pub clock_ahead_s: Option<i64>,
    /// What the call cost.
    pub cost: Option<Usd>,
    /// What is wrong, and how to mend it.
    pub problems: Vec<Problem>,
}

/// What is wrong, and how to mend it.
#[derive(Debug, Serialize)]
pub struct Problem {
    /// What is wrong.
    pub what: String,
    /// How to mend it.
    pub mend: String,
}

impl Engine {
    /// Tries every tier with one tiny call. Tells first what the calls may cost ([`Event::MayCost`]).
    ///
    /// # Errors
    /// When there is no such tier. What is wrong with a tier is no error, but a finding.
    ///
    /// ```no_run
    /// # use route_prof::engine::{DoctorRequest, Engine, Error};
    /// # fn main() -> Result<(), Error> {
    /// let engine = Engine::new();
    /// for finding in engine.doctor(&engine.open(None)?, &DoctorRequest::default())? {
    ///     println!("{}: {}", finding.tier, if finding.well { "ok" } else { "failed" });
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn doctor(&self, project: &Project, request: &DoctorRequest) -> Result<Vec<Finding>, Error> {
        Ok(doctor(self, project.clone(), request)?)
    }
}

fn doctor(engine: &Engine, mut project: Project, wanted: &DoctorRequest) -> anyhow::Result<Vec<Finding>> {
    if wanted.fallbacks {
        project.measure_fallbacks()?;
    }
    let all = || project.config.tiers.iter().zip(&project.prices);
    for name in &wanted.tiers {
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
        |tier: &Tier| wanted.tiers.is_empty() || wanted.tiers.iter().any(|name| name == tier.name.as_str());
    let tiers: Vec<(&Tier, &ModelPrice)> = all().filter(|(tier, _)| named(tier)).collect();
    let mut most = Usd::ZERO;
    for (tier, price) in &tiers {
        let ceiling = price.ceiling(tokens::bound(&request(tier)), CAP);
        most += ceiling.context("a price too large to count with")?;
    }
    engine.tell(Event::MayCost { calls: tiers.len() as u64, model: None, at_most: most });
    if wanted.dry_run {
        return Ok(Vec::new());
    }
    let calls = tiers.iter().map(|(tier, price)| examine(&project, tier, price));
    Ok(runtime::new(engine)?.block_on(futures_util::future::join_all(calls)))
}

fn request(tier: &Tier) -> Request {
    Request {
        messages: vec![Message::text("user", "Reply with the word: ok")],
        params: tier.params.clone(),
        max_output_tokens: CAP,
    }
}

async fn examine(project: &Project, tier: &Tier, price: &ModelPrice) -> Finding {
    let mut finding = Finding {
        tier: tier.name.to_string(),
        model: tier.model.to_string(),
        well: false,
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
                finding.say(fault.message, fault.help.unwrap_or_default());
            }
            return finding;
        }
    };
    let mut response = endpoint.call(&tier.model.model, &request(tier)).await;
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
    finding.well = matches!(response.outcome, Outcome::Reply | Outcome::Truncated);
    let key = settings.api_key_env.as_deref();
    finding.reply(&response, key);
    finding.window_and_clock(tier);
    if !endpoint.is_script() && finding.well {
        finding.measuring(&response, settings.stream);
    }
    finding
}

impl Finding {
    fn say(&mut self, what: impl Into<String>, mend: impl Into<String>) {
        self.problems.push(Problem { what: what.into(), mend: mend.into() });
    }

    /// What is wrong with the reply.
    fn reply(&mut self, response: &Response, key: Option<&str>) {
        let Some(failure) = response.failure.as_ref().filter(|_| !self.well) else { return };
        let key = key
            .map_or_else(|| "api_key_env (no key is sent)".to_owned(), |name| format!("the key in {name}"));
        let mend = match failure.kind {
            ErrorKind::Auth => format!("check {key}, and that its account may use this model"),
            ErrorKind::Billing => format!("top the account of {key} up, or raise its limit; another attempt today ends the same"),
            ErrorKind::Connect if failure.message.contains("certificate") => {
                "for an authority of your own set SSL_CERT_FILE to its certificate (PEM)".to_owned()
            }
            ErrorKind::Connect => "check base_url, whether the server runs, and what HTTPS_PROXY says".to_owned(),
            ErrorKind::Timeout => "the server is slow or hangs; a local model may still be loading: try again, or raise progress_timeout_s".to_owned(),
            ErrorKind::RateLimited => "somebody uses the same key, or the limits are low: set limits of the provider".to_owned(),
            ErrorKind::Server | ErrorKind::BrokenStream => "the provider has trouble: try again later".to_owned(),
            ErrorKind::Protocol => "check that api and base_url belong together; most servers want base_url to end in /v1".to_owned(),
            ErrorKind::WrongModel => "ask for the model by the name that it answers by, or say served_model = \"any\" of the provider".to_owned(),
            ErrorKind::BadRequest if response.status == Some(404) => "check the model's name and base_url: the server knows no such thing".to_owned(),
            ErrorKind::BadRequest if response.outcome == Outcome::Refused => "the model refuses even this; look at the provider's filters".to_owned(),
            ErrorKind::BadRequest => "check params of the tier: many models refuse temperature and other sampling parameters".to_owned(),
            ErrorKind::Empty | ErrorKind::NotOnTape => String::new(),
        };
        self.say(failure.message.clone(), mend);
    }

    fn window_and_clock(&mut self, tier: &Tier) {
        match (self.window, self.window_served) {
            (Some(known), Some(served)) if served < known => {
                self.well = false;
                self.say(
                    format!(
                        "the settings go by a context window of {known} tokens, the provider states {served}"
                    ),
                    format!(
                        "set context_window = {served} in [[tier]] {}: what is above it fails otherwise",
                        tier.name
                    ),
                );
            }
            (None, Some(served)) => self.say(
                "the context window is unknown, so that nothing is guarded against overflow",
                format!("set context_window = {served} in [[tier]] {}", tier.name),
            ),
            (Some(_) | None, Some(_) | None) => {}
        }
        if let Some(ahead) = self.clock_ahead_s.filter(|ahead| ahead.abs() > SKEW_S) {
            let way = if ahead > 0 { "ahead of" } else { "behind" };
            self.say(
                format!("this machine's clock is {} s {way} the server's", ahead.abs()),
                "set it (NTP): waits until a moment that a server names would be wrong",
            );
        }
    }

    /// What would spoil a measurement, though the tier serves.
    fn measuring(&mut self, response: &Response, stream: bool) {
        if response.usage.quality != UsageQuality::Reported {
            self.say(
                "the reply says nothing usable about its tokens, so that its cost is unknown",
                "at a gateway, turn usage in streams on; else set stream = false of the provider",
            );
        }
        if stream && !response.streamed {
            self.say(
                "a stream was asked for and did not come, so that there is no time to first token",
                "set stream = false of the provider if that is as it should be",
            );
        }
    }
}
