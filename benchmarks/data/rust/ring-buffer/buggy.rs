/// Keeps the last `capacity` items; the oldest one makes room for a new one.
pub struct Recent<T> {
    items: Vec<Option<T>>,
    start: usize,
    len: usize,
}

impl<T> Recent<T> {
    /// `capacity` is at least 1.
    pub fn new(capacity: usize) -> Self {
        assert!(capacity > 0, "a buffer holds at least one item");
        let items = (0..capacity).map(|_| None).collect();
        Self { items, start: 0, len: 0 }
    }

    /// Adds an item, and gives back the one that had to go.
    pub fn push(&mut self, item: T) -> Option<T> {
        let capacity = self.items.len();
        if self.len < capacity - 1 {
            let end = (self.start + self.len) % capacity;
            self.items[end] = Some(item);
            self.len += 1;
            return None;
        }
        let oldest = self.items[self.start].replace(item);
        self.start = (self.start + 1) % capacity;
        oldest
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}
