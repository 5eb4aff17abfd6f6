//! What a customer's browser sees, by HTTP: the way from a partner to the login, the screen and back, and their own page.
//! Attacks are numbered as in the table of attacks that they are taken from.

mod attacks;
mod decision;
mod demo;
mod eligibility;
mod forms;
mod logins;
mod me;
mod shop;
mod visitor;

use shop::{BASKET, CALLBACK, LOYALTY, PREFERENCES, SUMMARY, Shop};
use visitor::{Seen, Visitor};
