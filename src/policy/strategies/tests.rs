//! Small matrices whose figures can be worked out by hand.
