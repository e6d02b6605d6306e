//! What of the whole world can be set while it runs.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::model::printable_line;
use crate::simulator::paging::Paging;
use crate::simulator::world::World;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    latency_ms: u64,
    jitter_ms: u64,
    lag_ms: u64,
    paging: Paging,
    check_signatures: bool,
}

impl Settings {
    fn of(world: &World) -> Self {
        let ms = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        Self {
            latency_ms: ms(world.latency),
            jitter_ms: ms(world.jitter),
            lag_ms: ms(world.lag),
            paging: world.listing.paging,
            check_signatures: world.check_signatures,
        }
    }

    fn apply(self, world: &mut World) {
        world.latency = Duration::from_millis(self.latency_ms);
        world.jitter = Duration::from_millis(self.jitter_ms);
        world.lag = Duration::from_millis(self.lag_ms);
        world.listing.paging = self.paging;
        world.check_signatures = self.check_signatures;
    }
}

pub(super) fn show(world: &World) -> Value {
    json!(Settings::of(world))
}

/// Sets what the patch names; nothing, if something in it cannot be.
pub(super) fn patch(world: &mut World, patch: Map<String, Value>) -> Result<(), String> {
    let mut value = show(world);
    if let Some(members) = value.as_object_mut() {
        members.extend(patch);
    }
    let settings: Settings =
        serde_json::from_value(value).map_err(|error| printable_line(&error.to_string(), 500))?;
    settings.apply(world);
    Ok(())
}
