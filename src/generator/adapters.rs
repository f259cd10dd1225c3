//! The LoRA adapters that a generator's texts can choose from.

use super::Generator;
use crate::Result;
use crate::error::invalid_option;
use crate::model::Adapter;
use std::sync::Arc;

impl Generator {
    /// Makes `adapter` one that texts can choose by this name, in [`Options::adapters`](super::Options::adapters), in the
    /// place of one that had the name before. The text in progress keeps those that it was started with.
    ///
    /// ```no_run
    /// # fn main() -> nexttoken::Result<()> {
    /// use nexttoken::generator::{Context, Generator, Options};
    /// use nexttoken::model::{Adapter, Model};
    /// # use std::sync::Arc;
    ///
    /// let model = Arc::new(Model::open("model.gguf")?);
    /// let adapter = Arc::new(Adapter::open(&model, "pirate.gguf")?);
    /// let mut generator = Generator::new(model, Context::default())?;
    /// generator.add_adapter("pirate", adapter)?;
    /// let adapters = vec![("pirate".to_owned(), 0.8)];
    /// generator.start("Good morning", Options { adapters, ..Options::default() })?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidOption`](crate::Error::InvalidOption) for an adapter of another model.
    pub fn add_adapter(&mut self, name: &str, adapter: Arc<Adapter>) -> Result<()> {
        adapter.check(&self.model)?;
        self.remove_adapter(name);
        self.adapters.push((name.to_owned(), adapter));
        Ok(())
    }

    /// Forgets the adapter of this name; false where there is none. The text in progress keeps it.
    pub fn remove_adapter(&mut self, name: &str) -> bool {
        let before = self.adapters.len();
        self.adapters.retain(|(known, _)| known != name);
        self.adapters.len() < before
    }

    /// The names of the adapters that texts can choose from, in the order in which they were added.
    pub fn adapters(&self) -> impl Iterator<Item = &str> {
        self.adapters.iter().map(|(name, _)| &**name)
    }

    /// The adapters that a text has chosen, with their scales.
    pub(super) fn chosen_adapters(
        &self,
        chosen: &[(String, f32)],
    ) -> Result<Vec<(Arc<Adapter>, f32)>> {
        let find = |(name, scale): &(String, f32)| {
            let found = self.adapters.iter().find(|(known, _)| known == name);
            let (_, adapter) = found.ok_or_else(|| {
                let allowed = format!("of adapters that were added; {name:?} was not");
                invalid_option("adapters", &allowed)
            })?;
            Ok((Arc::clone(adapter), *scale))
        };
        chosen.iter().map(find).collect()
    }
}
