//! Pure numerics: intervals, posteriors, quantiles, effective sizes, bootstrap, power and alarm bounds.
//!
//! Nothing here knows of tasks, tiers or money. Functions take plain numbers, never panic on them, and give the same
//! bits on every machine up to the last places of `ln` and `exp`, which the callers round away.

pub mod alert;
pub mod allocation;
pub mod beta;
pub mod bootstrap;
pub mod calibration;
pub mod choice;
pub mod detector;
pub mod floor;
pub mod frontier;
pub mod interval;
pub mod multiple;
pub mod order;
pub mod paired;
pub mod pert;
pub mod kappa;
pub mod labelled;
pub mod posterior;
pub mod power;
pub mod quantile;
pub mod repeats;
pub mod draw;
pub mod one_sided;
pub mod sequential;
pub mod skew;
pub mod weighted;
