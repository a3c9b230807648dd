//! Parameters that chat completions made common, taken out of a request for APIs that spell them in another way. So a
//! task's parameters serve tiers of every API.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::content::overlay;
use crate::record::Request;

/// The shape that a reply is to have.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Format {
    /// Any JSON object.
    Json,
    /// JSON of this schema; the name that was given to it, and whether it is to be kept to the letter, where that was said.
    Schema { name: String, schema: Value, strict: Option<Value> },
}

/// Parameters by the names of chat completions, and all the others as they are.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Common {
    pub(super) temperature: Option<Value>,
    pub(super) top_p: Option<Value>,
    pub(super) seed: Option<Value>,
    pub(super) stop: Option<Vec<Value>>,
    pub(super) effort: Option<String>,
    pub(super) format: Option<Format>,
    rest: BTreeMap<String, Value>,
}

impl Common {
    pub(super) fn of(request: &Request) -> Result<Self, String> {
        let mut rest = request.params.clone();
        let format = match rest.remove("response_format") {
            None => None,
            Some(value) => Some(format(&value)?).flatten(),
        };
        let stop = rest.remove("stop").map(|stop| match stop {
            Value::Array(all) => all,
            one => vec![one],
        });
        let effort = match rest.remove("reasoning_effort") {
            Some(Value::String(effort)) => Some(effort),
            Some(_) => return Err("reasoning_effort is not a string".to_owned()),
            None => None,
        };
        Ok(Self {
            temperature: rest.remove("temperature"),
            top_p: rest.remove("top_p"),
            seed: rest.remove("seed"),
            stop,
            effort,
            format,
            rest,
        })
    }

    /// Takes a parameter of the API's own out.
    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.rest.remove(name)
    }

    /// Lays the parameters that are the API's own over a request.
    pub(super) fn lay_over(self, body: &mut Value) {
        let rest: Map<String, Value> = self.rest.into_iter().collect();
        overlay(body, &Value::Object(rest));
    }
}

fn format(value: &Value) -> Result<Option<Format>, String> {
    match value["type"].as_str() {
        Some("text") => Ok(None),
        Some("json_object") => Ok(Some(Format::Json)),
        Some("json_schema") => {
            let inner = &value["json_schema"];
            let name = inner["name"].as_str().unwrap_or("reply").to_owned();
            match inner.get("schema") {
                Some(schema) => {
                    let strict = inner.get("strict").cloned();
                    Ok(Some(Format::Schema { name, schema: schema.clone(), strict }))
                }
                None => Err("response_format of type json_schema has no schema".to_owned()),
            }
        }
        Some(_) | None => Err("response_format has an unknown type".to_owned()),
    }
}

/// Says that a parameter cannot be sent.
pub(super) fn no_counterpart(parameter: &str, api: &str) -> String {
    format!("`{parameter}` has no equivalent in {api}; remove it from params for this tier's tasks")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Message;
    use crate::units::Tokens;
    use serde_json::json;

    #[test]
    fn common_names_are_taken_out_and_the_rest_is_left() {
        let request = Request {
            messages: vec![Message::text("user", "x")],
            params: BTreeMap::from([
                ("stop".to_owned(), json!("\n")),
                ("temperature".to_owned(), json!(0)),
                (
                    "response_format".to_owned(),
                    json!({"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}),
                ),
                ("thinking".to_owned(), json!({"type": "disabled"})),
            ]),
            max_output_tokens: Tokens(1),
        };
        let common = Common::of(&request).unwrap();
        assert_eq!(common.stop, Some(vec![json!("\n")]));
        assert_eq!(
            common.format,
            Some(Format::Schema { name: "n".to_owned(), schema: json!({"type": "object"}), strict: None })
        );
        let mut body = json!({"model": "m"});
        common.lay_over(&mut body);
        assert_eq!(body, json!({"model": "m", "thinking": {"type": "disabled"}}));
    }
}
