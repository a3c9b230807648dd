//! What a model's tokens cost: the catalogue, the user's overrides, and the cost of a usage.

mod catalogue;
mod litellm;
mod model_price;
#[cfg(test)]
mod tests;

pub use self::catalogue::{Catalogue, PriceError};
pub use self::model_price::{BatchPrice, Cost, LongContext, ModelPrice};
