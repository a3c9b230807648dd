//! Batch APIs: many requests handed over at once, answered within a day at a lower price. One file per protocol.
//!
//! Submits, asks how far it is, collects. What is submitted when, and what is written down before it, is the caller's.

mod anthropic;
mod gemini;
mod openai;
pub(super) mod protocol;
mod transport;

use self::protocol::Protocol;
pub use self::transport::{BatchError, Batches, Found, Item, State};
use super::response::Response;
use crate::config::Provider;
use crate::record::Request;

impl Batches<'_> {
    /// The most requests of a batch, and the most bytes.
    #[must_use]
    pub const fn limits(&self) -> (usize, usize) {
        match self.protocol {
            Protocol::OpenAi => (50_000, 190 << 20),
            Protocol::Anthropic => (100_000, 240 << 20),
            // Inline requests only.
            Protocol::Gemini => (50_000, 19 << 20),
        }
    }

    /// A request, ready for a batch.
    ///
    /// # Errors
    /// If the API cannot express the request.
    pub fn item(&self, id: String, model: &str, request: &Request) -> Result<Item, String> {
        let whole = Provider { stream: false, ..self.settings.clone() };
        let (path, body) = self.api.encode(&whole, self.base_url, model, request)?;
        let text = match self.protocol {
            Protocol::OpenAi => openai::line(&id, &self.url_path(&path), &body),
            Protocol::Anthropic => anthropic::line(&id, &body),
            Protocol::Gemini => gemini::line(&id, &body),
        };
        Ok(Item { id, text: text.to_string(), path })
    }

    /// Hands requests over; returns the batch's id. `label` is what [`Self::find`] looks for.
    ///
    /// # Errors
    /// If the provider cannot be reached or says no. After a timeout the batch may be there all the same.
    pub async fn submit(&self, label: &str, items: &[Item]) -> Result<String, BatchError> {
        match self.protocol {
            Protocol::OpenAi => openai::submit(self, label, items).await,
            Protocol::Anthropic => anthropic::submit(self, items).await,
            Protocol::Gemini => gemini::submit(self, label, items).await,
        }
    }

    /// Looks for a batch of that label among the newest ones.
    ///
    /// # Errors
    /// If the provider cannot be reached or says no.
    pub async fn find(&self, label: &str) -> Result<Found, BatchError> {
        match self.protocol {
            Protocol::OpenAi => openai::find(self, label).await,
            Protocol::Anthropic => Ok(Found::CannotTell),
            Protocol::Gemini => gemini::find(self, label).await,
        }
    }

    /// Asks how far a batch is.
    ///
    /// # Errors
    /// If the provider cannot be reached or says no.
    pub async fn poll(&self, id: &str) -> Result<State, BatchError> {
        match self.protocol {
            Protocol::OpenAi => openai::poll(self, id).await,
            Protocol::Anthropic => anthropic::poll(self, id).await,
            Protocol::Gemini => gemini::poll(self, id).await,
        }
    }

    /// Fetches the answers of a batch that has ended, in whatever order they come.
    ///
    /// # Errors
    /// If the provider cannot be reached or rejects it; what `each` was given before stands.
    pub async fn collect(
        &self,
        id: &str,
        each: &mut (dyn FnMut(String, Response) + Send),
    ) -> Result<(), BatchError> {
        match self.protocol {
            Protocol::OpenAi => openai::collect(self, id, each).await,
            Protocol::Anthropic => anthropic::collect(self, id, each).await,
            Protocol::Gemini => gemini::collect(self, id, each).await,
        }
    }
}
