//! The catalogue on disk: recipes by file name, images by folder name, each file read and checked once.

mod relations;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

pub(crate) use relations::conflict;

use crate::checked::{Image, Product, check_image, check_recipe};
use crate::element::{Element, Reader};
use crate::message::{Message, Mistake, WRITING};
use crate::node::{self, Node};
use crate::source::{ReadError, Sources, Span, absolute, beside, read_text, shown};
use crate::written;

/// Everything that was opened during one check.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    pub(crate) sources: Sources,
    pub(crate) messages: Vec<Message>,
    products: BTreeMap<PathBuf, Option<Rc<Product>>>,
    images: BTreeMap<PathBuf, Option<Rc<Image>>>,
    standings: BTreeMap<PathBuf, Rc<relations::Standing>>,
}

impl Desk {
    /// Reads and parses a file; `None` after a message.
    pub(crate) fn open(&mut self, path: &Path) -> Option<(usize, Node)> {
        let name = shown(path);
        let text = match read_text(path) {
            Ok(text) => text,
            Err(ReadError::NotText(text, at)) => {
                let end = text[at..].chars().next().map_or(at, |bad| at + bad.len_utf8());
                let span = Span { source: self.sources.add(name, text), start: at, end };
                let found = "this file is not UTF-8 text";
                let message = Message::error(Mistake::NotUtf8, span, found, "a byte that no character has");
                self.messages.push(message.help("save the file as UTF-8").page(WRITING));
                return None;
            }
            Err(error) => {
                let mistake = match error {
                    ReadError::TooLarge => Mistake::TooLarge,
                    ReadError::Utf16 => Mistake::NotUtf8,
                    ReadError::NotText(..) | ReadError::NotAFile(_) | ReadError::Io(_) => Mistake::Unreadable,
                };
                let message = Message::unreadable(mistake, name, format!("this file cannot be read: {error}"));
                self.messages.push(with_neighbour(message, path));
                return None;
            }
        };
        let source = self.sources.add(name, text.clone());
        let before = self.messages.len();
        let node = node::parse(source, &text, &mut self.messages);
        for message in &mut self.messages[before..] {
            message.page.get_or_insert_with(|| WRITING.to_owned());
        }
        node.map(|node| (source, node))
    }

    /// The product of a recipe file, with everything it requires; `None` when any of these recipes has mistakes, which
    /// are told once.
    pub(crate) fn product(&mut self, path: &Path) -> Option<Rc<Product>> {
        let product = self.recipe_at(path)?;
        self.is_sound(path, &product).then_some(product)
    }

    /// The product of a recipe file, whatever the recipes of others say.
    fn recipe_at(&mut self, path: &Path) -> Option<Rc<Product>> {
        if let Some(known) = self.products.get(&absolute(path)) {
            return known.clone();
        }
        let product = self.open(path).and_then(|(_, node)| self.recipe(path, &node));
        self.products.insert(absolute(path), product.clone());
        product
    }

    /// The image of a catalogue entry; `None` when the entry has mistakes, which are told once.
    pub(crate) fn image(&mut self, path: &Path) -> Option<Rc<Image>> {
        if let Some(known) = self.images.get(&absolute(path)) {
            return known.clone();
        }
        let image = self.open(path).and_then(|(_, node)| self.entry(path, &node));
        self.images.insert(absolute(path), image.clone());
        image
    }

    /// Checks a recipe that was opened before.
    pub(crate) fn recipe(&mut self, path: &Path, node: &Node) -> Option<Rc<Product>> {
        self.whole(|messages| {
            let written = written::recipe::Recipe::read(node, &mut Reader::new(messages))?;
            check_recipe(&written, path, messages)
        })
    }

    /// Checks an image that was opened before.
    pub(crate) fn entry(&mut self, path: &Path, node: &Node) -> Option<Rc<Image>> {
        self.whole(|messages| {
            let written = written::image::Image::read(node, &mut Reader::new(messages))?;
            check_image(&written, path, messages)
        })
    }

    /// Remembers what came of a file that was named by the user, so that a matrix does not tell it again.
    pub(crate) fn remember_product(&mut self, path: &Path, product: Option<Rc<Product>>) {
        self.products.insert(absolute(path), product);
    }

    /// As [`Self::remember_product`].
    pub(crate) fn remember_image(&mut self, path: &Path, image: Option<Rc<Image>>) {
        self.images.insert(absolute(path), image);
    }

    /// Only what has no mistakes is used further: one mistake must not lead to others elsewhere.
    fn whole<T>(&mut self, check: impl FnOnce(&mut Vec<Message>) -> Option<T>) -> Option<Rc<T>> {
        let before = self.messages.len();
        let value = check(&mut self.messages);
        value.filter(|_| self.messages.len() == before).map(Rc::new)
    }
}

/// Names the file beside a path that is not there whose name is nearest.
fn with_neighbour(message: Message, path: &Path) -> Message {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
    if path.symlink_metadata().is_ok() {
        return message;
    }
    let neighbours = list(&beside(path, "."));
    message.nearest(name, neighbours.iter().filter_map(|path| path.file_name()?.to_str()))
}

/// Recipes of a folder: name to file, by name.
pub(crate) fn recipes(folder: &Path) -> BTreeMap<String, PathBuf> {
    list(folder)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .filter_map(|path| Some((path.file_stem()?.to_str()?.to_owned(), path)))
        .collect()
}

/// Images of a folder: name to entry, by name.
pub(crate) fn images(folder: &Path) -> BTreeMap<String, PathBuf> {
    list(folder)
        .into_iter()
        .filter_map(|path| Some((path.file_name()?.to_str()?.to_owned(), path.join("image.yaml"))))
        .filter(|(_, entry)| entry.is_file())
        .collect()
}

/// A recipe nobody asked about: who owns which driver. Its mistakes are told where it is named or checked itself.
pub(crate) fn quiet_product(path: &Path) -> Option<Product> {
    let mut messages = Vec::new();
    let text = read_text(path).ok()?;
    let node = node::parse(usize::MAX, &text, &mut messages)?;
    let written = written::recipe::Recipe::read(&node, &mut Reader::new(&mut messages))?;
    let product = check_recipe(&written, path, &mut messages)?;
    messages.is_empty().then_some(product)
}

/// What is in a folder, by name; a folder that cannot be read holds nothing.
pub(crate) fn list(folder: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> =
        std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path()).collect();
    all.sort();
    all
}
