//! Work for clients that takes long: on one thread of its own that yields to all others, never on the threads that answer
//! requests and judge accounts.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};

use tokio::sync::oneshot;

type Job = Box<dyn FnOnce() + Send>;

/// A thread that works one job after the other, in the order they came.
#[derive(Debug)]
pub(super) struct Background {
    /// `None`: the system gave no thread.
    jobs: Option<Sender<Job>>,
}

impl Background {
    /// Starts the thread. It ends with this value.
    pub(super) fn start(name: &str) -> Self {
        let (jobs, queue) = channel();
        let thread = std::thread::Builder::new().name(name.to_owned());
        let started = thread.spawn(move || work(&queue));
        if let Err(error) = &started {
            tracing::error!(%error, name, "a thread could not be started");
        }
        Self { jobs: started.is_ok().then_some(jobs) }
    }

    /// Does one job. A job that its requester no longer waits for is not begun: clients that come and go must not pile up
    /// work. `None`: it could not be done.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let (result, done) = oneshot::channel();
        let job = move || {
            if !result.is_closed() {
                let _ = result.send(work());
            }
        };
        self.jobs.as_ref()?.send(Box::new(job)).ok()?;
        done.await.ok()
    }
}

fn work(queue: &Receiver<Job>) {
    yield_to_others();
    for job in queue {
        // A job that panics loses its own result; the thread is there for the next one.
        let _ = catch_unwind(AssertUnwindSafe(job));
    }
}

/// On a busy machine a thread of niceness 10 gets a tenth of the time that one of niceness 0 gets: requests, however many, take
/// little from a sweep. On Linux alone niceness belongs to a thread; elsewhere this would slow the whole process.
fn yield_to_others() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, 10) {
        tracing::debug!(%error, "a background thread keeps the usual priority");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_job_that_panics_or_is_given_up_leaves_the_thread_to_the_next() {
        let background = Background::start("test");
        assert_eq!(background.run(|| 1).await, Some(1));
        assert_eq!(background.run(|| -> u32 { panic!("a defect") }).await, None);

        let begun = Arc::new(AtomicUsize::new(0));
        let (open, gate) = channel::<()>();
        let blocked = background.run(move || gate.recv().is_ok());
        let count = || {
            let begun = Arc::clone(&begun);
            move || begun.fetch_add(1, Ordering::Relaxed)
        };
        // Polled once, so that the job is in the queue, then dropped.
        let given_up = async {
            tokio::select! {
                biased;
                _ = background.run(count()) => panic!("the thread is blocked"),
                () = std::future::ready(()) => {}
            }
            open.send(()).unwrap();
        };
        let (blocked, ()) = tokio::join!(blocked, given_up);
        assert_eq!(blocked, Some(true));
        assert_eq!(background.run(count()).await, Some(0), "the one given up was not begun");
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn the_thread_yields_to_all_others() {
        let own = || rustix::process::getpriority_process(None).unwrap();
        let (here, there) = (own(), Background::start("test").run(own).await);
        assert_eq!(there, Some(10.max(here)));
        assert_eq!(own(), here, "no other thread is slowed down");
    }
}
