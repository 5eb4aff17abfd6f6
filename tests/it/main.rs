//! The one test binary: scenarios through the public surface, and tests about the program itself.

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
