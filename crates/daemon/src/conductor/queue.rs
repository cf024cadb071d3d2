//! What is known of the queue: read from the rows when it may have changed, and now and then.

use lectern_capture::clock::monotonic_ns;
use lectern_domain::delivery::DeliveryState;
use tracing::warn;

use super::Conductor;
use crate::courier::CourierEvent;

impl Conductor {
    pub(super) async fn on_courier(&mut self, event: CourierEvent) {
        match event {
            CourierEvent::Progress(view) => {
                // A delivery that ended may have been the last of its lecture.
                self.purges.look_again_if(view.is_none());
                self.queue.active = view;
            }
            CourierEvent::Changed => self.refresh_queue().await,
        }
    }

    pub(super) async fn refresh_queue(&mut self) {
        self.queue_read_ns = monotonic_ns();
        let active = self.queue.active.take();
        match self.parts.db.queue_summary().await {
            Ok(queue) => self.queue = queue,
            Err(error) => warn!(error = %error, "queue could not be read"),
        }
        self.read_parked().await;
        // The rows know confirmed files only; what is under way was told by the courier.
        if let (Some(now), Some(told)) = (&mut self.queue.active, active)
            && now.id == told.id
        {
            now.sent_bytes = now.sent_bytes.max(told.sent_bytes);
        }
        self.queue.finishing =
            u32::try_from(self.to_finish.len() + usize::from(self.finishing.is_some())).unwrap_or(u32::MAX);
    }

    /// Reads what is said of the oldest delivery that needs a person.
    async fn read_parked(&mut self) {
        if self.queue.parked == 0 {
            self.parked = None;
            return;
        }
        match self.parts.db.queue().await {
            Ok(queue) => {
                let mut parked = queue.deliveries.into_iter();
                self.parked = parked
                    .find(|delivery| delivery.state == DeliveryState::Parked)
                    .and_then(|delivery| delivery.message);
            }
            Err(error) => warn!(error = %error, "queue could not be read"),
        }
    }
}
