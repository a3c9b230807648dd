//! An oracle's file: `oracles/<name>@<version>.toml`. Id, description, one table that names its kind, and self-tests.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::ask::{AnswerBook, Asks, Question, QuestionContext};
use super::judgement::Judgement;
use super::kind::{Criterion, Kind, TableError, settings};
use super::registry::{ALL_KINDS, KINDS};
use super::sample::{Facts, Sample};
use crate::diag::{Excerpt, Fault, Faults, nearest};
use crate::ident::{Digest, Digester, OracleRef};
use crate::record::{Verdict, canonical_json};
use crate::units::{Millis, Usd};

/// A version of an oracle.
#[derive(Debug)]
pub struct Oracle {
    /// Its id, which is its file's name.
    pub id: OracleRef,
    /// What it accepts, for people.
    pub description: String,
    /// The name of its kind.
    pub kind: &'static str,
    /// The digest of all that grading depends on: the kind and its table. Descriptions, comments and examples are left out,
    /// so that improving those needs no new version.
    pub digest: Digest,
    /// The criterion.
    pub criterion: Box<dyn Criterion>,
    /// The self-tests.
    pub examples: Vec<Example>,
    /// The examples that a draft still lacks; empty for any other oracle.
    pub lacks: Vec<Wanted>,
}

/// A self-test: an output, and what the oracle must say of it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// The output.
    pub output: String,
    /// The reference answer.
    pub expected: Option<Value>,
    /// The provider's finish reason, for kinds that use it.
    pub finish: Option<String>,
    /// Milliseconds from request to end, for kinds that look at them.
    pub latency_ms: Option<Millis>,
    /// USD, for kinds that look at them.
    pub cost_usd: Option<Usd>,
    /// Tool calls as the API spells them, for kinds that look at them.
    #[serde(default)]
    pub tool_calls: Value,
    /// Whether the API itself reports a refusal, for kinds that look at that.
    #[serde(default)]
    pub refused: bool,
    /// What the oracle must say.
    pub verdict: Wanted,
    /// What its gate part must say.
    pub gate: Option<Wanted>,
    /// A text that the reason must hold.
    pub reason: Option<String>,
}

impl Example {
    fn sample(&self) -> Sample<'_> {
        let facts = Facts {
            finish: self.finish.as_deref(),
            latency: self.latency_ms,
            cost: self.cost_usd,
            tool_calls: &self.tool_calls,
            refused: self.refused,
        };
        Sample { output: &self.output, expected: self.expected.as_ref(), facts }
    }
}

/// A verdict as an example names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// It passes.
    Pass,
    /// It fails.
    Fail,
    /// It cannot be graded.
    Ungraded,
}

impl Wanted {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Ungraded => "ungraded",
        }
    }
}

/// An example that came out otherwise.
#[derive(Clone, Debug, Serialize)]
pub struct ExampleFailure {
    /// The oracle.
    pub oracle: OracleRef,
    /// The number of the example, from 1.
    pub example: usize,
    /// What was wanted and what came.
    pub why: String,
}

impl std::fmt::Display for ExampleFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} example {}: {}", self.oracle, self.example, self.why)
    }
}

impl Oracle {
    /// Whether a model judges for it, or is asked for embeddings.
    #[must_use]
    pub fn asks_a_model(&self) -> bool {
        self.criterion.asks().iter().any(|asks| matches!(asks, Asks::Model { .. }))
    }

    /// Whether it asks a program of the user's.
    #[must_use]
    pub fn asks_a_program(&self) -> bool {
        self.criterion.asks().iter().any(|asks| matches!(asks, Asks::Program))
    }

    /// What the criterion says of each example, with the answers at hand.
    pub fn judge_examples<'a>(&'a self, answers: &'a AnswerBook) -> impl Iterator<Item = Judgement> + 'a {
        let asked = QuestionContext { prompt: None, answers };
        self.examples.iter().map(move |example| self.criterion.judge_with(&example.sample(), &asked))
    }

    /// What must be answered before the self-tests can be run.
    #[must_use]
    pub fn example_questions(&self, answers: &AnswerBook) -> Vec<Question> {
        let asked = QuestionContext { prompt: None, answers };
        self.examples.iter().flat_map(|example| self.criterion.questions(&example.sample(), &asked)).collect()
    }

    /// Whether a self-test needs an answer that is missing.
    fn is_open(&self, example: &Example, answers: &AnswerBook) -> bool {
        let asked = QuestionContext { prompt: None, answers };
        let questions = self.criterion.questions(&example.sample(), &asked);
        questions.iter().any(|question| answers.get(question).is_none())
    }

    /// The self-tests that cannot be run without an answer that is not there.
    #[must_use]
    pub fn open_examples(&self, answers: &AnswerBook) -> usize {
        self.examples.iter().filter(|example| self.is_open(example, answers)).count()
    }

    /// Runs the self-tests, but for those that wait for an answer; returns those that came out otherwise.
    #[must_use]
    pub fn self_test(&self, answers: &AnswerBook) -> Vec<ExampleFailure> {
        let mut failures = Vec::new();
        for (at, example) in self.examples.iter().enumerate() {
            if self.is_open(example, answers) {
                continue;
            }
            let judgement =
                self.criterion.judge_with(&example.sample(), &QuestionContext { prompt: None, answers });
            let mut fail = |why: String| {
                failures.push(ExampleFailure { oracle: self.id.clone(), example: at + 1, why });
            };
            if judgement.verdict.name() != example.verdict.name() {
                fail(format!("expected {}, got {}", example.verdict.name(), shown(Some(&judgement.verdict))));
            } else if let Some(reason) = &example.reason
                && !judgement.verdict.reason().is_some_and(|said| said.contains(reason.as_str()))
            {
                fail(format!("the reason does not contain {reason:?}: {}", shown(Some(&judgement.verdict))));
            }
            if let Some(gate) = example.gate
                && judgement.gate.as_ref().map(Verdict::name) != Some(gate.name())
            {
                fail(format!("expected the gate to {}, got {}", gate.name(), shown(judgement.gate.as_ref())));
            }
        }
        failures
    }
}

fn shown(verdict: Option<&Verdict>) -> String {
    match verdict {
        None => "no gate".to_owned(),
        Some(verdict) => match verdict.reason() {
            Some(reason) => format!("{} ({reason})", verdict.name()),
            None => verdict.name().to_owned(),
        },
    }
}

/// Reads an oracle's file; `stem` is the file's name without `.toml`.
///
/// # Errors
/// All that is wrong with it.
pub fn read(shown: &str, stem: &str, source: &str) -> Result<Oracle, Faults> {
    let table = DeTable::parse(source).map_err(|error| Fault::from_toml(shown, source, &error))?;
    let fault = |span: std::ops::Range<usize>, message: String, help: String| {
        Faults::from(Fault::new(shown, message).at(Excerpt::of(source, span)).help(help))
    };
    let from_table = |error: TableError| match error.toml {
        Some(error) => Fault::from_toml(shown, source, &error).into(),
        None => fault(error.span.unwrap_or(0..0), error.message, error.help.unwrap_or_default()),
    };
    let (mut id, mut description, mut examples, mut built) = (None, None, Vec::new(), None);
    let mut draft = None;
    for (key, value) in table.into_inner() {
        match key.get_ref().as_ref() {
            "id" => id = Some(settings::<Spanned<String>>(value).map_err(from_table)?),
            "description" => description = Some(settings::<String>(value).map_err(from_table)?),
            "example" => examples = settings(value).map_err(from_table)?,
            "draft" => {
                draft = Some(settings::<Spanned<bool>>(value).map_err(from_table)?)
                    .filter(|draft| *draft.get_ref());
            }
            name => match ALL_KINDS.find(name) {
                None => {
                    let known: Vec<&str> = ["id", "description", "draft", "example"]
                        .into_iter()
                        .chain(ALL_KINDS.names())
                        .collect();
                    let help = match nearest(name, known) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => format!("the kinds of oracles are {}", ALL_KINDS.names().join(", ")),
                    };
                    return Err(fault(key.span(), format!("unknown key `{name}`"), help));
                }
                Some(_) if built.is_some() => {
                    let help = "keep one, or compose them with [all] or [any]".to_owned();
                    return Err(fault(key.span(), "an oracle must have exactly one kind".to_owned(), help));
                }
                Some(kind) => {
                    built = Some((
                        kind,
                        digest_of(kind, &value),
                        kind.build(value, ALL_KINDS).map_err(from_table)?,
                    ))
                }
            },
        }
    }
    let whole = |message: &str, help: String| Faults::from(Fault::new(shown, message).help(help));
    let id = id.ok_or_else(|| whole("the oracle has no id", format!("add id = \"{stem}\"")))?;
    if id.get_ref() != stem {
        let help = format!("write id = \"{stem}\", or rename the file");
        return Err(fault(id.span(), "the id is not the file's name".to_owned(), help));
    }
    let reference: OracleRef = id.get_ref().parse().map_err(|error: crate::ident::NameError| {
        fault(id.span(), error.to_string(), "use a name such as intent@1".to_owned())
    })?;
    let description = description.ok_or_else(|| {
        whole("the oracle has no description", "describe in one line what it accepts".to_owned())
    })?;
    let Some((kind, digest, criterion)) = built else {
        let help = format!("add one of the tables [{}]", ALL_KINDS.names().join("], ["));
        return Err(whole("the oracle has no kind", help));
    };
    let has = |wanted: Wanted| examples.iter().any(|example: &Example| example.verdict == wanted);
    let lacks: Vec<Wanted> =
        [Wanted::Pass, Wanted::Fail].into_iter().filter(|wanted| !has(*wanted)).collect();
    match draft {
        None if !lacks.is_empty() => {
            let help = "add [[example]] tables: at least one with verdict = \"pass\" and one with verdict = \"fail\"";
            return Err(whole("the oracle needs a passing and a failing example", help.to_owned()));
        }
        Some(draft) if lacks.is_empty() => {
            let help = "remove `draft = true`".to_owned();
            return Err(fault(
                draft.span(),
                "the oracle has its examples, so it is not a draft".to_owned(),
                help,
            ));
        }
        // Whether an answer meets a rubric only people can say; any other kind can be given its examples at once.
        Some(draft) if !criterion.asks().iter().any(|asks| matches!(asks, Asks::Model { .. })) => {
            let help = "add a passing and a failing [[example]], and remove `draft = true`".to_owned();
            return Err(fault(
                draft.span(),
                "only an oracle that asks a model may be a draft".to_owned(),
                help,
            ));
        }
        Some(_) | None => {}
    }
    Ok(Oracle { id: reference, description, kind: kind.name, digest, criterion, examples, lacks })
}

fn digest_of(kind: &Kind, table: &Spanned<DeValue<'_>>) -> Digest {
    let value: Value = settings(table.clone()).unwrap_or_default();
    Digester::new("route-prof oracle 1")
        .part(kind.name.as_bytes())
        .part(canonical_json(&value).as_bytes())
        .finish()
}

/// The JSON Schema of an oracle's file, put together from the kinds'.
#[must_use]
pub fn json_schema() -> Value {
    let mut kinds = BTreeMap::new();
    for kind in KINDS {
        let mut schema = (kind.schema)();
        if let Some(object) = schema.as_object_mut() {
            object.remove("$schema");
            object.insert("description".to_owned(), json!(kind.summary));
        }
        kinds.insert(kind.name, schema);
    }
    let one_kind: Vec<Value> = kinds.keys().map(|name| json!({ "required": [name] })).collect();
    let mut example = schemars::schema_for!(Example).to_value();
    let definitions = example.as_object_mut().and_then(|object| {
        object.remove("$schema");
        object.remove("$defs")
    });
    let mut properties = serde_json::Map::new();
    properties
        .insert("id".to_owned(), json!({ "type": "string", "description": "name@version, the file's name" }));
    properties.insert("description".to_owned(), json!({ "type": "string" }));
    properties.insert("example".to_owned(), json!({ "type": "array", "items": example }));
    properties.insert(
        "draft".to_owned(),
        json!({
            "type": "boolean",
            "description": "true: an oracle that asks a model and still lacks an example that passes or one that fails",
        }),
    );
    let mut all_definitions = definitions.and_then(|value| value.as_object().cloned()).unwrap_or_default();
    for (name, mut schema) in kinds {
        // Definitions move to the root, where their references look for them.
        let own = schema.as_object_mut().and_then(|object| object.remove("$defs"));
        all_definitions.extend(own.and_then(|value| value.as_object().cloned()).unwrap_or_default());
        properties.insert(name.to_owned(), schema);
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "An oracle",
        "type": "object",
        "properties": properties,
        "required": ["id", "description"],
        // Only a draft may have fewer examples than two.
        "if": { "properties": { "draft": { "const": true } }, "required": ["draft"] },
        "else": { "required": ["example"], "properties": { "example": { "minItems": 2 } } },
        "oneOf": one_kind,
        "additionalProperties": false,
        "$defs": all_definitions,
    })
}
