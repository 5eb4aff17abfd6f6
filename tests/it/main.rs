//! The one test binary: scenarios through the public surface, and tests about the program itself.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail anywhere")]

mod access;
mod admin;
mod architecture;
mod catalog;
mod crash;
mod cli;
mod docs;
mod limits;
mod metering;
mod openapi;
mod operations;
mod storage;
mod support;
