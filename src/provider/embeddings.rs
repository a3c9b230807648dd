//! `openai-embeddings`: OpenAI's embeddings, at any base URL that speaks the same. Its answer to two messages is their likeness: the
//! cosine of their vectors, as a number in text; its answer to one is its vector, as a JSON list in text. For oracles and strategies;
//! no tier is served by it.

use serde_json::{Value, json};

use super::api::{Api, Encoded, HttpApi, Wire};
use super::classify::ApiError;
use super::content::text_only;
use super::facts::{Decoder, Ending, Facts, Step};
use crate::config::Provider;
use crate::record::{Request, Usage, UsageQuality};
use crate::units::Tokens;

pub(super) const API: Api =
    Api { name: "openai-embeddings", base_url: "https://api.openai.com/v1", wire: Wire::Http(&Embeddings) };

struct Embeddings;

impl HttpApi for Embeddings {
    fn encode(&self, _: &Provider, _: &str, model: &str, request: &Request) -> Encoded {
        let input = request.messages.iter().map(text_only).collect::<Result<Vec<String>, String>>()?;
        if !matches!(input.len(), 1 | 2) {
            return Err("embeddings take a text, or compare two".to_owned());
        }
        let mut body = json!({ "model": model, "input": input });
        for (name, value) in &request.params {
            body[name.as_str()] = value.clone();
        }
        Ok(("/embeddings".to_owned(), body))
    }

    fn schema_parameter(&self, _name: &str, _schema: &Value) -> Option<(&'static str, Value)> {
        None
    }

    fn decoder(&self) -> Box<dyn Decoder> {
        Box::new(EmbeddingsDecoder)
    }
}

struct EmbeddingsDecoder;

impl Decoder for EmbeddingsDecoder {
    fn event(&mut self, _: &str, facts: &mut Facts) -> Step {
        facts.nonsense = Some("embeddings are not streamed".to_owned());
        Step::end()
    }

    fn body(&mut self, body: &Value, facts: &mut Facts) {
        if let Some(error) = ApiError::find(body) {
            facts.error = Some(error);
            return;
        }
        let data = body["data"].as_array().map(Vec::as_slice).unwrap_or_default();
        // Some servers leave the index out; where it stands, it says which text a vector belongs to.
        let indexed = data.iter().any(|entry| !entry["index"].is_null());
        let vector = |wanted: usize| -> Option<Vec<f64>> {
            let is_it = |entry: &&Value| entry["index"].as_u64() == u64::try_from(wanted).ok();
            let entry = if indexed { data.iter().find(is_it) } else { data.get(wanted) };
            entry?["embedding"].as_array()?.iter().map(Value::as_f64).collect()
        };
        let several = data.len() > 1;
        let text = match (several, vector(0)) {
            (false, Some(one)) => written(&one),
            (true, Some(one)) => vector(1)
                .filter(|_| data.len() == 2)
                .and_then(|two| cosine(&one, &two))
                .map(|cosine| format!("{cosine:.6}")),
            (_, None) => None,
        };
        let Some(text) = text else {
            facts.nonsense = Some("the reply has no vectors, or vectors of different lengths".to_owned());
            return;
        };
        facts.text = text;
        facts.computed = true;
        facts.served_model = body["model"].as_str().map(str::to_owned);
        let input = body["usage"]["prompt_tokens"].as_u64().map(Tokens);
        facts.usage = Usage {
            input,
            // A vector is not billed as output.
            output: input.map(|_| Tokens(0)),
            quality: if input.is_some() { UsageQuality::Reported } else { UsageQuality::Missing },
            raw: body["usage"].clone(),
            ..Usage::default()
        };
        facts.ending = Ending::Complete;
        facts.ended = true;
    }
}

/// A vector of length 1 in its direction, as a JSON list: six places are more than a cosine can tell apart.
fn written(vector: &[f64]) -> Option<String> {
    let length = vector.iter().map(|value| value * value).sum::<f64>().sqrt();
    if !(length > 0.0 && length.is_finite()) {
        return None;
    }
    let values: Vec<String> = vector.iter().map(|value| format!("{:.6}", value / length)).collect();
    Some(format!("[{}]", values.join(",")))
}

/// The cosine of the angle between two vectors; `None` if one has no length, or they have different dimensions.
fn cosine(one: &[f64], two: &[f64]) -> Option<f64> {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let lengths = (dot(one, one) * dot(two, two)).sqrt();
    (one.len() == two.len() && lengths > 0.0 && lengths.is_finite())
        .then(|| (dot(one, two) / lengths).clamp(-1.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cosine_of_two_vectors() {
        assert_eq!(cosine(&[1.0, 0.0], &[0.0, 2.0]), Some(0.0));
        assert!((cosine(&[1.0, 1.0], &[2.0, 2.0]).unwrap() - 1.0).abs() < 1e-12);
        assert_eq!(cosine(&[1.0], &[1.0, 2.0]), None);
        assert_eq!(cosine(&[0.0], &[1.0]), None);
    }

    #[test]
    fn a_single_text_gives_its_vector() {
        let mut facts = Facts::default();
        let body = json!({"data": [{"index": 0, "embedding": [3.0, -4.0]}], "usage": {"prompt_tokens": 2}});
        EmbeddingsDecoder.body(&body, &mut facts);
        assert_eq!(facts.text, "[0.600000,-0.800000]");
        let mut facts = Facts::default();
        EmbeddingsDecoder.body(&json!({"data": [{"index": 0, "embedding": [0.0]}]}), &mut facts);
        assert!(facts.nonsense.is_some());
    }

    #[test]
    fn vectors_are_taken_by_their_index() {
        let mut facts = Facts::default();
        let body = json!({"model": "e", "usage": {"prompt_tokens": 7},
            "data": [{"index": 1, "embedding": [0.0, 1.0]}, {"index": 0, "embedding": [1.0, 1.0]}]});
        EmbeddingsDecoder.body(&body, &mut facts);
        assert_eq!(
            (facts.text.as_str(), facts.usage.input, facts.usage.output),
            ("0.707107", Some(Tokens(7)), Some(Tokens(0)))
        );
        let mut facts = Facts::default();
        EmbeddingsDecoder.body(&json!({"data": []}), &mut facts);
        assert!(facts.nonsense.is_some());
    }
}
