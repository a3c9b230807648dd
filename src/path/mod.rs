//! A request's path through the routes: a tier serves, its gate accepts or rejects, the next tier is asked.
//!
//! The one place that knows how. Costs, latencies and outcomes are those of the same request at every tier that it reaches, never a
//! product of means: what a gate rejects is often longer than the rest, and often rejected by the next tier, too. The effective cost of
//! a tier, a route's cost, quality and latency after fallback, the projection, the strategies and the simulated day all read it.

mod played;
mod requests;
mod walk;

pub use played::{Played, Profile, ProfileTier};
pub use requests::Requests;
pub use walk::{End, Reply, Spent, Step, Walk, walk};
