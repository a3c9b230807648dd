//! `router.toml`: the routing config that the user commits. Byte-stable: no clock, no float noise, keys in a fixed order.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::RenderError;
pub use super::router_diff::{RouterDiff, diff, diff_evidence};
use crate::config::IntervalMethod;
use crate::ident::{Digest, ModelRef, OracleRef, TaskName, TierName};
use crate::summary::{
    Band, Decision, Escalation, PriceLine, QualityGate, Rate, Source, Summary, TaskSummary, TierSummary,
};
use crate::units::{Millis, Tokens, Usd};

/// The version of the format.
pub const VERSION: u32 = 1;

/// `router.toml` as read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "router.toml")]
pub struct RouterFile {
    /// The version of the format.
    pub version: u32,
    /// What the routes were made from.
    pub evidence: RouterEvidence,
    /// The ladder.
    #[serde(default)]
    pub tier: BTreeMap<TierName, RouterTier>,
    /// Where a request of an unlisted task goes.
    pub default: RouterDefault,
    /// The routes by task.
    #[serde(default)]
    pub route: BTreeMap<TaskName, RouterRoute>,
}

/// What the routes were made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouterEvidence {
    /// What the answers are: `live`, `recording: FILE`, `script`, `mixed`.
    pub source: String,
    /// The corpus, relative to the project.
    pub corpus_file: String,
    /// Prompts in it.
    pub prompts: u64,
    /// Trials with an answer.
    pub trials: u64,
    /// Where the prices come from.
    pub price_source: String,
    /// A remark on the prices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_note: Option<String>,
    /// The chance of settling a cell wrongly that was allowed for, where cells were settled early.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_alpha: Option<f64>,
    /// Digest of the corpus.
    pub corpus: Digest,
    /// Digest of models, endpoints, parameters and prompts' surroundings.
    pub tiers: Digest,
    /// Digest of the tasks.
    pub tasks: Digest,
    /// Digest of the policy.
    pub policy: Digest,
    /// Digest of the prices used.
    pub prices: Digest,
    /// The oracle versions that graded, with their digests.
    pub oracles: BTreeMap<OracleRef, Digest>,
    /// The labels by people that judges were calibrated with.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<OracleRef, Digest>,
}

/// A rung of the ladder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouterTier {
    /// The model that was measured, then its fallbacks of the same class.
    pub models: Vec<ModelRef>,
    /// The context window, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_window: Option<Tokens>,
    /// The input size above which the tier is bypassed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard_input_tokens: Option<Tokens>,
    /// USD per million tokens.
    pub price_per_million: PriceLine,
}

/// Where a request of an unlisted task goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouterDefault {
    /// The tier.
    pub tier: TierName,
}

/// A route.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouterRoute {
    /// The tier that serves.
    pub tier: TierName,
    /// What the decision comes to.
    pub decision: Decision,
    /// Tiers to try next.
    pub fallback: Vec<TierName>,
    /// Above this many input tokens the tier is bypassed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_input_tokens: Option<Tokens>,
    /// Times that a request is sent again to the same model first.
    pub retries: u32,
    /// The oracle whose gate part production runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<OracleRef>,
    /// Whether each reply must be checked before it is used.
    pub quality_gate: QualityGate,
    /// The pass rate of the tier at the task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pass_rate: Option<RouterRate>,
    /// Where the rule is non-inferiority: the tier beside the one that the decision hangs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub versus: Option<RouterVersus>,
    /// What production should see of escalations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalation: Option<Escalation>,
    /// Latency of the tier at the task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<RouterLatency>,
    /// Cost of a request in USD, expected escalations included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_per_request: Option<Usd>,
    /// Mean output tokens to expect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<f64>,
    /// Why.
    pub reason: String,
    /// The evidence about the fallbacks of the tier's own class, where they were measured too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub same_class: Vec<RouterFallback>,
}

/// The evidence about a fallback of the same class at a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouterFallback {
    /// The model.
    pub model: ModelRef,
    /// What the evidence says of its quality at the task.
    pub quality: Band,
    /// Its pass rate at the task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pass_rate: Option<RouterRate>,
}

/// The tier that serves beside the one that it is least surely as good as.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouterVersus {
    /// The other tier.
    pub tier: TierName,
    /// The pass rate above that of the other tier, on the prompts that both answered.
    pub difference: f64,
    /// Its one-sided lower bound at the confidence that the task asks for.
    pub low: f64,
    /// What the bound must be above: this much worse, at the most.
    pub margin: f64,
    /// Prompts that both answered.
    pub n: u64,
}

/// A pass rate with what it rests on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouterRate {
    /// The weighted mean.
    pub mean: f64,
    /// Lower bound of the displayed interval.
    pub low: f64,
    /// Upper bound of the displayed interval.
    pub high: f64,
    /// Trials.
    pub n: u64,
    /// Effective number of prompts.
    pub n_eff: f64,
    /// Posterior probability that the true rate clears the floor that the decision claims.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// Which interval it is; left out where it is Wilson's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<IntervalMethod>,
}

/// Latency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouterLatency {
    /// Median.
    pub p50: Millis,
    /// 95th percentile.
    pub p95: Millis,
}

/// Reads a `router.toml`.
///
/// # Errors
/// When it is no TOML of that shape.
pub fn parse(text: &str) -> Result<RouterFile, toml::de::Error> {
    toml::from_str(text)
}

/// What the answers are, as the file says it.
fn source(source: &Source) -> String {
    match source {
        Source::Live => "live".to_owned(),
        Source::Recording(tape) => format!("recording: {tape}"),
        Source::Script => "script".to_owned(),
        Source::Mixed => "mixed".to_owned(),
    }
}

/// The bytes of `router.toml`.
///
/// # Errors
/// None today; the signature is that of every format.
pub fn render(summary: &Summary) -> Result<Vec<u8>, RenderError> {
    let mut out = Writer::default();
    out.line(&format!("# Generated by {}. Regenerate with: route-prof report latest", summary.tool));
    if let Some(note) = super::words::source(summary) {
        out.line(&format!("# {}", one_line(&note)));
    }
    if let Some(note) = &summary.evidence.price_note {
        out.line(&format!("# Prices: {}", one_line(note)));
    }
    out.pair("version", &VERSION.to_string());

    let evidence = &summary.evidence;
    out.table(&["evidence"]);
    out.pair("source", &text(&source(&summary.run.source)));
    out.pair("corpus_file", &text(&summary.run.corpus));
    out.pair("prompts", &summary.run.prompts.to_string());
    out.pair("trials", &summary.run.answered.to_string());
    out.pair("price_source", &text(&evidence.price_source));
    if let Some(note) = &evidence.price_note {
        out.pair("price_note", &text(note));
    }
    out.optional("stop_alpha", summary.run.stop_early.as_ref().map(|early| early.alpha.to_string()));
    for (name, digest) in [
        ("corpus", evidence.corpus),
        ("tiers", evidence.tiers),
        ("tasks", evidence.tasks),
        ("policy", evidence.policy),
        ("prices", evidence.prices),
    ] {
        out.pair(name, &text(&digest.to_string()));
    }
    out.table(&["evidence", "oracles"]);
    for (oracle, digest) in &evidence.oracles {
        out.pair(&key(&oracle.to_string()), &text(&digest.to_string()));
    }
    if !evidence.labels.is_empty() {
        out.table(&["evidence", "labels"]);
    }
    for (oracle, digest) in &evidence.labels {
        out.pair(&key(&oracle.to_string()), &text(&digest.to_string()));
    }
    for tier in &summary.tiers {
        write_tier(&mut out, tier);
    }
    out.table(&["default"]);
    out.pair("tier", &text(summary.default_tier.as_str()));
    for task in &summary.tasks {
        write_route(&mut out, task);
        for (beside, cell) in summary.fallbacks_of(task) {
            out.line(&format!("\n[[route.{}.same_class]]", key(task.name.as_str())));
            out.pair("model", &text(&beside.model.to_string()));
            out.pair("quality", &text(cell.band.name()));
            out.optional("pass_rate", cell.pass_rate.map(|rate| pass_rate(&rate, None)));
        }
    }
    Ok(out.0.into_bytes())
}

fn write_tier(out: &mut Writer, tier: &TierSummary) {
    out.table(&["tier", tier.name.as_str()]);
    let models: Vec<String> =
        std::iter::once(&tier.model).chain(&tier.same_class).map(|model| text(&model.to_string())).collect();
    out.pair("models", &format!("[{}]", models.join(", ")));
    out.optional("context_window", tier.context_window.map(|tokens| tokens.to_string()));
    out.optional("guard_input_tokens", tier.guard_input_tokens.map(|tokens| tokens.to_string()));
    let price = &tier.price;
    let mut fields = vec![("input", money(price.input)), ("output", money(price.output))];
    fields.extend(price.cache_read.map(|usd| ("cache_read", money(usd))));
    fields.extend(price.cache_write.map(|usd| ("cache_write", money(usd))));
    out.pair("price_per_million", &inline(&fields));
}

fn write_route(out: &mut Writer, task: &TaskSummary) {
    let route = &task.route;
    out.table(&["route", task.name.as_str()]);
    out.pair("tier", &text(route.tier.as_str()));
    out.pair("decision", &text(route.decision.name()));
    let fallback: Vec<String> = route.fallback.iter().map(|tier| text(tier.as_str())).collect();
    out.pair("fallback", &format!("[{}]", fallback.join(", ")));
    out.optional("max_input_tokens", route.max_input_tokens.map(|tokens| tokens.to_string()));
    out.pair("retries", &route.retries.to_string());
    out.optional("gate", route.gate.as_ref().map(|oracle| text(&oracle.to_string())));
    let gate = match route.quality_gate {
        QualityGate::Optional => "optional",
        QualityGate::Required => "required",
    };
    out.pair("quality_gate", &text(gate));
    out.optional("pass_rate", route.pass_rate.map(|rate| pass_rate(&rate, route.confidence)));
    out.optional("versus", versus(task));
    out.optional(
        "escalation",
        route.escalation.map(|escalation| {
            inline(&[
                ("baseline", number(escalation.baseline)),
                ("alert_above", number(escalation.alert_above)),
                ("window", escalation.window.to_string()),
            ])
        }),
    );
    let latency = route
        .latency
        .map(|latency| inline(&[("p50", number(latency.p50.ms())), ("p95", number(latency.p95.ms()))]));
    out.optional("latency_ms", latency);
    out.optional("cost_per_request", route.cost_per_request.map(money));
    out.optional("output_tokens", route.output_tokens.map(number));
    out.pair("reason", &text(&route.reason));
}

/// The comparison that the route hangs on, with the margin that its decision claims.
fn versus(task: &TaskSummary) -> Option<String> {
    let cell = task.cells.iter().find(|cell| cell.tier == task.route.tier)?;
    let versus = cell.versus.as_ref()?;
    let margin = match task.route.decision {
        Decision::Route | Decision::Undecided => task.margin?,
        Decision::Monitor | Decision::Escalate => task.monitor_margin?,
    };
    Some(inline(&[
        ("tier", text(versus.tier.as_str())),
        ("difference", number(versus.difference)),
        ("low", number(versus.low)),
        ("margin", number(margin)),
        ("n", versus.n.to_string()),
    ]))
}

fn pass_rate(rate: &Rate, confidence: Option<f64>) -> String {
    let mut fields = vec![
        ("mean", number(rate.mean)),
        ("low", number(rate.low)),
        ("high", number(rate.high)),
        ("n", rate.n.to_string()),
        ("n_eff", number(rate.n_eff)),
    ];
    fields.extend(confidence.map(|confidence| ("confidence", number(confidence))));
    match rate.interval {
        IntervalMethod::Wilson => {}
        method @ (IntervalMethod::ClopperPearson | IntervalMethod::Jeffreys) => {
            fields.push(("interval", text(method.name())));
        }
    }
    inline(&fields)
}

#[derive(Default)]
struct Writer(String);

impl Writer {
    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    fn table(&mut self, path: &[&str]) {
        let path: Vec<String> = path.iter().map(|part| key(part)).collect();
        self.line(&format!("\n[{}]", path.join(".")));
    }

    fn pair(&mut self, name: &str, value: &str) {
        self.line(&format!("{name} = {value}"));
    }

    fn optional(&mut self, name: &str, value: Option<String>) {
        if let Some(value) = value {
            self.pair(name, &value);
        }
    }
}

/// A key, quoted where it must be.
fn key(name: &str) -> String {
    let bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if bare { name.to_owned() } else { text(name) }
}

/// A basic string, every character that could end or bend it escaped.
fn text(value: &str) -> String {
    let mut quoted = String::with_capacity(value.len() + 2);
    quoted.push('"');
    for c in value.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            c if c.is_control() || crate::diag::is_format_char(c) => {
                quoted.push_str(&format!("\\U{:08X}", c as u32))
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || crate::diag::is_format_char(c) { ' ' } else { c }).collect()
}

fn inline(fields: &[(&str, String)]) -> String {
    let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    format!("{{ {} }}", fields.join(", "))
}

/// A float that TOML reads as a float, without an exponent.
fn number(value: f64) -> String {
    let text = format!("{value}");
    if text.contains('.') { text } else { format!("{text}.0") }
}

/// A decimal as a TOML float, digit for digit.
fn money(usd: Usd) -> String {
    let text = usd.to_string();
    if text.contains('.') { text } else { format!("{text}.0") }
}
