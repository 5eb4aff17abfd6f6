//! The program as its users meet it: the real binary in a folder of its own.

mod access;
mod accounts;
mod apply;
mod apply_kept;
mod bad_files;
mod buckets;
mod commands;
mod customers;
mod demo;
mod doctor;
mod import;
mod plans;
mod program;
mod settings;
mod usage;
