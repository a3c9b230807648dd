//! `route-prof`: which model is good enough for which task, and what will it cost?
//!
//! Data flows one way: a module imports only from modules listed above it. `tests/tidy.rs` reads this list and
//! fails on an upward import, so the order here is the architecture.

// pub mod cli;
pub mod config;
pub mod console;
pub mod corpus;
pub mod diag;
pub mod disk;
pub mod dispatch;
pub mod grade;
pub mod ident;
pub mod journal;
pub mod measure;
pub mod oracle;
pub mod plan;
pub mod policy;
pub mod price;
pub mod project;
pub mod provider;
pub mod record;
pub mod render;
pub mod stats;
pub mod summary;
pub mod units;
