//! Limits on large answers: few are under way at once for all clients together, and fewer for one client. An answer keeps its
//! place until the last byte of its body is read, so that slow readers count. A client that asks without pause is slowed
//! down, so that its requests leave the machine to the sweep. A request that would wait too long is refused with a time to retry.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::body::Pieces;
use super::limits::Limit;
use super::origin::Origin;
use super::problem::Problem;
use super::renderings::Renderings;

/// Large answers under way at once.
pub(super) const ANSWERS: usize = 16;
/// Scrapes under way at once: apart from the others, so that no reader of the API keeps Prometheus out.
pub(super) const SCRAPES: usize = 8;
/// Large answers under way at once for one client.
const OF_ONE: usize = 4;
/// Longest wait for a place. Long enough for a short burst, and for a client in a loop to be slowed down by it.
const WAIT: Duration = Duration::from_secs(2);
/// An answer's price, paid in the client's time to ask: 20 small answers a second …
const COST: Duration = Duration::from_millis(50);
/// … and for each MiB as much again: 20 MiB a second. A client that pages through everything stays below it; one in a loop
/// costs a few percent of a core.
const COST_OF_MIB: Duration = Duration::from_millis(50);
/// Time that a client may spend ahead: some 40 small answers at once.
const CREDIT: Duration = Duration::from_secs(2);
/// Clients that are remembered before those that owe nothing are forgotten.
const REMEMBERED: usize = 64;

/// How the body of a path grows, and so which limits it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Growth {
    /// Not at all: needs no limit.
    Fixed,
    /// With the accounts; rendered once for all who ask ([`Renderings`]).
    Shared,
    /// With the journal or one account's history; each answer has memory of its own.
    Own,
    /// With the accounts; rendered once a second for all who ask, by the daemon.
    Metrics,
}

/// The places for large answers of one kind.
#[derive(Debug)]
pub(super) struct Gate {
    places: Arc<Semaphore>,
    clients: Mutex<HashMap<Origin, Arc<Client>>>,
}

#[derive(Debug)]
struct Client {
    places: Arc<Semaphore>,
    /// Until when its answers are paid for.
    paid_until: Mutex<Instant>,
}

/// A place; given back when dropped.
#[derive(Debug)]
struct Ticket {
    _place: OwnedSemaphorePermit,
    own: Option<(OwnedSemaphorePermit, Arc<Client>)>,
}

impl Gate {
    pub(super) fn new(places: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(places)), clients: Mutex::default() }
    }

    /// A place, as soon as there is one.
    async fn enter(&self, origin: Option<Origin>) -> Result<Ticket, Problem> {
        match tokio::time::timeout(WAIT, self.place(origin)).await {
            Ok(Some(ticket)) => Ok(ticket),
            Ok(None) | Err(_) => Err(busy()),
        }
    }

    async fn place(&self, origin: Option<Origin>) -> Option<Ticket> {
        let own = match origin.map(|origin| self.client(origin)) {
            None => None,
            // Its own place comes first: while it waits here, it keeps no other client from a place.
            Some(client) => {
                let place = Arc::clone(&client.places).acquire_owned().await.ok()?;
                tokio::time::sleep_until(client.turn()).await;
                Some((place, client))
            }
        };
        let place = Arc::clone(&self.places).acquire_owned().await.ok()?;
        Some(Ticket { _place: place, own })
    }

    fn client(&self, origin: Origin) -> Arc<Client> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if clients.len() >= REMEMBERED {
            let now = Instant::now();
            clients.retain(|_, client| Arc::strong_count(client) > 1 || client.paid_until() > now);
        }
        Arc::clone(clients.entry(origin).or_insert_with(|| {
            let (places, paid_until) =
                (Arc::new(Semaphore::new(OF_ONE)), Mutex::new(Instant::now()));
            Arc::new(Client { places, paid_until })
        }))
    }
}

impl Client {
    fn paid_until(&self) -> Instant {
        *self.paid_until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When it may ask again.
    fn turn(&self) -> Instant {
        let paid_until = self.paid_until();
        paid_until.checked_sub(CREDIT).unwrap_or(paid_until)
    }

    fn pay(&self, bytes: u64) {
        let mibs = u32::try_from(bytes >> 20).unwrap_or(u32::MAX);
        let cost = COST.saturating_add(COST_OF_MIB.saturating_mul(mibs));
        let mut paid_until = self.paid_until.lock().unwrap_or_else(PoisonError::into_inner);
        let from = Instant::now().max(*paid_until);
        *paid_until = from.checked_add(cost).unwrap_or(from);
    }
}

impl Ticket {
    fn pay(&self, bytes: u64) {
        if let Some((_, client)) = &self.own {
            client.pay(bytes);
        }
    }
}

/// Too many of them.
pub(super) fn busy() -> Problem {
    let message = "too many large answers are under way: ask again in a few seconds, less often and one at a time";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, message).refused(Limit::Answers)
}

/// The gate of a path, and the memory its answers share.
#[derive(Clone)]
pub(super) struct Passage {
    pub(super) gate: Arc<Gate>,
    pub(super) renderings: Arc<Renderings>,
    pub(super) growth: Growth,
}

/// The layer of every path whose body grows.
pub(super) async fn pass(State(passage): State<Passage>, request: Request, next: Next) -> Response {
    // POST has small answers, and a person who stops remediation must not wait.
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return next.run(request).await;
    }
    match through(&passage, request, next).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn through(passage: &Passage, request: Request, next: Next) -> Result<Response, Problem> {
    let origin = request.extensions().get::<Origin>().copied();
    let ticket = passage.gate.enter(origin).await?;
    let (response, room) = match passage.growth {
        Growth::Fixed | Growth::Shared | Growth::Metrics => (next.run(request).await, None),
        Growth::Own => {
            let making = passage.renderings.making().await?;
            let response = next.run(request).await;
            drop(making);
            let room = passage.renderings.room(size(&response))?;
            (response, Some(room))
        }
    };
    ticket.pay(size(&response));
    Ok(response.map(|body| Body::new(Pieces::new(body, (ticket, room)))))
}

fn size(response: &Response) -> u64 {
    let hint = response.body().size_hint();
    hint.upper().unwrap_or(hint.lower())
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn client(last: u8) -> Option<Origin> {
        Some(Origin::from(IpAddr::from([10, 0, 0, last])))
    }

    /// How many of so many requests at once get a place, and the places.
    async fn enter(gate: &Gate, origin: Option<Origin>, times: usize) -> Vec<Ticket> {
        let all = (0..times).map(|_| gate.enter(origin));
        let all = futures_util::future::join_all(all).await;
        all.into_iter().filter_map(Result::ok).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn few_answers_are_under_way_at_once_and_the_rest_is_refused_after_a_short_wait() {
        let gate = Gate::new(ANSWERS);
        let begun = Instant::now();
        let mut first = enter(&gate, client(1), 32).await;
        assert_eq!(first.len(), OF_ONE, "one client's share");
        assert_eq!(begun.elapsed(), WAIT, "the others waited, and no longer");
        let others: Vec<_> = enter(&gate, client(2), 32).await;
        assert_eq!(others.len(), OF_ONE, "another client has its own");
        let (third, fourth) =
            (enter(&gate, client(3), 32).await, enter(&gate, client(4), 32).await);
        assert_eq!(third.len() + fourth.len(), 2 * OF_ONE);
        assert!(gate.enter(client(5)).await.is_err(), "all places are taken");
        first.pop();
        assert!(gate.enter(client(5)).await.is_ok(), "one was given back");
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_that_becomes_free_in_time_is_had_by_who_waits() {
        let gate = Gate::new(1);
        let ticket = gate.enter(None).await.unwrap();
        let free = async {
            tokio::time::sleep(WAIT / 2).await;
            drop(ticket);
        };
        let (second, ()) = tokio::join!(gate.enter(None), free);
        assert!(second.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_in_a_loop_is_slowed_down_by_what_its_answers_weigh() {
        // Bytes of an answer, and how many a client may have in 20 seconds beyond its credit.
        let cases = [("small", 10_000, 400), ("1 MiB", 1 << 20, 200), ("16 MiB", 16 << 20, 23)];
        for (case, bytes, most) in cases {
            let gate = Gate::new(ANSWERS);
            let begun = Instant::now();
            let mut served = 0;
            while begun.elapsed() < Duration::from_secs(20) {
                if let Ok(ticket) = gate.enter(client(1)).await {
                    ticket.pay(bytes);
                    served += 1;
                }
            }
            let credit = CREDIT.as_millis() as usize / 50;
            assert!((most..=most + credit + 1).contains(&served), "case `{case}`: {served}");
            let now = Instant::now();
            assert!(gate.enter(client(2)).await.is_ok());
            assert_eq!(now.elapsed(), Duration::ZERO, "case `{case}`: another client waits");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn clients_that_owe_nothing_are_forgotten() {
        let gate = Gate::new(ANSWERS);
        for n in 0..=u8::MAX {
            let ticket = gate.enter(client(n)).await.unwrap();
            ticket.pay(0);
            drop(ticket);
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let clients = gate.clients.lock().unwrap().len();
        assert!(clients <= REMEMBERED, "{clients}");
    }
}
