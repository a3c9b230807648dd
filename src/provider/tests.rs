//! Tests of the transport against raw sockets.
