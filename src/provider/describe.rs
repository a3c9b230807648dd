//! What a provider says of a model itself: its context window, from the API's list of models. Costs nothing.

use serde_json::Value;

/// How to ask.
pub(super) struct Question {
    /// Below the base URL.
    pub(super) path: String,
    /// What to post; a GET without it.
    pub(super) body: Option<Value>,
}

/// The context window in tokens that a description states, by any of the names that servers have for it.
pub(super) fn window(description: &Value, model: &str) -> Option<u64> {
    let listed = description["data"].as_array().map(|models| {
        let named = |entry: &&Value| {
            entry["id"].as_str().is_some_and(|id| id == model || id.ends_with(&format!("/{model}")))
        };
        // A server of one model may call it by its file.
        models.iter().find(named).or_else(|| models.first().filter(|_| models.len() == 1))
    });
    let entry = match listed {
        Some(found) => found?,
        None => description,
    };
    let direct = [
        "max_input_tokens",
        "inputTokenLimit",
        "max_model_len",
        "context_window",
        "context_length",
        "max_context_length",
    ];
    let stated = direct.iter().find_map(|name| entry[*name].as_u64());
    let of_llama = || ["n_ctx", "n_ctx_train"].iter().find_map(|name| entry["meta"][*name].as_u64());
    let of_ollama = || {
        let info = entry["model_info"].as_object()?;
        info.iter().find(|(name, _)| name.ends_with(".context_length")).and_then(|(_, value)| value.as_u64())
    };
    stated.or_else(of_llama).or_else(of_ollama).filter(|window| *window > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_window_is_found_wherever_a_server_states_it() {
        for (description, expected) in [
            (json!({"id": "m", "max_input_tokens": 200_000}), Some(200_000)),
            (json!({"name": "models/m", "inputTokenLimit": 1_048_576}), Some(1_048_576)),
            (
                json!({"data": [{"id": "x", "max_model_len": 1}, {"id": "m", "max_model_len": 8192}]}),
                Some(8192),
            ),
            (json!({"data": [{"id": "/srv/model.gguf", "meta": {"n_ctx_train": 2048}}]}), Some(2048)),
            (json!({"data": [{"id": "maker/m", "context_length": 128_000}, {"id": "n"}]}), Some(128_000)),
            (json!({"model_info": {"llama.context_length": 4096}}), Some(4096)),
            (json!({"data": [{"id": "a"}, {"id": "b"}]}), None),
            (json!({"id": "m"}), None),
        ] {
            assert_eq!(window(&description, "m"), expected, "{description}");
        }
    }
}
