//! Tickets: what an officer's browser shows where it cannot show its session's cookie; pure.
//!
//! A ticket is 32 random bytes, given to a signed-in officer over HTTP, and holds for minutes. It lets
//! its bearer hand in batches, which devices have signed, and nothing else. It ends before its time with
//! its session, and when its account is disabled or gets a new password. Only digests are kept, in memory:
//! after a restart pages ask for another.

use std::collections::HashMap;

use parking_lot::Mutex;
use truyvet_engine::registry::RegistryError;
use truyvet_schemas::TimeMs;

use super::{Caller, People, Permission};
use crate::ingest::{Admits, TICKET_BYTES};

/// A ticket's bytes: a secret.
pub type Ticket = [u8; TICKET_BYTES];

/// The tickets that hold.
#[derive(Default)]
pub struct Tickets(Mutex<HashMap<blake3::Hash, Holder>>);

struct Holder {
    account: String,
    session: blake3::Hash,
    expires_at: TimeMs,
}

/// A ticket as it is given out.
pub struct Issued {
    /// The ticket.
    pub ticket: Ticket,
    /// Until when it holds.
    pub expires_at: TimeMs,
}

impl People {
    /// A ticket for the session of this token; `None` where it is over, is no officer's, or where too many
    /// tickets hold already.
    ///
    /// # Errors
    /// The store fails.
    pub fn issue_ticket(&self, token: &str, now: TimeMs) -> Result<Option<Issued>, RegistryError> {
        let officer = || -> Result<_, RegistryError> {
            Ok(match self.caller(token, now)? {
                Some((Caller::Official(account), session)) => Some((account, session)),
                _ => None,
            })
        };
        let Some((account, session)) = officer()? else { return Ok(None) };
        if !Caller::Official(account.clone()).may(Permission::Check) {
            return Ok(None);
        }
        let ends_at = TimeMs::new(session.expires_at);
        let issued = self.tickets.issue(&account.account, token, ends_at, now);
        // Whoever ends the session or the account ends its tickets afterwards: one that is issued meanwhile
        // is seen by them, or the end is seen here.
        if officer()?.is_none() {
            self.tickets.end_session(token);
            return Ok(None);
        }
        Ok(issued)
    }
}

impl Tickets {
    fn issue(&self, account: &str, token: &str, session_ends_at: TimeMs, now: TimeMs) -> Option<Issued> {
        let session = blake3::hash(token.as_bytes());
        let expires_at = TimeMs::new(session_ends_at.get().min(now.get() + TICKET_HOLDS_MS));
        let mut held = self.0.lock();
        if held.len() >= TICKETS_MAX {
            held.retain(|_, holder| now < holder.expires_at);
        }
        make_room(&mut held, session);
        if held.len() >= TICKETS_MAX {
            return None;
        }
        let ticket: Ticket = rand::random();
        held.insert(blake3::hash(&ticket), Holder { account: account.to_owned(), session, expires_at });
        Some(Issued { ticket, expires_at })
    }

    /// Ends the tickets of a session.
    pub fn end_session(&self, token: &str) {
        let session = blake3::hash(token.as_bytes());
        self.0.lock().retain(|_, holder| holder.session != session);
    }

    /// Ends the tickets of an account.
    pub(super) fn end_account(&self, account: &str) {
        self.0.lock().retain(|_, holder| holder.account != account);
    }
}

impl Admits for Tickets {
    fn admits(&self, ticket: &Ticket, now: TimeMs) -> bool {
        // Looked up by its digest: the time it takes tells nothing of a ticket.
        self.0.lock().get(&blake3::hash(ticket)).is_some_and(|holder| now < holder.expires_at)
    }
}

/// A session has few tickets: another takes the place of the one that ends first.
fn make_room(held: &mut HashMap<blake3::Hash, Holder>, session: blake3::Hash) {
    let of_session = held.iter().filter(|(_, holder)| holder.session == session);
    let mut ends: Vec<_> = of_session.map(|(ticket, holder)| (holder.expires_at, *ticket)).collect();
    if ends.len() < TICKETS_OF_A_SESSION_MAX {
        return;
    }
    ends.sort_by_key(|(expires_at, _)| *expires_at);
    if let Some((_, first)) = ends.first() {
        held.remove(first);
    }
}

const TICKET_HOLDS_MS: i64 = 10 * 60 * 1_000;

/// Some 2 MB. A page asks for one in five minutes or more.
const TICKETS_MAX: usize = 10_000;

/// The one in use, the next, and some for pages that were loaded again.
const TICKETS_OF_A_SESSION_MAX: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> TimeMs {
        TimeMs::new(minute * 60_000)
    }

    fn issued(tickets: &Tickets, account: &str, token: &str, minute: i64) -> Ticket {
        tickets.issue(account, token, at(60), at(minute)).expect("room").ticket
    }

    #[test]
    fn a_ticket_holds_for_ten_minutes_and_no_longer_than_its_session() {
        let tickets = Tickets::default();
        let ticket = issued(&tickets, "mai", "t", 0);
        assert!(tickets.admits(&ticket, at(0)) && tickets.admits(&ticket, at(9)));
        assert!(!tickets.admits(&ticket, at(10)));
        let late = tickets.issue("mai", "t", at(60), at(55)).expect("room");
        assert_eq!(late.expires_at, at(60));
        assert!(tickets.admits(&late.ticket, at(59)) && !tickets.admits(&late.ticket, at(60)));
        assert!(!tickets.admits(&[0; TICKET_BYTES], at(0)));
    }

    #[test]
    fn a_ticket_ends_with_its_session_or_its_account_and_others_go_on() {
        let tickets = Tickets::default();
        let [mai, again, lan] =
            [("mai", "t"), ("mai", "u"), ("lan", "v")].map(|(a, t)| issued(&tickets, a, t, 0));
        tickets.end_session("t");
        assert!(!tickets.admits(&mai, at(1)) && tickets.admits(&again, at(1)));
        tickets.end_account("mai");
        assert!(!tickets.admits(&again, at(1)) && tickets.admits(&lan, at(1)));
    }

    #[test]
    fn tickets_are_bounded_in_all_and_of_a_session() {
        let tickets = Tickets::default();
        let first = issued(&tickets, "mai", "t", 0);
        let others: Vec<_> = (1..=4).map(|minute| issued(&tickets, "mai", "t", minute)).collect();
        assert!(!tickets.admits(&first, at(4)) && others.iter().all(|ticket| tickets.admits(ticket, at(4))));
        for session in 0..TICKETS_MAX - 4 {
            issued(&tickets, "mai", &session.to_string(), 4);
        }
        assert!(tickets.issue("lan", "v", at(60), at(5)).is_none());
        assert!(tickets.issue("lan", "v", at(60), at(14)).is_some(), "those that ran out make room");
    }
}
