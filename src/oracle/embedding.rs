//! `embedding`: how near the output is to the reference in meaning, by the vectors of an embeddings model. Truth alone; it asks.

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use super::ask::{Answer, Asks, ModelQuestion, OwnAnswers, Question, QuestionContext};
use super::judgement::{Judgement, NO_EXPECTED, NOT_JUDGED};
use super::kind::{Build, Criterion, Kind, Table, TableError, settings};
use super::sample::{Sample, as_text};
use crate::ident::ModelRef;
use crate::record::{Message, Verdict};
use crate::units::Tokens;

pub(super) const KIND: Kind = Kind {
    name: "embedding",
    summary: "an answer whose meaning is close to the reference, by an embeddings model",
    build: Build::Alone(build),
    schema: || schemars::schema_for!(Settings).to_value(),
};

/// A nearness in meaning to the reference.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// The embeddings model: `provider/model`. Its provider is one of `route-prof.toml`, with api = "openai-embeddings".
    #[schemars(with = "String")]
    model: Spanned<String>,
    /// The least cosine, -1 to 1.
    #[schemars(with = "f64")]
    threshold: Spanned<f64>,
}

#[derive(Debug)]
struct Embedding {
    model: ModelRef,
    threshold: f64,
}

fn build(table: Table<'_>) -> Result<Box<dyn Criterion>, TableError> {
    let settings: Settings = settings(table)?;
    let threshold = *settings.threshold.get_ref();
    if !(-1.0..=1.0).contains(&threshold) {
        return Err(TableError::new(
            settings.threshold.span(),
            "a cosine similarity must be between -1 and 1",
            "use a number such as 0.8",
        ));
    }
    let model = settings.model.get_ref().parse().map_err(|error: crate::ident::NameError| {
        TableError::new(
            settings.model.span(),
            error.to_string(),
            "use a name such as embeddings/text-embedding-3-small",
        )
    })?;
    Ok(Box::new(Embedding { model, threshold }))
}

impl Embedding {
    fn question(&self, sample: &Sample<'_>) -> Option<Question> {
        let expected = as_text(sample.expected?)?;
        Some(Question::Model(ModelQuestion {
            model: self.model.clone(),
            messages: vec![Message::text("user", sample.output), Message::text("user", &expected)],
            params: std::collections::BTreeMap::new(),
            max_output_tokens: Tokens(1),
            schema: None,
        }))
    }
}

impl Criterion for Embedding {
    fn judge(&self, sample: &Sample<'_>) -> Judgement {
        let reason = match sample.expected.map(as_text) {
            None => NO_EXPECTED,
            Some(None) => "the expected answer is no text",
            Some(Some(_)) => NOT_JUDGED,
        };
        Judgement::gateless(Verdict::Ungraded(reason.to_owned()))
    }

    fn judge_with(&self, sample: &Sample<'_>, asked: &QuestionContext<'_>) -> Judgement {
        let answer = self.question(sample).and_then(|question| asked.answers.get(&question).cloned());
        Judgement::gateless(match answer {
            None => return self.judge(sample),
            Some(Answer::Failed(why)) => Verdict::Ungraded(why),
            Some(Answer::Text(text)) => match text.trim().parse::<f64>() {
                // "NaN" is read as a number, too.
                Ok(cosine) if cosine.is_finite() && cosine >= self.threshold => Verdict::Pass,
                Ok(cosine) if cosine.is_finite() => {
                    Verdict::Fail("not near enough in meaning to the expected answer".to_owned())
                }
                Ok(_) | Err(_) => Verdict::Ungraded("the embeddings model gave no number".to_owned()),
            },
        })
    }

    fn questions(&self, sample: &Sample<'_>, asked: &QuestionContext<'_>) -> Vec<Question> {
        self.question(sample).into_iter().filter(|question| asked.answers.get(question).is_none()).collect()
    }

    fn asks(&self) -> Vec<Asks> {
        vec![Asks::Model {
            model: self.model.clone(),
            // Vectors have no style of their own to favour.
            own_answers: OwnAnswers::Allowed,
            max_output_tokens: Tokens(1),
            instructions: 0,
        }]
    }

    fn has_gate(&self) -> bool {
        false
    }

    fn needs_expected(&self) -> bool {
        true
    }
}
