//! `weights`: how much images are liked. Settings and agents carry their own.

use crate::checked::matrix::Checker;
use crate::element::{items, whole};
use crate::message::{Message, Mistake};
use crate::scalars::Name;
use crate::words::{alternatives, quote};

impl Checker<'_> {
    /// 1 where nothing says otherwise.
    pub(super) fn weight_of(&self, image: &Name) -> u32 {
        let weights = self.written.weights.as_ref().map_or(&[][..], |weights| &weights.value.entries);
        weights.iter().find(|(name, _)| name.value == *image).map_or(1, |(_, weight)| weight.value.0)
    }

    /// Every name is an image of the matrix.
    pub(super) fn check_weights(&mut self) {
        let images = self.written.images.as_ref();
        let known = || items(images).iter().map(|it| it.value.0.as_str());
        for (name, _) in self.written.weights.as_ref().map_or(&[][..], |weights| &weights.value.entries) {
            if whole(images) && !known().any(|it| it == name.value.0) {
                let found = format!("this matrix has no image {}", quote(&name.value.0));
                let expected = format!("expected {}", alternatives(known()));
                let message = Message::error(Mistake::UnknownImage, name.span, found, expected);
                let help = "a value of a setting, and an agent of a choice, has a `weight` of its own";
                self.tell(message.nearest(&name.value.0, known()).help(help), "matrix.md#weights");
            }
        }
    }
}
