use std::collections::HashMap;

type Section = HashMap<String, String>;

/// Settings in layers, the most important one first.
#[derive(Default)]
pub struct Layers {
    layers: Vec<HashMap<String, Section>>,
}

impl Layers {
    /// Adds a layer below all others.
    pub fn add(&mut self, layer: HashMap<String, Section>) {
        self.layers.push(layer);
    }

    /// A value of the first layer that has one of this name in the section.
    pub fn get(&self, section: &str, name: &str) -> Option<&str> {
        for layer in &self.layers {
            if let Some(found) = layer.get(section) {
                if let Some(value) = found.get(name) {
                    return Some(value);
                }
            }
        }
        None
    }

    /// The same, or what is said by `fallback`.
    pub fn get_or<'a>(&'a self, section: &str, name: &str, fallback: &'a str) -> &'a str {
        self.get(section, name).unwrap_or(fallback)
    }
}
