//! The audit log: who looked at or changed what, in a chain of digests. Pure; `writer` keeps it.
//!
//! ```text
//! entry n: {seq, at, actor, action, object, result, hash}, hash = BLAKE3(hash of entry n-1 | the rest)
//! ```
//!
//! An entry that is changed, taken out or put in breaks the chain from there on. What the chain alone
//! does not show is that its end was cut off, or made anew by somebody who can write the store: whoever
//! keeps the newest hash elsewhere sees that too.
//! Objects are codes and numbers of ours, never names or numbers of documents.

use serde::{Deserialize, Serialize};

/// Something that somebody did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// When, unix milliseconds.
    pub at: i64,
    /// Who: an account, `citizen`, or `local`.
    pub actor: String,
    /// What, such as `person.read`.
    pub action: String,
    /// To what: a code or number of ours.
    pub object: String,
    /// How it ended, such as `ok` or `refused`.
    pub result: String,
}

/// An act in its place in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Its number, from 1 without gaps.
    pub seq: u64,
    /// What was done.
    #[serde(flatten)]
    pub act: Act,
    /// Digest of this entry and, through the one before, of all before; hexadecimal.
    pub hash: String,
}

/// The end of the log: what the next entry builds on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditTip {
    /// Number of the last entry; 0: none yet.
    pub seq: u64,
    /// Its hash; empty where there is none.
    pub hash: String,
}

/// Where the log is not what it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditBreak {
    /// This entry is missing, or others stand in its place.
    Missing(u64),
    /// This entry was changed, or one before it.
    Changed(u64),
    /// This entry cannot be read.
    Unreadable(u64),
}

impl AuditTip {
    /// The end of a log without entries.
    pub(crate) fn none() -> Self {
        Self { seq: 0, hash: String::new() }
    }

    /// Puts an act at the end.
    pub(crate) fn append(&mut self, act: Act) -> AuditEntry {
        let seq = self.seq + 1;
        let hash = digest(&self.hash, seq, &act);
        *self = Self { seq, hash: hash.clone() };
        AuditEntry { seq, act, hash }
    }

    /// Takes the next entry of a log that is read from its beginning.
    pub(crate) fn follow(&mut self, found_seq: u64, bytes: &[u8]) -> Result<(), AuditBreak> {
        let seq = self.seq + 1;
        if found_seq != seq {
            return Err(AuditBreak::Missing(seq));
        }
        let entry: AuditEntry = serde_json::from_slice(bytes).map_err(|_| AuditBreak::Unreadable(seq))?;
        let hash = digest(&self.hash, seq, &entry.act);
        if entry.seq != seq || entry.hash != hash {
            return Err(AuditBreak::Changed(seq));
        }
        *self = Self { seq, hash };
        Ok(())
    }
}

/// Each part goes with its length, so that no two acts have the same bytes.
fn digest(before: &str, seq: u64, act: &Act) -> String {
    let mut hasher = blake3::Hasher::new();
    let (seq, at) = (seq.to_le_bytes(), act.at.to_le_bytes());
    let texts = [before, &act.actor, &act.action, &act.object, &act.result].map(str::as_bytes);
    for part in [seq.as_slice(), &at].into_iter().chain(texts) {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn act(at: i64, object: &str) -> Act {
        let text = |text: &str| text.to_owned();
        Act { at, actor: text("mai"), action: text("person.read"), object: text(object), result: text("ok") }
    }

    fn log(len: i64) -> Vec<(u64, Vec<u8>)> {
        let mut tip = AuditTip::none();
        let entries = (0..len).map(|at| tip.append(act(at, "X")));
        entries.map(|entry| (entry.seq, serde_json::to_vec(&entry).expect("JSON"))).collect()
    }

    fn verified(log: &[(u64, Vec<u8>)]) -> Result<AuditTip, AuditBreak> {
        let mut tip = AuditTip::none();
        log.iter().try_for_each(|(seq, bytes)| tip.follow(*seq, bytes))?;
        Ok(tip)
    }

    #[test]
    fn every_change_but_a_cut_end_breaks_the_chain() {
        let whole = log(5);
        assert_eq!(verified(&whole).map(|tip| tip.seq), Ok(5));
        for at in 0..5 {
            let seq = at as u64 + 1;
            let mut without = whole.clone();
            without.remove(at);
            let expected = if at == 4 { Ok(4) } else { Err(AuditBreak::Missing(seq)) };
            assert_eq!(verified(&without).map(|tip| tip.seq), expected);
            let mut changed = whole.clone();
            changed[at].1 = String::from_utf8(changed[at].1.clone()).expect("JSON").replace('X', "Y").into();
            assert_eq!(verified(&changed), Err(AuditBreak::Changed(seq)));
            let mut damaged = whole.clone();
            damaged[at].1.truncate(9);
            assert_eq!(verified(&damaged), Err(AuditBreak::Unreadable(seq)));
        }
        let mut forged = AuditTip::none();
        let first = forged.append(act(0, "Y"));
        let mut replaced = whole;
        replaced[0].1 = serde_json::to_vec(&first).expect("JSON");
        assert_eq!(verified(&replaced), Err(AuditBreak::Changed(2)), "what follows tells");
    }
}
