//! Every key as Markdown: `rolewarden config reference`, and `docs/configure.md`.

use std::fmt::Write as _;

use serde_json::{Map, Value as Json};

use super::load::schema;

const HEAD: &str = include_str!("reference.md");

/// The reference page.
#[must_use]
pub fn reference() -> String {
    let mut page = HEAD.to_owned();
    let schema = schema();
    let (sections, single): (Vec<_>, Vec<_>) =
        keys(&schema).partition(|(_, of)| of.get("properties").is_some());
    for (name, section) in sections {
        let _ = write!(page, "\n## `{name}`\n\n{}\n{TABLE}", text(section, "description"));
        rows(&mut page, section, &format!("{name}."));
    }
    let _ = write!(page, "\n## Other keys\n{TABLE}");
    for (name, key) in single {
        row(&mut page, name, key, false);
        rows(&mut page, key, name);
    }
    page
}

const TABLE: &str = "\n| key | meaning | accepts | default |\n| --- | --- | --- | --- |\n";

/// The keys below one, each with its whole name.
fn rows(page: &mut String, of: &Json, prefix: &str) {
    let required = of.get("required").and_then(Json::as_array);
    let required = |name: &str| required.is_some_and(|names| names.iter().any(|n| n == name));
    for (name, key) in keys(of) {
        let whole = format!("{prefix}{name}");
        row(page, &whole, key, required(name));
        rows(page, key, &format!("{whole}."));
    }
    if let Some(items) = of.get("items") {
        rows(page, items, &format!("{}[].", prefix.trim_end_matches('.')));
    }
    if let Some(values) = of.get("additionalProperties") {
        rows(page, values, &format!("{prefix}NAME."));
    }
}

fn row(page: &mut String, name: &str, key: &Json, required: bool) {
    let default = match key.get("default") {
        _ if required => "required".to_owned(),
        Some(default) => format!("`{}`", default.as_str().map_or(default.to_string(), plain)),
        None => String::new(),
    };
    let meaning = text(key, "description");
    let _ = writeln!(page, "| `{name}` | {meaning} | {} | {default} |", accepts(key));
}

/// A text as YAML takes it: in quotes where there would be nothing to see.
fn plain(text: &str) -> String {
    if text.is_empty() { "\"\"".to_owned() } else { text.to_owned() }
}

/// What a key takes, in words.
fn accepts(key: &Json) -> String {
    if let Some(words) = key.get("enum").and_then(Json::as_array) {
        let words = words.iter().filter_map(Json::as_str);
        return words.map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    }
    if let Some(either) = key.get("anyOf").and_then(Json::as_array) {
        return either.iter().map(accepts).collect::<Vec<_>>().join(", or ");
    }
    match key.get("type").and_then(Json::as_str) {
        Some("null") => "`null`".to_owned(),
        Some("boolean") => "`true`, `false`".to_owned(),
        Some("integer") => {
            let limit = |name: &str| key.get(name).map(Json::to_string).unwrap_or_default();
            format!("{} to {}", limit("minimum"), limit("maximum"))
        }
        Some("array") => format!("a list: {}", key.get("items").map(accepts).unwrap_or_default()),
        Some("object") => {
            let name = key.get("propertyNames").map(accepts).unwrap_or_default();
            let value = key.get("additionalProperties").map(accepts).unwrap_or_default();
            format!("a mapping: {name}, to {value}")
        }
        // A section is `object` or `null`: its keys follow, each by itself.
        None => "a section".to_owned(),
        Some(_) => text(key, "title").replace('*', "\\*"),
    }
}

fn keys(of: &Json) -> impl Iterator<Item = (&str, &Json)> {
    let properties = of.get("properties").and_then(Json::as_object);
    properties.into_iter().flat_map(Map::iter).map(|(name, key)| (name.as_str(), key))
}

fn text<'a>(of: &'a Json, name: &str) -> &'a str {
    of.get(name).and_then(Json::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_page_in_the_repository_is_what_the_command_prints() {
        let page = include_str!("../../docs/configure.md");
        assert_eq!(
            page,
            reference(),
            "`rolewarden config reference > docs/configure.md` brings them together"
        );
    }

    #[test]
    fn every_key_says_what_it_means_and_accepts() {
        let page = reference();
        let rows: Vec<_> = page.lines().filter(|line| line.starts_with("| `")).collect();
        assert!(rows.len() > 80, "{} keys", rows.len());
        for row in rows {
            let cells: Vec<_> = row.split(" | ").collect();
            assert_eq!(cells.len(), 4, "{row}");
            assert!(cells.iter().take(3).all(|cell| !cell.trim().is_empty()), "{row}");
        }
    }
}
