//! Tells the engine where people live before they are scanned first, so that the ids of neighbours lie
//! together, and whose passages the wards are told of. Many at once: the engine makes ids durable in one
//! write.

use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded};
use truyvet_engine::{Engine, PersonRecord};

/// Somebody who has declared.
pub(super) struct Traveller {
    /// Code of the subject.
    pub(super) subject: String,
    /// Code of the area where the subject lives.
    pub(super) home: String,
    /// Whether the wards are told of passages.
    pub(super) is_followed: bool,
}

/// The way to the thread, which ends when this goes.
pub(super) struct Homes {
    people: Option<Sender<Traveller>>,
    thread: Option<JoinHandle<()>>,
}

impl Homes {
    pub(super) fn start(engine: Engine) -> std::io::Result<Self> {
        let (people, queue) = bounded(WAITING_MAX);
        let thread = std::thread::Builder::new().name("truyvet-homes".to_owned());
        let thread = thread.spawn(move || run(&engine, &queue))?;
        Ok(Self { people: Some(people), thread: Some(thread) })
    }

    /// Tells of somebody. Where too many wait, so does the caller.
    pub(super) fn tell(&self, traveller: Traveller) {
        if let Some(people) = &self.people {
            people.send(traveller).ok();
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

fn run(engine: &Engine, queue: &Receiver<Traveller>) {
    while let Ok(first) = queue.recv() {
        let people: Vec<_> = [first].into_iter().chain(queue.try_iter().take(AT_ONCE - 1)).collect();
        let record = |Traveller { subject, home, .. }: &Traveller| PersonRecord {
            subject: subject.clone(),
            area: home.clone(),
        };
        if let Err(error) = engine.catalog().put_people(people.iter().map(record).collect()) {
            tracing::warn!(%error, "homes of new people are not known to the engine");
        }
        let followed = people.iter().filter(|traveller| traveller.is_followed);
        let unknown = engine.follow(followed.map(|traveller| traveller.subject.as_str()));
        if !unknown.is_empty() {
            let people = unknown.len();
            tracing::error!(
                people,
                "wards hear of these people's passages only when they ask, until the next start"
            );
        }
    }
}

const WAITING_MAX: usize = 65_536;
const AT_ONCE: usize = 4_096;
