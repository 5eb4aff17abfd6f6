//! The one test binary: scenarios through the public surface, and tests about the program itself.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail anywhere")]

mod access;
mod architecture;
mod catalog;
mod limits;
mod metering;
mod openapi;
mod operations;
mod support;
