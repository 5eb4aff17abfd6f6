//! The one test binary: scenarios through the public surface, and tests about the program itself.

mod access;
mod architecture;
mod attack;
mod catalog;
mod limits;
mod metering;
mod openapi;
mod operations;
mod support;
