use std::collections::BTreeMap;

/// Words with the lines that they stand in.
#[derive(Default)]
pub struct Index {
    lines: BTreeMap<String, Vec<usize>>,
}

impl Index {
    /// Takes in a text; lines count from 1.
    pub fn add(&mut self, text: &str) {
        for (number, line) in text.lines().enumerate() {
            for word in line.split(|c: char| !c.is_alphanumeric()) {
                if word.is_empty() {
                    continue;
                }
                let key = word.to_lowercase();
                self.lines.entry(key.clone()).or_default();
                let lines = self.lines.get_mut(&key).unwrap();
                if lines.last() != Some(&(number + 1)) {
                    lines.push(number + 1);
                }
            }
        }
    }

    /// The lines of a word, each once.
    pub fn lines(&self, word: &str) -> &[usize] {
        self.lines.get(&word.to_lowercase()).map_or(&[], Vec::as_slice)
    }
}
