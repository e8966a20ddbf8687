//! The uploads that a server knows: those going on, and those that ended lately. In memory alone.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

use super::upload::{State, Upload};

/// Uploads, the newest last.
#[derive(Default)]
pub struct Uploads(Mutex<VecDeque<Arc<Upload>>>);

/// So many are going on that no more begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyRunning;

impl Uploads {
    /// Lets an upload begin, and forgets the oldest that have ended where too much is kept.
    ///
    /// # Errors
    /// Too many are going on, or this account's last one is.
    pub fn begin(&self, upload: Arc<Upload>) -> Result<(), TooManyRunning> {
        let mut kept = self.0.lock();
        let running = kept.iter().filter(|upload| upload.progress().state == State::Running);
        let (all, own) = running.fold((0, 0), |(all, own), running| {
            (all + 1, own + usize::from(running.account == upload.account))
        });
        if all >= RUNNING_MAX || own > 0 {
            return Err(TooManyRunning);
        }
        kept.push_back(upload);
        while kept.len() > KEPT_MAX
            || kept.iter().map(|upload| upload.bytes()).sum::<usize>() > KEPT_BYTES_MAX
        {
            let ended = kept.iter().position(|upload| upload.progress().state != State::Running);
            let Some(oldest) = ended else { break };
            kept.remove(oldest);
        }
        Ok(())
    }

    /// The upload of this id, where this account sent it and it is still known.
    pub fn find(&self, id: &str, account: &str) -> Option<Arc<Upload>> {
        self.0.lock().iter().find(|upload| upload.id == id && upload.account == account).cloned()
    }
}

/// Uploads at once: each keeps the registry busy by itself.
const RUNNING_MAX: usize = 2;

/// Uploads whose passes and refused rows can still be asked for.
const KEPT_MAX: usize = 32;

/// What these may take; a table that is refused whole takes 160 MB at most.
const KEPT_BYTES_MAX: usize = 256 << 20;

#[cfg(test)]
mod tests {
    use truyvet_engine::registry::{Account, Role};

    use super::super::columns::{Header, Mapping};
    use super::super::declarations::Declarations;
    use super::super::table::Table;
    use super::super::upload::Sent;
    use super::*;

    fn upload(account: &str) -> Arc<Upload> {
        let account = Account {
            account: account.to_owned(),
            name: "Mai".to_owned(),
            role: Role::Ward,
            site: None,
            area: None,
            password_hash: String::new(),
            generation: 0,
            is_disabled: false,
        };
        Arc::new(Upload::new(&Sent {
            rows: Declarations,
            account,
            table: Table::default(),
            header: Header::default(),
            mapping: Mapping::default(),
            document_seen: false,
            accept_mismatches: false,
        }))
    }

    #[test]
    fn few_go_on_at_once_and_those_that_ended_are_forgotten_the_oldest_first() {
        let uploads = Uploads::default();
        let (first, second) = (upload("mai"), upload("lan"));
        assert_eq!(uploads.begin(Arc::clone(&first)), Ok(()));
        assert_eq!(uploads.begin(upload("mai")), Err(TooManyRunning), "one of each official");
        assert_eq!(uploads.begin(Arc::clone(&second)), Ok(()));
        assert_eq!(uploads.begin(upload("an")), Err(TooManyRunning));
        first.break_off();
        assert!(uploads.find(&first.id, "mai").is_some() && uploads.find(&first.id, "lan").is_none());
        for _ in 0..KEPT_MAX {
            let next = upload("an");
            assert_eq!(uploads.begin(Arc::clone(&next)), Ok(()));
            next.break_off();
        }
        assert!(uploads.find(&first.id, "mai").is_none(), "the oldest is forgotten");
        assert!(uploads.find(&second.id, "lan").is_some(), "but none that goes on");
    }
}
