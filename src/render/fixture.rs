//! A summary with everything in it, for the tests of the renderers.
