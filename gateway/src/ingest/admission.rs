//! Who may begin a handshake, and who may connect at all; pure.
//!
//! A handshake is the dearest thing that a stranger can ask for, and thousands at once would starve
//! the established streams. So half-open connections (from the first packet to a good hello) are
//! counted, in all and by address, and others wait for their turn:
//!
//! ```text
//! connections full ............................ Refuse   the peer is told, and backs off
//! half of the slots taken, address unproved ... Retry    stateless; a forged address ends here
//! a slot free, in all and for the address ..... Admit
//! else, address proved ........................ waits    bounded; or Ignore: the peer sends again
//! ```
//!
//! So memory is `half-open + waiting + established`, each bounded, whatever arrives. An honest device
//! gets in beside a flood: an address that stalls its handshakes keeps at most its share of the slots;
//! free slots go to the waiting addresses in turn, one connection each; and half of the waiting room
//! is kept for addresses that have nobody in it.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

/// The bounds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AdmissionLimits {
    /// Half-open and established connections together.
    pub(crate) connections_max: usize,
    /// Half-open connections.
    pub(crate) handshakes_max: usize,
    /// Half-open connections of one address.
    pub(crate) per_address_max: usize,
    /// Connections that wait for a slot.
    pub(crate) waiting_max: usize,
    /// How long one waits at most: then its peer has given up.
    pub(crate) waiting_time_max: Duration,
}

/// What to do with a connection that begins.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict<T> {
    /// Go on with the handshake; the slot is taken.
    Admit(T),
    /// Ask it to prove its address first.
    Retry(T),
    /// Kept; some [`Admission::prove`] or [`Admission::leave`] gives it back.
    Waits,
    /// Tell it that there is no room.
    Refuse(T),
    /// Answer nothing.
    Ignore(T),
}

/// Counts of what was let in. `T` stands for a connection that waits.
pub(crate) struct Admission<T> {
    limits: AdmissionLimits,
    half_open: usize,
    established: usize,
    waiting: usize,
    /// Of every address that has a half-open connection, or one that waits.
    lanes: HashMap<IpAddr, Lane<T>>,
    /// The addresses with connections that wait, each once, the next one's turn first.
    turns: VecDeque<IpAddr>,
    swept_at: Option<Instant>,
}

/// One address.
struct Lane<T> {
    half_open: usize,
    waiting: VecDeque<Waiting<T>>,
}

struct Waiting<T> {
    connection: T,
    since: Instant,
}

impl<T> Admission<T> {
    /// Nothing is let in yet.
    pub(crate) fn new(limits: AdmissionLimits) -> Self {
        Self {
            limits,
            half_open: 0,
            established: 0,
            waiting: 0,
            lanes: HashMap::new(),
            turns: VecDeque::new(),
            swept_at: None,
        }
    }

    /// Judges a connection's first packet. `validated`: its address is proved. The one admitted may
    /// be another that waited.
    pub(crate) fn arrive(
        &mut self,
        connection: T,
        from: IpAddr,
        validated: bool,
        now: Instant,
    ) -> Verdict<T> {
        if self.half_open + self.established >= self.limits.connections_max {
            return Verdict::Refuse(connection);
        }
        if !validated && self.half_open * 2 >= self.limits.handshakes_max {
            return Verdict::Retry(connection);
        }
        let from = network(from);
        if self.has_slot(from) {
            // Those who wait have no use for it, unless all connections were taken until now: then it
            // goes by turns. Either way one more is let in, and the queue is as long as before.
            self.queue(connection, from, now);
            return self.next(now).map_or(Verdict::Waits, Verdict::Admit);
        }
        if !validated {
            return Verdict::Retry(connection);
        }
        self.sweep(now);
        if !self.has_room(from) {
            return Verdict::Ignore(connection);
        }
        self.queue(connection, from, now);
        Verdict::Waits
    }

    /// A half-open connection's hello was good: it is established, and its slot free. Gives back one
    /// that waited for the slot, and has it now.
    pub(crate) fn prove(&mut self, from: IpAddr, now: Instant) -> Option<T> {
        self.free_slot(network(from));
        self.established += 1;
        self.next(now)
    }

    /// A connection ended. Gives back one that waited, as [`Admission::prove`] does.
    pub(crate) fn leave(&mut self, from: IpAddr, proved: bool, now: Instant) -> Option<T> {
        if proved {
            self.established -= 1;
        } else {
            self.free_slot(network(from));
        }
        self.next(now)
    }

    /// Half-open connections now.
    pub(crate) fn half_open(&self) -> usize {
        self.half_open
    }

    /// Established connections now.
    pub(crate) fn established(&self) -> usize {
        self.established
    }

    /// Connections that wait now.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    /// The longest waiting connection of the next address that may have a slot. Walks past addresses
    /// that have their share: `handshakes_max / per_address_max` of them at most.
    fn next(&mut self, now: Instant) -> Option<T> {
        for _ in 0..self.turns.len() {
            let full = self.half_open + self.established >= self.limits.connections_max;
            if full || self.half_open >= self.limits.handshakes_max {
                return None;
            }
            let from = self.turns.pop_front()?;
            self.forget_stale(from, now);
            let turn = if self.has_slot(from) { self.first_of(from) } else { None };
            if self.lanes.get(&from).is_some_and(|lane| !lane.waiting.is_empty()) {
                self.turns.push_back(from);
            }
            if let Some(connection) = turn {
                self.take_slot(from);
                return Some(connection);
            }
            self.forget_if_empty(from);
        }
        None
    }

    fn first_of(&mut self, from: IpAddr) -> Option<T> {
        let first = self.lanes.get_mut(&from)?.waiting.pop_front()?;
        self.waiting -= 1;
        Some(first.connection)
    }

    fn queue(&mut self, connection: T, from: IpAddr, now: Instant) {
        let lane = self.lanes.entry(from).or_insert_with(Lane::new);
        if lane.waiting.is_empty() {
            self.turns.push_back(from);
        }
        lane.waiting.push_back(Waiting { connection, since: now });
        self.waiting += 1;
    }

    /// Whether one more of this address may wait.
    fn has_room(&self, from: IpAddr) -> bool {
        let alone = self.lanes.get(&from).is_none_or(|lane| lane.waiting.is_empty());
        let room = if alone { self.limits.waiting_max } else { self.limits.waiting_max.div_ceil(2) };
        self.waiting < room
    }

    /// Forgets those that waited for too long: at most once a second, since it looks at all.
    fn sweep(&mut self, now: Instant) {
        if self.swept_at.is_some_and(|then| now.saturating_duration_since(then) < SWEEP_PERIOD) {
            return;
        }
        self.swept_at = Some(now);
        for from in std::mem::take(&mut self.turns) {
            self.forget_stale(from, now);
            match self.lanes.get(&from) {
                Some(lane) if !lane.waiting.is_empty() => self.turns.push_back(from),
                _ => self.forget_if_empty(from),
            }
        }
    }

    fn forget_stale(&mut self, from: IpAddr, now: Instant) {
        let Some(lane) = self.lanes.get_mut(&from) else { return };
        let limit = self.limits.waiting_time_max;
        while lane.waiting.front().is_some_and(|w| now.saturating_duration_since(w.since) > limit) {
            lane.waiting.pop_front();
            self.waiting -= 1;
        }
    }

    fn forget_if_empty(&mut self, from: IpAddr) {
        if self.lanes.get(&from).is_some_and(|lane| lane.half_open == 0 && lane.waiting.is_empty()) {
            self.lanes.remove(&from);
        }
    }

    fn has_slot(&self, from: IpAddr) -> bool {
        let of_address = self.lanes.get(&from).map_or(0, |lane| lane.half_open);
        self.half_open < self.limits.handshakes_max && of_address < self.limits.per_address_max
    }

    fn take_slot(&mut self, from: IpAddr) {
        self.half_open += 1;
        self.lanes.entry(from).or_insert_with(Lane::new).half_open += 1;
    }

    fn free_slot(&mut self, from: IpAddr) {
        self.half_open -= 1;
        if let Some(lane) = self.lanes.get_mut(&from) {
            lane.half_open -= 1;
        }
        self.forget_if_empty(from);
    }
}

impl<T> Lane<T> {
    fn new() -> Self {
        Self { half_open: 0, waiting: VecDeque::new() }
    }
}

/// Between two looks for those that waited too long.
const SWEEP_PERIOD: Duration = Duration::from_secs(1);

/// What one peer is sure to hold in full: an IPv4 address, or an IPv6 network of 64 bits.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission() -> Admission<u32> {
        Admission::new(AdmissionLimits {
            connections_max: 10,
            handshakes_max: 4,
            per_address_max: 2,
            waiting_max: 3,
            waiting_time_max: Duration::from_secs(10),
        })
    }

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    /// Four half-open connections, of two addresses.
    fn fill_slots(admission: &mut Admission<u32>, now: Instant) {
        for connection in 0..4 {
            let from = ip(connection as u8 / 2);
            assert_eq!(admission.arrive(connection, from, true, now), Verdict::Admit(connection));
        }
    }

    #[test]
    fn an_unproved_address_must_prove_itself_once_half_of_the_slots_are_taken() {
        let (mut admission, now) = (admission(), Instant::now());
        assert_eq!(admission.arrive(1, ip(1), false, now), Verdict::Admit(1));
        assert_eq!(admission.arrive(2, ip(2), false, now), Verdict::Admit(2));
        assert_eq!(admission.arrive(3, ip(3), false, now), Verdict::Retry(3));
        assert_eq!(admission.arrive(3, ip(3), true, now), Verdict::Admit(3));
    }

    #[test]
    fn an_address_keeps_to_its_share_and_others_pass_it() {
        let (mut admission, now) = (admission(), Instant::now());
        assert_eq!(admission.arrive(1, ip(1), true, now), Verdict::Admit(1));
        assert_eq!(admission.arrive(2, ip(1), true, now), Verdict::Admit(2));
        assert_eq!(admission.arrive(3, ip(1), true, now), Verdict::Waits);
        assert_eq!(admission.arrive(4, ip(2), true, now), Verdict::Admit(4));
        assert_eq!(admission.prove(ip(1), now), Some(3));
        assert_eq!((admission.half_open(), admission.established(), admission.waiting()), (3, 1, 0));
    }

    #[test]
    fn the_queue_is_bounded_in_length_and_time() {
        let (mut admission, now) = (admission(), Instant::now());
        fill_slots(&mut admission, now);
        assert_eq!(admission.arrive(4, ip(9), true, now), Verdict::Waits);
        assert_eq!(admission.arrive(5, ip(9), true, now), Verdict::Waits);
        assert_eq!(admission.arrive(6, ip(9), true, now), Verdict::Ignore(6));
        assert_eq!(admission.arrive(7, ip(8), true, now), Verdict::Waits);
        assert_eq!(admission.arrive(8, ip(7), true, now), Verdict::Ignore(8));
        let later = now + Duration::from_secs(11);
        assert_eq!(admission.arrive(9, ip(9), true, later), Verdict::Waits);
        assert_eq!(admission.waiting(), 1);
        assert_eq!(admission.leave(ip(0), false, later), Some(9));
        assert_eq!(admission.leave(ip(0), false, later), None);
        assert!(admission.turns.is_empty() && admission.lanes.len() == 2);
    }

    #[test]
    fn a_flood_of_one_address_holds_up_nobody_else() {
        let (mut admission, now) = (admission(), Instant::now());
        for connection in 0..100 {
            admission.arrive(connection, ip(1), true, now);
        }
        assert_eq!((admission.half_open(), admission.waiting()), (2, 2));
        assert_eq!(admission.arrive(100, ip(2), true, now), Verdict::Admit(100));
    }

    #[test]
    fn addresses_that_wait_take_turns() {
        let (mut admission, now) = (admission(), Instant::now());
        fill_slots(&mut admission, now);
        assert_eq!(admission.arrive(4, ip(9), true, now), Verdict::Waits);
        assert_eq!(admission.arrive(5, ip(9), true, now), Verdict::Waits);
        assert_eq!(admission.arrive(6, ip(8), true, now), Verdict::Waits);
        assert_eq!(admission.leave(ip(0), false, now), Some(4));
        assert_eq!(admission.prove(ip(0), now), Some(6));
        assert_eq!(admission.prove(ip(8), now), Some(5));
        assert_eq!((admission.half_open(), admission.established(), admission.waiting()), (4, 2, 0));
    }

    #[test]
    fn all_connections_are_bounded() {
        let (mut admission, now) = (admission(), Instant::now());
        for connection in 0..10 {
            assert_eq!(admission.arrive(connection, ip(1), true, now), Verdict::Admit(connection));
            assert_eq!(admission.prove(ip(1), now), None);
        }
        assert_eq!(admission.arrive(10, ip(1), true, now), Verdict::Refuse(10));
        assert_eq!(admission.leave(ip(1), true, now), None);
        assert_eq!(admission.arrive(11, ip(1), true, now), Verdict::Admit(11));
    }

    #[test]
    fn a_flood_of_ten_thousand_leaves_no_more_than_the_bounds() {
        let (mut admission, now) = (admission(), Instant::now());
        for connection in 0..10_000 {
            let from = IpAddr::from([10, 1, (connection / 256) as u8, connection as u8]);
            admission.arrive(connection, from, connection % 2 == 0, now);
            assert!(admission.half_open() <= 4 && admission.waiting() <= 3);
            assert!(admission.lanes.len() <= 7 && admission.turns.len() <= 3);
        }
    }

    #[test]
    fn neighbours_in_an_ipv6_network_count_as_one() {
        let (a, b) = ("2001:db8::1".parse(), "2001:db8::2:0:0:9".parse());
        assert_eq!(network(a.expect("an address")), network(b.expect("an address")));
        let (v4, mapped) = ("10.0.0.1".parse(), "::ffff:10.0.0.1".parse());
        assert_eq!(network(v4.expect("an address")), network(mapped.expect("an address")));
    }
}
