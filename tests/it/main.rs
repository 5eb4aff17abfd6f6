//! The one test binary: scenarios through the public surface, and tests about the program itself.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails where it stands, and says what it skips"
)]

mod access;
mod admin;
mod architecture;
mod attack;
mod bad_input;
mod catalog;
mod changes;
mod cli;
mod compression;
mod cost;
mod crash;
mod docs;
mod exports;
mod facets;
mod feeds_out;
mod files;
mod follow;
mod forms;
mod golden;
mod grid;
mod hooks;
mod hooks_fair;
mod imports_crash;
mod languages;
mod levels;
mod limits;
mod linked;
mod metering;
mod near;
mod openapi;
mod operations;
mod prices;
mod products;
mod quotas;
mod quotas_ledger;
mod restart;
mod search;
mod signed;
mod simulate;
mod sources;
mod storage;
mod supply;
mod support;
mod uploads;
mod versions;
