//! What all pages share.

use axum::response::Html;
use maud::{DOCTYPE, Markup, html};

use crate::web::assets::{ICON, SCRIPT, STYLE};

/// How a page differs from the others.
pub(super) struct Frame<'p> {
    pub(super) title: &'p str,
    /// It shows what is known now: the script keeps it fresh.
    pub(super) live: bool,
}

pub(super) fn frame(frame: &Frame<'_>, content: Markup) -> Html<String> {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (frame.title) " · rolewarden" }
                link rel="icon" type="image/svg+xml" href=(ICON.address());
                link rel="stylesheet" href=(STYLE.address());
                script src=(SCRIPT.address()) defer {}
            }
            body data-live[frame.live] {
                a.skip href="#main" { "Skip to the content" }
                header.top {
                    div.wide {
                        a.brand href="/" {
                            img src=(ICON.address()) alt="" width="22" height="22";
                            span { "rolewarden" }
                        }
                        nav aria-label="Site" {
                            a href="/" { "Accounts" }
                            a href="/#sweeps" { "Sweeps" }
                            a href="/changes" { "Changes" }
                            a href="/metrics" { "Metrics" }
                            a href="/api/v1/openapi.json" { "API" }
                        }
                    }
                }
                main.wide id="main" tabindex="-1" {
                    p.alert.lost id="lost" role="alert" hidden {
                        strong { "rolewarden does not answer." }
                        " What this page shows is old."
                    }
                    (content)
                }
            }
        }
    };
    Html(page.into_string())
}
