//! The page: HTML made from typed templates, which escape every text.

mod layout;

use axum::http::StatusCode;
use axum::response::Html;
use maud::html;

use layout::{Frame, frame};

/// What is said to a person whose request cannot be served.
pub(super) fn problem(status: StatusCode, message: &str, id: &str) -> Html<String> {
    let title = status.canonical_reason().unwrap_or("Problem");
    frame(
        &Frame { title, live: false },
        html! {
            section.problem {
                p.code { (status.as_u16()) }
                h1 { (title) }
                p { (message) }
                p.quiet { "Error id " code { (id) } }
                p { a href="/" { "All accounts" } }
            }
        },
    )
}
