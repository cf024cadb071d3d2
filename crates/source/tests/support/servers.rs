//! Servers that a source captures from, one of each test's own.
