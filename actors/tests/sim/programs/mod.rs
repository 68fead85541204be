//! What clients do in the scenarios.

pub mod bank;
pub mod customer;
pub mod history;
pub mod model;
pub mod order;
pub mod own;
pub mod queue;
pub mod reader;
pub mod several;
pub mod streams;
