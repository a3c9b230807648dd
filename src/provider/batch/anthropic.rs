//! Anthropic's message batches: one list of requests, one stream of results.

use serde_json::{Value, json};

use super::transport::{BatchError, Batches, Item, State, joined};
use crate::provider::response::Response;

pub(super) fn line(id: &str, body: &Value) -> Value {
    json!({ "custom_id": id, "params": body })
}

/// Where the batches are: below the place of single messages.
fn place(api: &Batches<'_>) -> String {
    format!("{}/batches", api.path())
}

pub(super) async fn submit(api: &Batches<'_>, items: &[Item]) -> Result<String, BatchError> {
    let body = joined(items, "{\"requests\":[", ',', "]}");
    let batch = api.post(&place(api), body).await?;
    batch["id"].as_str().map(str::to_owned).ok_or_else(|| api.nonsense("the batch has no id"))
}

pub(super) async fn poll(api: &Batches<'_>, id: &str) -> Result<State, BatchError> {
    let batch = api.get(&format!("{}/{id}", place(api))).await?;
    match batch["processing_status"].as_str() {
        Some("ended") => Ok(State::Ended),
        // The counts stay at zero until the end.
        Some(_) => Ok(State::Working(None)),
        None => Err(api.nonsense("the batch has no status")),
    }
}

pub(super) async fn collect(
    api: &Batches<'_>,
    id: &str,
    each: &mut (dyn FnMut(String, Response) + Send),
) -> Result<(), BatchError> {
    let mut take = |line: &Value| {
        let Some(item) = line["custom_id"].as_str() else { return };
        let result = &line["result"];
        let answer = match result["type"].as_str() {
            Some("succeeded") => api.answer(200, &result["message"]),
            Some("errored") => {
                let error = &result["error"];
                // The envelope of a single call; its type stands for a status.
                let status = match error["error"]["type"].as_str().or_else(|| error["type"].as_str()) {
                    Some("invalid_request_error") => 400,
                    Some("authentication_error") => 401,
                    Some("billing_error") => 402,
                    Some("permission_error") => 403,
                    Some("not_found_error") => 404,
                    Some("request_too_large") => 413,
                    Some("rate_limit_error") => 429,
                    Some("overloaded_error") => 529,
                    Some(_) | None => 500,
                };
                api.answer(status, error)
            }
            Some(other) => api.undone(&format!("the batch ended before this request was processed: {other}")),
            None => api.undone("a result without a type"),
        };
        each(item.to_owned(), answer);
    };
    api.lines(&format!("{}/{id}/results", place(api)), &mut take).await
}
