//! The live sessions, one a device: a newer one takes over from the one before it.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use truyvet_schemas::DeviceId;

use super::inbox::{Event, Inbox};
use super::sink::ScanSink;

/// The live sessions of a gateway.
pub struct Sessions {
    sink: Arc<dyn ScanSink>,
    live: Mutex<Live>,
}

#[derive(Default)]
struct Live {
    inboxes: HashMap<DeviceId, Arc<Inbox>>,
    draining: bool,
}

impl Sessions {
    pub(crate) fn new(sink: Arc<dyn ScanSink>) -> Self {
        Self { sink, live: Mutex::default() }
    }

    /// Number of live sessions.
    pub fn len(&self) -> usize {
        self.live.lock().inboxes.len()
    }

    /// Whether no device is connected.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The connected devices, in no order.
    pub fn devices(&self) -> Vec<DeviceId> {
        self.live.lock().inboxes.keys().copied().collect()
    }

    /// Whether the device is connected.
    pub fn is_live(&self, device: DeviceId) -> bool {
        self.live.lock().inboxes.contains_key(&device)
    }

    /// To be called after a device was moved or revoked: its live session is told, or ended.
    pub fn device_changed(&self, device: DeviceId) {
        let Some(inbox) = self.live.lock().inboxes.get(&device).cloned() else {
            return;
        };
        inbox.push(match self.sink.device(device) {
            Some(record) if record.revoked_at.is_none() => Event::SiteChanged(record.site),
            _ => Event::Revoked,
        });
    }

    /// Makes this the device's live session, until the guard is dropped.
    pub(crate) fn enter(self: &Arc<Self>, device: DeviceId, inbox: &Arc<Inbox>) -> Entered {
        let mut live = self.live.lock();
        if let Some(older) = live.inboxes.insert(device, inbox.clone()) {
            older.push(Event::Superseded);
        }
        if live.draining {
            inbox.push(Event::Drain);
        }
        Entered { sessions: self.clone(), device, inbox: inbox.clone() }
    }

    /// Tells every session, and every later one, that the gateway stops.
    pub(crate) fn drain(&self) {
        let mut live = self.live.lock();
        live.draining = true;
        for inbox in live.inboxes.values() {
            inbox.push(Event::Drain);
        }
    }
}

/// Keeps a session in the registry.
pub(crate) struct Entered {
    sessions: Arc<Sessions>,
    device: DeviceId,
    inbox: Arc<Inbox>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut live = self.sessions.live.lock();
        if live.inboxes.get(&self.device).is_some_and(|inbox| Arc::ptr_eq(inbox, &self.inbox)) {
            live.inboxes.remove(&self.device);
        }
    }
}
