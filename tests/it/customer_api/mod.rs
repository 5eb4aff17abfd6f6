//! Customers' data as partners read it: by a consent, with a token and its key, cut to fields, billed and shown.

mod accesses;
mod attacks;
mod document;
mod fields;
mod ids;
mod known;
mod lists;
mod remote;
mod retailer;
mod shop;
