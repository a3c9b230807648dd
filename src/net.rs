//! The seam to the network, and the only file that opens connections: an HTTP exchange, a request out and a reply in.

use std::collections::HashSet;
use std::fmt::Debug;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hyper_util::client::legacy::connect::HttpInfo;
pub use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

/// What the exchanges with one host have in common.
#[derive(Clone, Debug)]
pub struct Link {
    /// Headers of every request. Those that hold secrets are marked as sensitive.
    pub headers: HeaderMap,
    /// Connections that are kept open between requests.
    pub idle: usize,
    /// The time that setting a connection up may take.
    pub connect_timeout: Duration,
    /// Whether the host is on this machine: it is not asked for through a proxy.
    pub loopback: bool,
}

/// A request.
#[derive(Debug)]
pub struct HttpRequest {
    /// Where it goes.
    pub url: String,
    /// What it carries.
    pub payload: Payload,
    /// The time for the whole exchange; `None`: the caller keeps it.
    pub timeout: Option<Duration>,
}

/// What a request carries, which also says its method.
#[derive(Debug)]
pub enum Payload {
    /// Nothing: a GET.
    Nothing,
    /// JSON: a POST.
    Json(String),
    /// A file with fields beside it: a POST of a form.
    File {
        /// The fields.
        fields: Vec<(&'static str, String)>,
        /// The file's name.
        name: String,
        /// Its media type.
        media_type: &'static str,
        /// Its contents.
        bytes: Vec<u8>,
    },
}

/// A reply, as far as its headers.
#[derive(Debug)]
pub struct HttpReply {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// Whether it is the first over its connection: the time to set that up is in its times then.
    pub first_of_its_connection: bool,
    /// The body, piece by piece.
    pub body: Body,
}

/// The body of a reply.
#[derive(Debug)]
pub enum Body {
    /// Of a real server.
    Wire(reqwest::Response),
    /// Of anything else.
    Other(Box<dyn Pieces>),
}

/// A body that comes from anything but a real server.
pub trait Pieces: Send + Debug {
    /// The next piece; `None` at the end.
    fn next(&mut self) -> Exchange<'_, Option<Bytes>>;
}

impl Body {
    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// When the connection broke.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, HttpError> {
        match self {
            Self::Wire(response) => response.chunk().await.map_err(HttpError::of),
            Self::Other(pieces) => pieces.next().await,
        }
    }

    /// All of it.
    ///
    /// # Errors
    /// When the connection broke.
    pub async fn all(&mut self) -> Result<Vec<u8>, HttpError> {
        let mut all = Vec::new();
        while let Some(piece) = self.chunk().await? {
            all.extend_from_slice(&piece);
        }
        Ok(all)
    }
}

/// Why an exchange failed. No text names the URL: it may hold what is nobody's business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpError {
    /// At which point.
    pub kind: HttpErrorKind,
    /// What happened.
    pub message: String,
    /// Why, in the words of the next cause, where there is one.
    pub cause: Option<String>,
    /// Why, in the words of the last cause.
    pub root: String,
}

/// At which point an exchange failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpErrorKind {
    /// There is no connection.
    Connect,
    /// Time was up.
    Timeout,
    /// The connection broke.
    Broken,
}

impl HttpError {
    fn of(error: reqwest::Error) -> Self {
        let kind = if error.is_connect() {
            HttpErrorKind::Connect
        } else if error.is_timeout() {
            HttpErrorKind::Timeout
        } else {
            HttpErrorKind::Broken
        };
        let error = error.without_url();
        let message = error.to_string();
        let mut causes = Vec::new();
        let mut cause = std::error::Error::source(&error);
        while let Some(inner) = cause {
            causes.push(inner.to_string());
            cause = inner.source();
        }
        let root = causes.last().unwrap_or(&message).clone();
        Self { kind, cause: causes.into_iter().next(), root, message }
    }
}

/// What an exchange comes to, in the end.
pub type Exchange<'a, T> = Pin<Box<dyn Future<Output = Result<T, HttpError>> + Send + 'a>>;

/// Exchanges requests and replies with one host.
pub trait Transport: Send + Sync + Debug {
    /// Sends a request and waits for the headers of its reply.
    fn exchange(&self, request: HttpRequest) -> Exchange<'_, HttpReply>;
}

/// Where hosts are.
pub trait Network: Send + Sync + Debug {
    /// A transport to a host. Connects to nothing yet.
    ///
    /// # Errors
    /// When none can be made, in words.
    fn link(&self, link: Link) -> Result<Arc<dyn Transport>, String>;
}

/// The network that this machine is in.
#[derive(Clone, Copy, Debug, Default)]
pub struct MachineNetwork;

impl Network for MachineNetwork {
    fn link(&self, link: Link) -> Result<Arc<dyn Transport>, String> {
        // Another part of the process may have been first; one provider is as good as the other.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("route-prof/", env!("CARGO_PKG_VERSION")))
            .default_headers(link.headers)
            // One stream a connection: no head-of-line blocking between calls that are being timed.
            .http1_only()
            .pool_max_idle_per_host(link.idle)
            .pool_idle_timeout(Duration::from_secs(15))
            .tcp_nodelay(true)
            .tcp_keepalive(Duration::from_secs(60))
            .connect_timeout(link.connect_timeout)
            .redirect(reqwest::redirect::Policy::none());
        if link.loopback {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| error.to_string())?;
        Ok(Arc::new(Client { client, connections: Mutex::default() }))
    }
}

/// A client of real servers.
#[derive(Debug)]
struct Client {
    client: reqwest::Client,
    /// The connections that have carried a call, by their address on this side.
    connections: Mutex<HashSet<SocketAddr>>,
}

impl Client {
    fn is_first_of_its_connection(&self, response: &reqwest::Response) -> bool {
        let Some(info) = response.extensions().get::<HttpInfo>() else { return false };
        self.connections.lock().unwrap_or_else(PoisonError::into_inner).insert(info.local_addr())
    }
}

impl Transport for Client {
    fn exchange(&self, request: HttpRequest) -> Exchange<'_, HttpReply> {
        Box::pin(async move {
            let HttpRequest { url, payload, timeout } = request;
            let mut builder = match payload {
                Payload::Nothing => self.client.get(url),
                Payload::Json(body) => {
                    self.client.post(url).header(reqwest::header::CONTENT_TYPE, "application/json").body(body)
                }
                Payload::File { fields, name, media_type, bytes } => {
                    let part = reqwest::multipart::Part::bytes(bytes).file_name(name);
                    let part = part.mime_str(media_type).map_err(HttpError::of)?;
                    let form = fields
                        .into_iter()
                        .fold(reqwest::multipart::Form::new(), |form, (name, text)| form.text(name, text));
                    self.client.post(url).multipart(form.part("file", part))
                }
            };
            if let Some(timeout) = timeout {
                builder = builder.timeout(timeout);
            }
            let mut response = builder.send().await.map_err(HttpError::of)?;
            Ok(HttpReply {
                status: response.status().as_u16(),
                headers: std::mem::take(response.headers_mut()),
                first_of_its_connection: self.is_first_of_its_connection(&response),
                body: Body::Wire(response),
            })
        })
    }
}
