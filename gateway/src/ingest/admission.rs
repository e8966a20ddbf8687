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
//! So memory is `half-open + waiting + established`, each bounded, whatever arrives; and an address
//! that stalls its handshakes keeps at most its share of the slots.

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
    by_address: HashMap<IpAddr, usize>,
    waiting: VecDeque<Waiting<T>>,
}

struct Waiting<T> {
    connection: T,
    from: IpAddr,
    since: Instant,
}

impl<T> Admission<T> {
    /// Nothing is let in yet.
    pub(crate) fn new(limits: AdmissionLimits) -> Self {
        Self { limits, half_open: 0, established: 0, by_address: HashMap::new(), waiting: VecDeque::new() }
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
        if self.waiting.is_empty() && self.has_slot(from) {
            self.take_slot(from);
            return Verdict::Admit(connection);
        }
        if !validated {
            return Verdict::Retry(connection);
        }
        self.forget_stale(now);
        if self.waiting.len() >= self.limits.waiting_max {
            return Verdict::Ignore(connection);
        }
        self.waiting.push_back(Waiting { connection, from, since: now });
        // Those before it may wait for their own address only.
        match self.next(now) {
            Some(connection) => Verdict::Admit(connection),
            None => Verdict::Waits,
        }
    }

    /// A half-open connection's hello was good: it is established, and its slot free. Gives back one
    /// that waited for the slot, and has it now.
    pub(crate) fn prove(&mut self, from: IpAddr, now: Instant) -> Option<T> {
        self.free_slot(from);
        self.established += 1;
        self.next(now)
    }

    /// A connection ended. Gives back one that waited, as [`Admission::prove`] does.
    pub(crate) fn leave(&mut self, from: IpAddr, proved: bool, now: Instant) -> Option<T> {
        if proved {
            self.established -= 1;
        } else {
            self.free_slot(from);
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
        self.waiting.len()
    }

    /// The longest waiting connection for which there is a slot. Walks past those whose address has
    /// its share: at most `waiting_max` steps, and only while one address floods.
    fn next(&mut self, now: Instant) -> Option<T> {
        self.forget_stale(now);
        if self.half_open + self.established >= self.limits.connections_max {
            return None;
        }
        let turn = self.waiting.iter().position(|w| self.has_slot(w.from))?;
        let Waiting { connection, from, .. } = self.waiting.remove(turn)?;
        self.take_slot(from);
        Some(connection)
    }

    fn forget_stale(&mut self, now: Instant) {
        let limit = self.limits.waiting_time_max;
        while self.waiting.front().is_some_and(|w| now.saturating_duration_since(w.since) > limit) {
            self.waiting.pop_front();
        }
    }

    fn has_slot(&self, from: IpAddr) -> bool {
        let of_address = self.by_address.get(&network(from)).copied().unwrap_or(0);
        self.half_open < self.limits.handshakes_max && of_address < self.limits.per_address_max
    }

    fn take_slot(&mut self, from: IpAddr) {
        self.half_open += 1;
        *self.by_address.entry(network(from)).or_insert(0) += 1;
    }

    fn free_slot(&mut self, from: IpAddr) {
        self.half_open -= 1;
        if let Some(count) = self.by_address.get_mut(&network(from)) {
            *count -= 1;
            if *count == 0 {
                self.by_address.remove(&network(from));
            }
        }
    }
}

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
        for connection in 0..4 {
            let from = ip(connection as u8 / 2);
            assert_eq!(admission.arrive(connection, from, true, now), Verdict::Admit(connection));
        }
        for connection in 4..7 {
            assert_eq!(admission.arrive(connection, ip(9), true, now), Verdict::Waits);
        }
        assert_eq!(admission.arrive(7, ip(9), true, now), Verdict::Ignore(7));
        let later = now + Duration::from_secs(11);
        assert_eq!(admission.arrive(8, ip(9), true, later), Verdict::Waits);
        assert_eq!(admission.leave(ip(0), false, later), Some(8));
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
            assert!(admission.by_address.len() <= 4);
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
