//! The protocols of batch APIs, by name.

/// The protocols.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::provider) enum Protocol {
    /// Files and `/batches`.
    OpenAi,
    /// `/messages/batches`.
    Anthropic,
    /// `:batchGenerateContent`.
    Gemini,
}
