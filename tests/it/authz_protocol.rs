//! The authorization server over HTTP: what a client does without a browser, and what is tried against it. Attacks are
//! numbered as in the table of attacks that they are taken from.

mod addresses;
mod assertions;
mod browser;
mod codes;
mod desk;
mod grants;
mod journey;
mod keys;
mod metadata;
mod proofs;
mod refreshes;
mod replays;
mod tokens;

use browser::{Customer, Granted};
use desk::{CALLBACK, Desk, ISSUER, Partner, Reply, SUMMARY, VERIFIER, with};
