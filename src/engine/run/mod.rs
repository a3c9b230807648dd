//! What a run is: the project that it belongs to, its folder and record, what its results rest on, and its rows.

pub(crate) mod basis;
pub(crate) mod files;
pub(crate) mod folder;
pub(crate) mod past;
pub(crate) mod project;
pub(crate) mod question;
pub(crate) mod record;
pub(crate) mod rows;
pub(crate) mod source;
pub(crate) mod stopped;
