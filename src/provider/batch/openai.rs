//! OpenAI's batches: a file of requests, a batch over it, a file of answers and one of errors.

use serde_json::{Value, json};

use super::transport::{BatchError, Batches, Found, Item, State, joined};
use crate::net::Payload;
use crate::provider::response::Response;

/// What the label of a batch is called among its metadata.
const LABEL: &str = "route-prof";

pub(super) fn line(id: &str, url: &str, body: &Value) -> Value {
    json!({ "custom_id": id, "method": "POST", "url": url, "body": body })
}

pub(super) async fn submit(api: &Batches<'_>, label: &str, items: &[Item]) -> Result<String, BatchError> {
    let Some(first) = items.first() else { return Err(api.nonsense("the batch is empty")) };
    let upload = Payload::File {
        fields: vec![("purpose", "batch".to_owned())],
        name: format!("{label}.jsonl"),
        media_type: "application/jsonl",
        bytes: joined(items, "", '\n', "\n").into_bytes(),
    };
    let file = api.json("/files", upload).await?;
    let file = file["id"].as_str().ok_or_else(|| api.nonsense("the uploaded file has no id"))?;
    let body = json!({
        "input_file_id": file,
        "endpoint": api.url_path(&first.path),
        "completion_window": "24h",
        "metadata": { LABEL: label },
    });
    let batch = api.post("/batches", body.to_string()).await?;
    batch["id"].as_str().map(str::to_owned).ok_or_else(|| api.nonsense("the batch has no id"))
}

pub(super) async fn find(api: &Batches<'_>, label: &str) -> Result<Found, BatchError> {
    let list = api.get("/batches?limit=100").await?;
    let found = list["data"].as_array().into_iter().flatten().find(|batch| batch["metadata"][LABEL] == label);
    Ok(found.and_then(|batch| batch["id"].as_str()).map_or(Found::No, |id| Found::Yes(id.to_owned())))
}

pub(super) async fn poll(api: &Batches<'_>, id: &str) -> Result<State, BatchError> {
    let batch = api.get(&format!("/batches/{id}")).await?;
    let counts = &batch["request_counts"];
    let done =
        counts["completed"].as_u64().zip(counts["failed"].as_u64()).map(|(done, failed)| done + failed);
    match batch["status"].as_str() {
        // What was done before it expired or was cancelled is delivered all the same.
        Some("completed" | "expired" | "cancelled") => Ok(State::Ended),
        Some("failed") => {
            let errors = batch["errors"]["data"].as_array().into_iter().flatten();
            let said: Vec<&str> = errors.filter_map(|error| error["message"].as_str()).take(3).collect();
            let said =
                if said.is_empty() { "the provider gave no reason".to_owned() } else { said.join("; ") };
            Ok(State::Failed(said))
        }
        Some(_) => Ok(State::Working(done)),
        None => Err(api.nonsense("the batch has no status")),
    }
}

pub(super) async fn collect(
    api: &Batches<'_>,
    id: &str,
    each: &mut (dyn FnMut(String, Response) + Send),
) -> Result<(), BatchError> {
    let batch = api.get(&format!("/batches/{id}")).await?;
    for file in ["output_file_id", "error_file_id"] {
        let Some(file) = batch[file].as_str() else { continue };
        let mut take = |line: &Value| {
            let Some(item) = line["custom_id"].as_str() else { return };
            let response = &line["response"];
            let answer = match response["status_code"].as_u64() {
                Some(status) => api.answer(u16::try_from(status).unwrap_or(500), &response["body"]),
                None => {
                    let error = &line["error"];
                    let code = error["code"].as_str().unwrap_or("error");
                    api.undone(&format!("{code}: {}", error["message"].as_str().unwrap_or_default()))
                }
            };
            each(item.to_owned(), answer);
        };
        api.lines(&format!("/files/{file}/content"), &mut take).await?;
    }
    Ok(())
}
