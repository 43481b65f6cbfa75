use std::time::{Duration, Instant};

/// Allows `per_second` calls each second on average, and so many at once.
pub struct Limiter {
    per_second: f64,
    tokens: f64,
    updated: Instant,
}

impl Limiter {
    /// `per_second` is at least one.
    pub fn new(per_second: f64, now: Instant) -> Self {
        Self { per_second, tokens: per_second, updated: now }
    }

    /// Whether a call may be made now; if so, it counts.
    pub fn take(&mut self, now: Instant) -> bool {
        self.refill(now.saturating_duration_since(self.updated));
        self.updated = self.updated.max(now);
        if self.tokens < 1.0 {
            return false;
        }
        self.tokens -= 1.0;
        true
    }

    fn refill(&mut self, elapsed: Duration) {
        let seconds = elapsed.as_secs_f64();
        self.tokens = (self.tokens + seconds * self.per_second).min(self.per_second);
    }
}
