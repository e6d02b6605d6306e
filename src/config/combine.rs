//! Values made of values: nullable, lists, mappings.

use serde_json::{Value as Json, json};

use super::reader::{Kind, Reading};
use super::yaml::{Node, Place, Value};

/// `null` or a value.
pub(super) struct Nullable<K>(pub(super) K);

impl<K: Kind> Kind for Nullable<K> {
    type Value = Option<K::Value>;

    fn schema(&self) -> Json {
        json!({"anyOf": [{"type": "null"}, self.0.schema()]})
    }

    fn read(&self, node: &Node, reading: &mut Reading<'_>) -> Option<Self::Value> {
        match node.value {
            Value::Null => Some(None),
            _ => self.0.read(node, reading).map(Some),
        }
    }
}

/// One value, or a list of them.
pub(super) struct OneOrMore<K>(pub(super) K);

impl<K: Kind> Kind for OneOrMore<K> {
    type Value = Vec<K::Value>;

    fn schema(&self) -> Json {
        let one = self.0.schema();
        json!({"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]})
    }

    fn read(&self, node: &Node, reading: &mut Reading<'_>) -> Option<Self::Value> {
        match &node.value {
            Value::List(items) if items.is_empty() => {
                reading.problem(node.place, "is empty; expected at least one");
                None
            }
            // Collected twice so that a bad item does not keep the ones after it from being read.
            Value::List(items) => items
                .iter()
                .map(|item| self.0.read(item, reading))
                .collect::<Vec<_>>()
                .into_iter()
                .collect(),
            _ => self.0.read(node, reading).map(|value| vec![value]),
        }
    }
}

/// A value with its place, for problems that show only beside other values.
pub(super) struct Placed<K>(pub(super) K);

impl<K: Kind> Kind for Placed<K> {
    type Value = (Place, K::Value);

    fn schema(&self) -> Json {
        self.0.schema()
    }

    fn read(&self, node: &Node, reading: &mut Reading<'_>) -> Option<Self::Value> {
        self.0.read(node, reading).map(|value| (node.place, value))
    }
}

/// A list, each item read by `K`.
pub(super) struct List<K>(pub(super) K);

impl<K: Kind> Kind for List<K> {
    type Value = Vec<K::Value>;

    fn schema(&self) -> Json {
        json!({"type": "array", "items": self.0.schema()})
    }

    fn read(&self, node: &Node, reading: &mut Reading<'_>) -> Option<Self::Value> {
        let Value::List(items) = &node.value else {
            reading
                .problem(node.place, format_args!("expected a list, found {}", node.value.sort()));
            return None;
        };
        let read = |(index, item)| {
            reading.within(&format!("[{index}]"), |reading| self.0.read(item, reading))
        };
        // Collected twice so that a bad item does not keep the ones after it from being read.
        items.iter().enumerate().map(read).collect::<Vec<_>>().into_iter().collect()
    }
}

/// A mapping with keys of the user's own.
pub(super) struct MapOf<K, V>(pub(super) K, pub(super) V);

impl<K: Kind<Value: Ord>, V: Kind> Kind for MapOf<K, V> {
    type Value = std::collections::BTreeMap<K::Value, V::Value>;

    fn schema(&self) -> Json {
        json!({"type": "object", "propertyNames": self.0.schema(), "additionalProperties": self.1.schema()})
    }

    fn read(&self, node: &Node, reading: &mut Reading<'_>) -> Option<Self::Value> {
        let Value::Map(entries) = &node.value else {
            reading.problem(
                node.place,
                format_args!("expected a mapping, found {}", node.value.sort()),
            );
            return None;
        };
        let mut map = Some(Self::Value::new());
        for (key, value) in entries {
            let name = self.0.read(key, reading);
            let step = if let Value::Text(text) = &key.value { text.as_str() } else { "?" };
            let (value, twice) = reading.within(step, |reading| {
                let twice =
                    matches!((&name, &map), (Some(name), Some(map)) if map.contains_key(name));
                if twice {
                    reading.problem(key.place, "given twice");
                }
                (self.1.read(value, reading), twice)
            });
            match (name, value, &mut map) {
                (Some(name), Some(value), Some(map)) if !twice => drop(map.insert(name, value)),
                _ => map = None,
            }
        }
        map
    }
}
