//! Comptoir: a retailer's counter for its data.
//!
//! One program that publishes catalog, prices, stores and stock to partners under keys, limits and
//! meters. The modules stand in dependency order: each may use only those above it, which
//! `tests/it/architecture.rs` enforces. ARCHITECTURE.md follows a call through them.

pub mod kernel;

pub mod config;

pub mod telemetry;

pub mod objects;
pub mod outbound;
pub mod storage;

pub mod cluster;

pub mod limit;

pub mod rating;

pub mod hooks;
pub mod http;

pub mod access;

pub mod idempotency;

pub mod consent;

pub mod authz;

pub mod explain;

pub mod metering;

pub mod catalog;

pub mod stores;

pub mod stock;

pub mod mirror;

pub mod browse;

pub mod customers;

pub mod portal;

pub mod changes;

pub mod exports;

pub mod alerts;

pub mod billing;

pub mod feeds;

pub mod admin;

pub mod demo;

pub mod app;

pub mod cli;
