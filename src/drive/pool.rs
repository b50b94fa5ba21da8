//! Worker threads over one shared model: finals before partials, earliest deadline first.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crate::job::{Job, JobDone, JobKind};
use crate::stt::{TranscribeError, Transcriber, Worker};
use crate::time::MonoTime;

type Reply = Box<dyn FnOnce(JobDone) + Send>;
/// Kind, deadline (none last) and order of arrival.
type Key = (JobKind, Reverse<Option<Reverse<MonoTime>>>, u64);

#[derive(Default)]
struct Queue {
    jobs: BTreeMap<Key, (Job, Reply)>,
    arrived: u64,
    closed: bool,
}

struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

impl Shared {
    /// A worker that panicked did so outside the lock, so a poisoned queue is still whole.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A fixed number of threads, each with its own state over one shared model.
///
/// Dropping the pool ends its threads after the jobs they are at; jobs still queued are answered as failed.
pub struct Pool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("workers", &self.threads.len()).finish_non_exhaustive()
    }
}

impl Pool {
    /// Starts `workers` threads (at least one). More than there are cores make everything slower.
    ///
    /// # Errors
    ///
    /// [`TranscribeError`] when a worker's state or thread cannot be made.
    pub fn new(model: &Arc<dyn Transcriber>, workers: usize) -> Result<Self, TranscribeError> {
        let shared = Arc::new(Shared { queue: Mutex::default(), changed: Condvar::new() });
        let mut pool = Self { shared, threads: Vec::new() };
        for index in 0..workers.max(1) {
            let worker = model.worker()?;
            let (shared, model) = (pool.shared.clone(), model.clone());
            let thread =
                std::thread::Builder::new().name(format!("earmark-{index}")).spawn(move || run(&shared, &*model, worker));
            let thread = thread.map_err(|e| TranscribeError::Engine { engine: "pool", problem: e.to_string() })?;
            pool.threads.push(thread);
        }
        Ok(pool)
    }

    /// Number of worker threads.
    pub fn workers(&self) -> usize {
        self.threads.len()
    }

    /// Queues a job; `reply` is called with its result on a worker's thread.
    pub fn submit(&self, job: Job, reply: impl FnOnce(JobDone) + Send + 'static) {
        let mut queue = self.shared.lock();
        queue.arrived += 1;
        let key = (job.kind, Reverse(job.deadline.map(Reverse)), queue.arrived);
        queue.jobs.insert(key, (job, Box::new(reply)));
        drop(queue);
        self.shared.changed.notify_one();
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let jobs = {
            let mut queue = self.shared.lock();
            queue.closed = true;
            std::mem::take(&mut queue.jobs)
        };
        self.shared.changed.notify_all();
        for (job, reply) in jobs.into_values() {
            reply(job.failed(TranscribeError::WorkerLost));
        }
        for thread in self.threads.drain(..) {
            // A worker catches its jobs' panics; there is nothing left to say about one that ended otherwise.
            let _ = thread.join();
        }
    }
}

fn run(shared: &Shared, model: &dyn Transcriber, worker: Box<dyn Worker>) {
    let mut worker = Some(worker);
    loop {
        let mut queue = shared.lock();
        let (job, reply) = loop {
            if let Some((_, next)) = queue.jobs.pop_first() {
                break next;
            }
            if queue.closed {
                return;
            }
            queue = shared.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        };
        drop(queue);
        let done = catch_unwind(AssertUnwindSafe(|| match worker.as_deref_mut() {
            Some(worker) => job.run(worker),
            None => job.failed(TranscribeError::WorkerLost),
        }));
        let done = done.unwrap_or_else(|_| {
            // Whatever state the engine is in, nobody else's audio may meet it.
            worker = None;
            job.failed(TranscribeError::WorkerLost)
        });
        if worker.is_none() {
            worker = model.worker().ok();
        }
        reply(done);
    }
}
