//! What an API is: how its requests are encoded and its replies decoded. Knows none, and does no I/O.

use serde_json::Value;

use super::batch::protocol::Protocol;
use super::describe::Question;
use super::facts::Decoder;
use super::sse::Framing;
use crate::config::Provider;
use crate::record::Request;

/// How an API takes its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyHeader {
    /// `Authorization: Bearer KEY`.
    Bearer,
    /// The key alone, in a header of this name.
    Named(&'static str),
}

/// The path below the base URL, and the body; or why the API cannot express the request.
pub(super) type Encoded = Result<(String, Value), String>;

/// Where `api_version` of the configuration goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Versioned {
    /// Into a header or the path, by the API itself; it has a default.
    Own,
    /// Behind every URL as `api-version`, which Azure and gateways in front of it ask for.
    Query,
    /// Nowhere: the API has no versions.
    Not,
}

/// An API that speaks HTTP: encoding and decoding, no I/O. Where an API says nothing else, it does as all of OpenAI's do, and
/// those that copy them.
pub(super) trait HttpApi: Sync {
    /// What to post where.
    fn encode(&self, endpoint: &Provider, base_url: &str, model: &str, request: &Request) -> Encoded;
    /// Decodes one reply.
    fn decoder(&self) -> Box<dyn Decoder>;
    /// The request parameter that holds a reply to a JSON Schema, which is called `name` where the API wants a name; `None` if
    /// it has none.
    fn schema_parameter(&self, name: &str, schema: &Value) -> Option<(&'static str, Value)>;
    /// How it takes its key.
    fn key_header(&self) -> KeyHeader {
        KeyHeader::Bearer
    }
    /// Headers of every request, besides the key.
    fn headers(&self, _endpoint: &Provider) -> Vec<(&'static str, String)> {
        Vec::new()
    }
    /// Where the configured version goes.
    fn versioned(&self) -> Versioned {
        Versioned::Query
    }
    /// A path below the base URL, with the version behind it where that is where it goes.
    fn versioned_path(&self, endpoint: &Provider, path: &str) -> String {
        match (self.versioned(), &endpoint.api_version) {
            // Its characters were checked when the configuration were read.
            (Versioned::Query, Some(version)) => {
                let joint = if path.contains('?') { '&' } else { '?' };
                format!("{path}{joint}api-version={version}")
            }
            (Versioned::Own | Versioned::Not, _) | (Versioned::Query, None) => path.to_owned(),
        }
    }
    /// How to ask for what the provider knows of a model.
    fn describe(&self, _endpoint: &Provider, _base_url: &str, _model: &str) -> Question {
        Question { path: "/models".to_owned(), body: None }
    }
    /// How its streams are cut.
    fn framing(&self) -> Framing {
        Framing::Events
    }
    /// Its batch API, where it has one.
    fn batch(&self) -> Option<Protocol> {
        None
    }
}

pub(super) enum Wire {
    Http(&'static dyn HttpApi),
    Script,
}

/// An API by its name in the configuration.
pub struct Api {
    /// Its name.
    pub name: &'static str,
    /// Its own base URL.
    pub base_url: &'static str,
    pub(super) wire: Wire,
}
