//! What the engine is asked for: one file for each request. It opens what it needs, has it done, and gives a typed result.

pub(crate) mod check;
pub(crate) mod corpora;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod grade;
pub(crate) mod init;
pub(crate) mod measure;
pub(crate) mod oracles;
pub(crate) mod plan;
pub(crate) mod report;
pub(crate) mod review;
pub(crate) mod schemas;
pub(crate) mod simulate;
pub(crate) mod what_if;
