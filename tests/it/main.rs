//! The one test binary: scenarios through the public surface, and tests about the program itself.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails where it stands, and says what it skips"
)]

mod access;
mod account_tokens;
mod accounts;
mod admin;
mod alerts;
mod architecture;
mod attack;
mod audit;
mod bad_input;
mod billing;
mod catalog;
mod changes;
mod cli;
mod clock;
mod cluster;
mod cluster_limits;
mod cluster_secrets;
mod compression;
mod contracts;
mod cost;
mod crash;
mod database_away;
mod deleted;
mod docs;
mod examples;
mod exports;
mod facets;
mod feeds_out;
mod files;
mod follow;
mod forms;
mod four_eyes;
mod four_eyes_keys;
mod four_eyes_seen;
mod golden;
mod grid;
mod headers;
mod held;
mod hooks;
mod hooks_fair;
mod imports_crash;
mod in_plan;
mod keys;
mod languages;
mod levels;
mod limits;
mod linked;
mod lists;
mod metering;
mod mounted;
mod near;
mod oauth;
mod oidc;
mod one_connection;
mod openapi;
mod operations;
mod parquet;
mod patches;
mod patterns;
mod personal;
mod personal_offers;
mod plan_changes;
mod plan_follow;
mod prices;
mod products;
mod quotas;
mod quotas_ledger;
mod redis_ways;
mod refusals;
mod refusals_barred;
mod registration;
mod registration_given;
mod restart;
mod retailers;
mod roles;
mod sales;
mod search;
mod signed;
mod simulate;
mod sources;
mod storage;
mod suggestions;
mod supply;
mod support;
mod told_again;
mod totals;
mod uploads;
mod usage_events;
mod versions;
