//! `route-prof`: which model is good enough for which task, and what will it cost?
//!
//! The program is [`cli`]; a service that embeds it starts at [`engine`], and one that reads its routes at [`router`].
//!
//! Data flows one way: a module imports only from modules listed above it. `tests/tidy` reads this list and
//! fails on an upward import, so the order here is the architecture.

pub mod units;
pub mod ident;
pub mod disk;
pub mod clock;
pub mod net;
pub mod world;
pub mod diag;
pub mod stats;
pub mod record;
pub mod config;
pub mod price;
pub mod corpus;
pub mod journal;
pub mod provider;
pub mod oracle;
pub mod plan;
pub mod dispatch;
pub mod grade;
pub mod measure;
pub mod path;
pub mod policy;
pub mod project;
pub mod compare;
pub mod summary;
pub mod router;
pub mod simulate;
pub mod engine;
pub mod console;
pub mod render;
pub mod cli;
