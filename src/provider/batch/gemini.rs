//! Gemini's batches: requests inline, answers inline.

use serde_json::{Value, json};

use super::transport::{BatchError, Batches, Found, Item, State, joined};
use crate::provider::response::Response;

pub(super) fn line(id: &str, body: &Value) -> Value {
    json!({ "request": body, "metadata": { "key": id } })
}

/// `/v1/models/M:generateContent` stands for `/v1/models/M:batchGenerateContent`, and its batches are below `/v1`.
fn version(path: &str) -> &str {
    path.split_once("/models/").map_or("", |(version, _)| version)
}

fn place(api: &Batches<'_>) -> String {
    version(&api.path()).to_owned()
}

pub(super) async fn submit(api: &Batches<'_>, label: &str, items: &[Item]) -> Result<String, BatchError> {
    let Some(first) = items.first() else { return Err(api.nonsense("the batch is empty")) };
    let path = first.path.replace(":generateContent", ":batchGenerateContent");
    // One version for all of a batch, and for asking after it, whatever its requests ask for.
    let path = path.strip_prefix(version(&path)).map_or(path.clone(), |rest| format!("{}{rest}", place(api)));
    let before = format!(
        "{{\"batch\":{{\"displayName\":{},\"inputConfig\":{{\"requests\":{{\"requests\":[",
        Value::String(label.to_owned())
    );
    let batch = api.post(&path, joined(items, &before, ',', "]}}}}")).await?;
    batch["name"].as_str().map(str::to_owned).ok_or_else(|| api.nonsense("the batch has no name"))
}

pub(super) async fn find(api: &Batches<'_>, label: &str) -> Result<Found, BatchError> {
    let list = api.get(&format!("{}/batches?pageSize=100", place(api))).await?;
    let all = list["operations"].as_array().into_iter().flatten();
    let mut found = all.filter(|batch| batch["metadata"]["displayName"] == label);
    Ok(found
        .next()
        .and_then(|batch| batch["name"].as_str())
        .map_or(Found::No, |id| Found::Yes(id.to_owned())))
}

pub(super) async fn poll(api: &Batches<'_>, id: &str) -> Result<State, BatchError> {
    let batch = api.get(&format!("{}/{id}", place(api))).await?;
    let metadata = &batch["metadata"];
    let state = metadata["state"].as_str().ok_or_else(|| api.nonsense("the batch has no state"))?;
    let said = batch["error"]["message"].as_str().unwrap_or("the provider gave no reason").to_owned();
    // The same words stand behind `BATCH_STATE_` and `JOB_STATE_`.
    match state.rsplit('_').next() {
        Some("SUCCEEDED") => Ok(State::Ended),
        Some("FAILED") => Ok(State::Failed(said)),
        Some("CANCELLED" | "EXPIRED") => Ok(State::Failed(format!("{state}: {said}"))),
        Some(_) | None => {
            let stats = &metadata["batchStats"];
            // Counts are strings, as 64-bit numbers are in Google's JSON.
            let count = |name: &str| stats[name].as_str().and_then(|text| text.parse::<u64>().ok());
            Ok(State::Working(count("successfulRequestCount")))
        }
    }
}

pub(super) async fn collect(
    api: &Batches<'_>,
    id: &str,
    each: &mut (dyn FnMut(String, Response) + Send),
) -> Result<(), BatchError> {
    let batch = api.get(&format!("{}/{id}", place(api))).await?;
    let output = [&batch["response"], &batch["metadata"]["output"]];
    let lists = output.iter().flat_map(|output| {
        let inline = &output["inlinedResponses"];
        [inline.as_array(), inline["inlinedResponses"].as_array()]
    });
    let Some(answers) = lists.flatten().next() else {
        return Err(api.nonsense("the batch has no inline answers"));
    };
    for line in answers {
        let Some(item) = line["metadata"]["key"].as_str() else { continue };
        let answer = if line["error"].is_object() {
            // An RPC status: its code is no HTTP status, but stands for one.
            let status = match line["error"]["code"].as_u64() {
                Some(3 | 9 | 11) => 400,
                Some(5) => 404,
                Some(7) => 403,
                Some(8) => 429,
                Some(16) => 401,
                Some(http @ 400..600) => u16::try_from(http).unwrap_or(500),
                Some(_) | None => 500,
            };
            api.answer(status, line)
        } else {
            api.answer(200, &line["response"])
        };
        each(item.to_owned(), answer);
    }
    Ok(())
}
