//! Who is connected: at most so many, at most so many of one client, and a newcomer takes the place of the client that has
//! been silent longest. Connections that ask for nothing can thus keep nobody out.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::super::origin::Origin;

/// Connections at once.
pub(super) const MOST: usize = 256;
/// Connections at once of one client.
pub(super) const MOST_OF_ONE: usize = 32;
/// From a request to the last byte of its answer. A reader that takes a byte now and then would keep its place, and what it
/// reads, for ever; 16 MiB in that time are 1.2 Mbit/s.
const LONGEST: Duration = Duration::from_secs(120);

/// Everyone who is connected.
#[derive(Debug, Clone, Default)]
pub(super) struct Connections(Arc<Mutex<Table>>);

#[derive(Debug, Default)]
struct Table {
    next: u64,
    seats: HashMap<u64, Held>,
}

#[derive(Debug)]
struct Held {
    from: Origin,
    requests: Arc<AtomicUsize>,
    lost: CancellationToken,
}

/// One connection's place; given back when dropped.
#[derive(Debug)]
pub(super) struct Seat {
    number: u64,
    requests: Arc<AtomicUsize>,
    /// When the answer under way must have been taken.
    due: watch::Sender<Option<Instant>>,
    lost: CancellationToken,
    connections: Connections,
}

/// A request under way.
#[derive(Debug)]
pub(super) struct Busy {
    requests: Arc<AtomicUsize>,
    due: watch::Sender<Option<Instant>>,
}

impl Connections {
    /// A place for a connection of this client; `None` if every one it could take is busy.
    pub(super) fn seat(&self, from: Origin) -> Option<Seat> {
        let mut table = self.table();
        let of_one = table.seats.values().filter(|held| held.from == from).count();
        if of_one >= MOST_OF_ONE {
            table.make_room(|held| held.from == from)?;
        } else if table.seats.len() >= MOST {
            table.make_room(|_| true)?;
        }
        let number = table.next;
        table.next += 1;
        let (requests, lost) = (Arc::<AtomicUsize>::default(), CancellationToken::new());
        let held = Held { from, requests: Arc::clone(&requests), lost: lost.clone() };
        table.seats.insert(number, held);
        let due = watch::Sender::new(None);
        Some(Seat { number, requests, due, lost, connections: self.clone() })
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Takes the place of the oldest silent one among these.
    fn make_room(&mut self, among: impl Fn(&Held) -> bool) -> Option<()> {
        let silent = |held: &Held| held.requests.load(Ordering::Relaxed) == 0;
        let candidates = self.seats.iter().filter(|(_, held)| among(held) && silent(held));
        let oldest = *candidates.map(|(number, _)| number).min()?;
        self.seats.remove(&oldest)?.lost.cancel();
        Some(())
    }
}

impl Seat {
    /// Waits until the place is given to another.
    pub(super) async fn lost(&self) {
        self.lost.cancelled().await;
    }

    /// Holds the place while a request is under way.
    pub(super) fn busy(&self) -> Busy {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.due.send_replace(Instant::now().checked_add(LONGEST));
        Busy { requests: Arc::clone(&self.requests), due: self.due.clone() }
    }

    /// Waits until an answer has been under way for too long.
    pub(super) async fn overdue(&self) {
        let mut due = self.due.subscribe();
        loop {
            let until = *due.borrow_and_update();
            let over = async {
                match until {
                    Some(until) => tokio::time::sleep_until(until).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = over => return,
                _ = due.changed() => {}
            }
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.connections.table().seats.remove(&self.number);
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.requests.fetch_sub(1, Ordering::Relaxed);
        self.due.send_replace(None);
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn address(last: u8) -> Origin {
        IpAddr::from([10, 0, 0, last]).into()
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_must_be_taken_in_time_and_silence_between_two_is_not_counted() {
        let seat = Connections::default().seat(address(1)).unwrap();
        let overdue = tokio::time::timeout(LONGEST * 3, seat.overdue());
        let asks = async {
            for _ in 0..3 {
                let busy = seat.busy();
                tokio::time::sleep(LONGEST / 2).await;
                drop(busy);
                tokio::time::sleep(LONGEST / 10).await;
            }
            let begun = Instant::now();
            let _busy = seat.busy();
            tokio::time::sleep(LONGEST * 2).await;
            begun
        };
        let mut asks = std::pin::pin!(asks);
        let begun = Instant::now();
        tokio::select! {
            late = overdue => assert!(late.is_ok()),
            _ = &mut asks => panic!("the last answer is overdue"),
        }
        let before = (LONGEST / 2 + LONGEST / 10) * 3;
        assert_eq!(begun.elapsed().as_secs(), (before + LONGEST).as_secs());
    }

    #[test]
    fn a_newcomer_takes_the_place_of_the_longest_silent_of_its_address() {
        let connections = Connections::default();
        let seats: Vec<_> =
            (0..MOST_OF_ONE).map(|_| connections.seat(address(1)).unwrap()).collect();
        let busy = seats[0].busy();
        let newcomer = connections.seat(address(1)).unwrap();
        let lost: Vec<_> = seats.iter().map(|seat| seat.lost.is_cancelled()).collect();
        assert_eq!(lost.iter().filter(|lost| **lost).count(), 1);
        assert!(lost[1], "the first is busy, so the second goes");
        drop((busy, newcomer));
    }

    #[test]
    fn nobody_takes_a_busy_place_and_other_addresses_are_not_touched() {
        let connections = Connections::default();
        let seats: Vec<_> =
            (0..MOST_OF_ONE).map(|_| connections.seat(address(1)).unwrap()).collect();
        let busy: Vec<_> = seats.iter().map(Seat::busy).collect();
        assert!(connections.seat(address(1)).is_none());
        assert!(connections.seat(address(2)).is_some());
        drop(busy);
        assert!(connections.seat(address(1)).is_some());
    }

    #[test]
    fn there_are_never_more_than_the_most() {
        let connections = Connections::default();
        let seats: Vec<_> =
            (0..2 * MOST).filter_map(|n| connections.seat(address((n / 20) as u8))).collect();
        assert_eq!(seats.iter().filter(|seat| !seat.lost.is_cancelled()).count(), MOST);
        assert_eq!(connections.table().seats.len(), MOST);
        drop(seats);
        assert_eq!(connections.table().seats.len(), 0);
    }
}
