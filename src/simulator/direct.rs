//! The simulated organization without a network: an HTTP client whose every request is answered in the same process.
//!
//! Nothing but the world and tokio's clock decides when an answer comes. With that clock paused, hours of latency,
//! back-off and time-outs pass in no time, and the same seed gives the same run.

use std::sync::{Arc, PoisonError};

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;

use super::answer::Shared;
use super::calls::Calls;
use super::deliver;
use super::server::base_credentials;
use super::world::World;

/// A simulated organization that is reached by calling it. Clones share it.
#[derive(Debug, Clone)]
pub struct Direct(Arc<Shared>);

impl Direct {
    /// Answers from this world.
    pub fn new(world: World) -> Self {
        Self(Arc::new(Shared::new(world)))
    }

    /// The base credentials: a user of the hub account. Always the same.
    pub fn credentials(&self) -> Credentials {
        base_credentials()
    }

    /// The calls that arrived so far.
    pub fn calls(&self) -> Calls {
        self.0.calls().clone()
    }

    /// Changes the world between two requests.
    pub fn change<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        change(&mut self.0.world.write().unwrap_or_else(PoisonError::into_inner))
    }
}

impl HttpConnector for Direct {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let shared = Arc::clone(&self.0);
        HttpConnectorFuture::new(async move {
            let failed = |error: &dyn std::fmt::Display| {
                ConnectorError::other(error.to_string().into(), None)
            };
            let request = request.try_into_http1x().map_err(|error| failed(&error))?;
            let (parts, body) = request.into_parts();
            // On its way: what is sent together arrives before any of it is answered.
            tokio::task::yield_now().await;
            let response = deliver::respond(&shared, &parts, body.bytes())
                .await
                .map_err(|error| ConnectorError::io(error.into()))?;
            HttpResponse::try_from(response.map(SdkBody::from_body_1_x))
                .map_err(|error| failed(&error))
        })
    }
}

impl HttpClient for Direct {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}
