//! Tells the engine where new people live before they are scanned first, so that the ids of neighbours
//! lie together. Many at once: the engine makes ids durable in one write.

use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded};
use truyvet_engine::{Engine, PersonRecord};

/// The way to the thread, which ends when this goes.
pub(super) struct Homes {
    people: Option<Sender<PersonRecord>>,
    thread: Option<JoinHandle<()>>,
}

impl Homes {
    pub(super) fn start(engine: Engine) -> std::io::Result<Self> {
        let (people, queue) = bounded(WAITING_MAX);
        let thread = std::thread::Builder::new().name("truyvet-homes".to_owned());
        let thread = thread.spawn(move || run(&engine, &queue))?;
        Ok(Self { people: Some(people), thread: Some(thread) })
    }

    /// Tells of somebody new. Where too many wait the engine learns of the person with the first scan.
    pub(super) fn tell(&self, subject: String, area: String) {
        if let Some(people) = &self.people {
            people.try_send(PersonRecord { subject, area }).ok();
        }
    }
}

impl Drop for Homes {
    fn drop(&mut self) {
        drop(self.people.take());
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

fn run(engine: &Engine, queue: &Receiver<PersonRecord>) {
    while let Ok(first) = queue.recv() {
        let people: Vec<_> = [first].into_iter().chain(queue.try_iter().take(AT_ONCE - 1)).collect();
        if let Err(error) = engine.catalog().put_people(people) {
            tracing::warn!(%error, "homes of new people are not known to the engine");
        }
    }
}

const WAITING_MAX: usize = 65_536;
const AT_ONCE: usize = 4_096;
