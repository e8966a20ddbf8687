//! Subjects put in order of their codes without holding their codes.

use super::answer::Code;
use super::explained::Way;
use super::view::View;

/// Puts items in order of their subjects' codes, byte by byte. Codes are compared by their first eight
/// bytes, and read whole only where these are the same.
pub(crate) fn sort_by_code<T: Copy>(view: &View<'_>, items: &mut Vec<T>, id: impl Fn(&T) -> u32) {
    view.asking.enter(Way::Telling);
    let mut order: Vec<(u64, T)> = Vec::with_capacity(items.len());
    for chunk in items.chunks(CODES_AT_ONCE) {
        let ids: Vec<u32> = chunk.iter().map(&id).collect();
        let mut items = chunk.iter();
        let subjects = view.shared.catalog.subjects.read();
        subjects.read_codes(&ids, |code| {
            order.extend(items.next().map(|item| (prefix(code.as_bytes()), *item)));
        });
    }
    order.sort_unstable_by_key(|(prefix, _)| *prefix);
    for alike in order.chunk_by_mut(|a, b| a.0 == b.0).filter(|alike| alike.len() > 1) {
        let ids: Vec<u32> = alike.iter().map(|(_, item)| id(item)).collect();
        let mut coded: Vec<(Code, T)> =
            view.subject_codes(&ids).into_iter().zip(alike.iter().map(|(_, item)| *item)).collect();
        coded.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        alike.iter_mut().zip(coded).for_each(|(place, (_, item))| place.1 = item);
    }
    items.clear();
    items.extend(order.into_iter().map(|(_, item)| item));
}

/// The first eight bytes as a number; a shorter code is followed by zeros, and is before any longer one
/// that begins alike, as those with zeros are told apart by the whole code.
pub(crate) fn prefix(code: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    let len = code.len().min(8);
    bytes[..len].copy_from_slice(&code[..len]);
    u64::from_be_bytes(bytes)
}

/// Codes read under one lock, so that arriving scans are not held up.
pub(crate) const CODES_AT_ONCE: usize = 4_096;
