//! Work of a wide question shared by all processors.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use parking_lot::Mutex;

use crate::error::TraceError;

/// Does pieces `0..pieces`, `at_once` at a time as a thread becomes free; each thread has a state of its own.
/// The first error ends it.
pub(crate) fn on_all_processors<S>(
    pieces: usize,
    at_once: usize,
    state: impl Fn() -> S + Sync,
    work: impl Fn(usize, &mut S) -> Result<(), TraceError> + Sync,
) -> Result<(), TraceError> {
    let next = AtomicUsize::new(0);
    let take_turns = || -> Result<(), TraceError> {
        let mut state = state();
        loop {
            let start = next.fetch_add(at_once, Ordering::Relaxed);
            if start >= pieces {
                return Ok(());
            }
            for piece in start..pieces.min(start + at_once) {
                if let Err(error) = work(piece, &mut state) {
                    next.store(pieces, Ordering::Relaxed);
                    return Err(error);
                }
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from).min(pieces.div_ceil(at_once));
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(take_turns)).collect();
        let own = take_turns();
        let joined = others.into_iter().map(|other| other.join().expect("the work does not panic"));
        joined.fold(own, Result::and)
    })
}

/// A list of `len` entries, filled on all processors, `at_once` entries at a time; `fill` is told where in
/// the list its entries begin.
pub(crate) fn filled<T: Clone + Default + Send>(
    len: usize,
    at_once: usize,
    fill: impl Fn(usize, &mut [T]) + Sync,
) -> Result<Vec<T>, TraceError> {
    let mut list = vec![T::default(); len];
    let pieces: Vec<Mutex<&mut [T]>> = list.chunks_mut(at_once).map(Mutex::new).collect();
    on_all_processors(
        pieces.len(),
        1,
        || (),
        |piece, ()| {
            fill(piece * at_once, &mut pieces[piece].lock());
            Ok(())
        },
    )?;
    drop(pieces);
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_filled_at_its_place() {
        for (len, at_once) in [(0, 3), (1, 3), (1_000, 7)] {
            let fill = |start: usize, piece: &mut [usize]| {
                piece.iter_mut().zip(start..).for_each(|(entry, place)| *entry = place * 2);
            };
            let list = filled(len, at_once, fill).expect("nothing fails");
            assert!(list.into_iter().eq((0..len).map(|place| place * 2)));
        }
    }

    #[test]
    fn every_piece_is_done_once_and_an_error_ends_it() {
        for (pieces, at_once) in [(0, 1), (1, 5), (1_000, 7)] {
            let done: Vec<AtomicUsize> = (0..pieces).map(|_| AtomicUsize::new(0)).collect();
            let count = |piece: usize, (): &mut ()| {
                done[piece].fetch_add(1, Ordering::Relaxed);
                Ok(())
            };
            on_all_processors(pieces, at_once, || (), count).expect("no piece fails");
            assert!(done.iter().all(|done| done.load(Ordering::Relaxed) == 1));
        }
        let fail = |piece: usize, (): &mut ()| if piece == 3 { Err(TraceError::Stopped) } else { Ok(()) };
        assert!(matches!(on_all_processors(1_000, 2, || (), fail), Err(TraceError::Stopped)));
    }
}
