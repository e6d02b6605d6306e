//! temporary
pub mod server;
