//! What operators see: logs, and metrics for Prometheus.
//!
//! State is computed from the newest view when it is scraped; events are counted, and logged in the same place.

mod catalogue;
mod collector;
mod counted;
mod events;
mod family;
mod logging;
mod oneshot;
mod reference;
mod scrape;

#[cfg(test)]
mod tests;

pub use events::Telemetry;
pub use logging::{Flush, start, start_detached};
pub use oneshot::{Listed, OneShot, last_complete};
pub use reference::reference;
pub use scrape::{CONTENT_TYPE, Rendered};
