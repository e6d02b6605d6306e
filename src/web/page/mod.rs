//! The page: HTML made from typed templates, which escape every text.
//!
//! Purple means "we do not know" and nothing else; green is only said of what was judged. A colour is never the only sign.

mod account;
mod bits;
mod changes;
mod chart;
mod findings;
mod layout;
mod links;
mod list;
mod overview;
mod summary;

use axum::http::StatusCode;
use axum::response::Html;
use maud::html;

pub(super) use account::account;
pub(super) use changes::changes;
use layout::{Frame, frame};
pub(super) use overview::overview;

/// What is said to a person whose request cannot be served.
pub(super) fn problem(status: StatusCode, message: &str, id: &str) -> Html<String> {
    let title = status.canonical_reason().unwrap_or("Problem");
    let content = html! {
        section.panel.problem {
            p.code { (status.as_u16()) }
            h1 { (title) }
            p { (message) }
            p.quiet { "Error id " code { (id) } }
            p { a href="/" { "All accounts" } }
        }
    };
    frame(&Frame { title, live: false }, content)
}
