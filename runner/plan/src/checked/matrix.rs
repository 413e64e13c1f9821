//! A matrix checked: names followed into the catalogue, rows and rules against axes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use coexist_model::{Apply, CandidateKind, MatrixRef, Restart, Seconds, SettingValue, Sha256, USUAL_LAB_FAULT_RETRIES};

use crate::catalogue::{self, Desk};
use crate::checked::candidate::check_candidate;
use crate::checked::package::{Placeholders, check_data, check_probe};
use crate::checked::recipe::twice;
use crate::checked::{Axis, AxisValue, Checked, Deadlines, ListedImage, Product, Range, Scenario};
use crate::element::{At, Named, items};
use crate::message::{Message, Mistake};
use crate::scalars::{Deadline, Name};
use crate::source::{Span, beside, shown};
use crate::words::{listed, quote};
use crate::written;
use crate::written::matrix::Matrix;

/// Checks a matrix and every catalogue file it names. `None` when anything is wrong; messages are on the desk.
pub(crate) fn check_matrix(written: &Matrix, file: &Path, sha256: Sha256, desk: &mut Desk) -> Option<Checked> {
    let before = errors(desk);
    let folders = written.catalogue.as_ref().map(|it| &it.value);
    let folder = |named: Option<&At<crate::scalars::Text>>, usual: &str| {
        beside(file, named.map_or(usual, |text| text.value.0.as_str()))
    };
    let agents = folder(folders.and_then(|it| it.agents.as_ref()), "agents");
    let images = folder(folders.and_then(|it| it.images.as_ref()), "../images");
    let mut checker = Checker {
        recipes: catalogue::recipes(&agents),
        entries: catalogue::images(&images),
        agents,
        images,
        file,
        written,
        products: BTreeMap::new(),
        axes: Vec::new(),
        catalogue: Usable::Whole,
        desk,
    };
    let checked = checker.check(sha256).filter(|_| checker.catalogue == Usable::Whole);
    checked.filter(|_| errors(desk) == before)
}

fn errors(desk: &Desk) -> usize {
    desk.messages.iter().filter(|message| message.severity == crate::message::Severity::Error).count()
}

pub(super) struct Checker<'a> {
    pub(super) recipes: BTreeMap<String, PathBuf>,
    entries: BTreeMap<String, PathBuf>,
    agents: PathBuf,
    images: PathBuf,
    file: &'a Path,
    pub(super) written: &'a Matrix,
    pub(super) products: BTreeMap<String, Option<Rc<Product>>>,
    pub(super) axes: Vec<Axis>,
    catalogue: Usable,
    pub(super) desk: &'a mut Desk,
}

/// Whether every catalogue entry that was asked for could be used; mistakes of an entry may have been told before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Usable {
    Whole,
    Damaged,
}

impl Checker<'_> {
    fn check(&mut self, sha256: Sha256) -> Option<Checked> {
        let written = self.written;
        let deadlines = deadlines(written);
        self.axes = self.check_axes();
        self.check_means();
        let images = self.check_images();
        self.check_weights();
        let agents = self.check_agents();
        let candidate = self.check_candidate(&deadlines);
        self.check_presence(&agents);
        let include = self.check_include(&agents);
        let order = self.check_order();
        let exclude = self.check_exclude();
        let scope = self.scope(&images, &include, &agents);
        let mut constraints = self.check_constraints(&scope);
        constraints.extend(self.check_signing(&images, &include));
        let coverage = self.check_coverage(&scope, &agents);
        let waves = self.check_waves(&scope);
        let scenario = scenario(written);
        let driver_owners = self.driver_owners();
        let name = written.matrix.as_ref()?;
        Some(Checked {
            matrix: MatrixRef {
                name: name.value.0.clone(),
                title: written.title.as_ref().map(|it| it.value.0.clone()),
                path: shown(self.file),
                sha256,
            },
            name_span: name.span,
            images,
            axes: std::mem::take(&mut self.axes),
            agents,
            order,
            constraints,
            coverage,
            waves,
            products: self.products(),
            candidate: candidate?,
            scenario,
            deadlines,
            lab_fault_retries: lab_fault_retries(written),
            include,
            exclude,
            driver_owners,
        })
    }

    /// The products that are known so far and have no mistakes.
    fn products(&self) -> BTreeMap<String, Rc<Product>> {
        self.products.iter().filter_map(|(id, it)| Some((id.clone(), it.clone()?))).collect()
    }

    pub(super) fn tell(&mut self, message: Message, page: &str) {
        self.desk.messages.push(message.page(page));
    }

    // ---- settings

    fn check_axes(&mut self) -> Vec<Axis> {
        let Some(settings) = &self.written.settings else { return Vec::new() };
        let mut axes = Vec::new();
        for (name, axis) in &settings.value.entries {
            let Some(written) = &axis.value.values else { continue };
            if written.value.entries.is_empty() && written.value.whole {
                let found = format!("the setting {} has no value", quote(&name.value.0));
                self.tell(
                    Message::error(Mistake::Empty, written.span, found, "expected at least one"),
                    "matrix.md#settings",
                );
            }
            let values = written.value.entries.iter().filter_map(|(value, how)| {
                let negative = how.value.negative.as_ref().is_some_and(|it| it.value.0);
                Some(AxisValue {
                    setting: self.check_value(&name.value, &value.value, how)?,
                    weight: how.value.weight.as_ref().map_or(1, |it| it.value.0),
                    range: if negative { Range::Negative } else { Range::Usual },
                    span: value.span,
                })
            });
            let values: Vec<AxisValue> = values.collect();
            self.check_range(name, &written.value);
            axes.push(Axis { values, name: name.value.0.clone(), means: axis.value.means.as_ref().map(|it| it.value) });
        }
        axes
    }

    /// A cell without a negative value needs a usual one.
    fn check_range(&mut self, setting: &At<Name>, values: &Named<Name, written::guest::Value>) {
        let negative = |how: &written::guest::Value| how.negative.as_ref().is_some_and(|it| it.value.0);
        if !values.entries.is_empty() && values.whole && values.entries.iter().all(|(_, how)| negative(&how.value)) {
            let found = format!("every value of the setting {} is negative", quote(&setting.value.0));
            let message = Message::error(Mistake::NoUsualValue, setting.span, found, "expected a usual value too");
            let help = "at most one negative value stands in a cell; the other cells need a usual one";
            self.tell(message.help(help), "matrix.md#settings");
        }
    }

    fn check_value(&mut self, setting: &Name, value: &Name, how: &At<written::guest::Value>) -> Option<SettingValue> {
        let messages = &mut self.desk.messages;
        let mut apply = Vec::new();
        for change in items(how.value.apply.as_ref()) {
            apply.extend(match &change.value {
                written::guest::Apply::Command(command) => Some(Apply::Command(command.0.clone())),
                written::guest::Apply::Registry(write) => {
                    let data = check_data(write, messages);
                    match (&write.value.key, &write.value.name, data) {
                        (Some(key), Some(name), Some(data)) => {
                            Some(Apply::Registry { key: key.value.0.clone(), name: name.value.0.clone(), data })
                        }
                        _ => None,
                    }
                }
            });
        }
        let list = how.value.read_back.as_ref()?;
        if list.value.items.is_empty() && list.value.whole {
            let found = "nothing proves that the setting took effect";
            let message = Message::error(Mistake::Empty, list.span, found, "expected at least one probe");
            messages.push(message.page("matrix.md#settings"));
        }
        let read_back =
            list.value.items.iter().filter_map(|it| check_probe(&it.value, Placeholders::None, messages)).collect();
        let restart = how.value.restart.as_ref().is_some_and(|it| it.value.0);
        Some(SettingValue {
            setting: setting.0.clone(),
            value: value.0.clone(),
            apply,
            read_back,
            restart: if restart { Restart::Needed } else { Restart::NotNeeded },
        })
    }

    // ---- images

    fn check_images(&mut self) -> Vec<ListedImage> {
        let list = items(self.written.images.as_ref());
        if let Some(images) = &self.written.images
            && list.is_empty()
            && images.value.whole
        {
            self.tell(
                Message::error(Mistake::Empty, images.span, "this matrix names no image", "expected at least one"),
                "matrix.md#images",
            );
        }
        twice(list, Clone::clone, ("image", "matrix.md#images"), &mut self.desk.messages);
        list.iter().filter_map(|name| self.image(name)).collect()
    }

    /// An image that the matrix names, which must take every setting of the matrix.
    pub(super) fn image(&mut self, name: &At<Name>) -> Option<ListedImage> {
        let Some(entry) = self.entries.get(&name.value.0).cloned() else {
            let found = format!("there is no image {}", quote(&name.value.0));
            let folder = shown(&self.images);
            let message = Message::error(Mistake::UnknownImage, name.span, found, "unknown image")
                .nearest(&name.value.0, self.entries.keys().map(String::as_str))
                .help(format!(
                    "images are looked for as {folder}/<id>/image.yaml; there: {}",
                    listed(self.entries.keys())
                ));
            self.tell(message, "matrix.md#images");
            return None;
        };
        let Some(image) = self.desk.image(&entry) else {
            self.catalogue = Usable::Damaged;
            return None;
        };
        let written = self.written.settings.as_ref();
        for (axis, _) in written.map_or(&[][..], |it| &it.value.entries) {
            if !image.settings.contains(&axis.value.0) {
                let found =
                    format!("the image {} does not take the setting {}", quote(&image.id), quote(&axis.value.0));
                let message =
                    Message::error(Mistake::SettingNotAccepted, name.span, found, "every cell has every setting")
                        .related(axis.span, "this setting")
                        .help(format!("its entry takes {}", listed(&image.settings)));
                self.tell(message, "matrix.md#settings");
            }
        }
        Some(ListedImage { weight: self.weight_of(&name.value), image, span: name.span })
    }

    // ---- agents

    /// The product of an agent; `None` when there is no such recipe, or it has mistakes of its own.
    pub(super) fn product(&mut self, id: &str, span: Span) -> Option<Rc<Product>> {
        let Some(path) = self.recipes.get(id).cloned() else {
            let folder = shown(&self.agents);
            let message = Message::error(
                Mistake::UnknownAgent,
                span,
                format!("there is no agent {}", quote(id)),
                "unknown agent",
            )
            .nearest(id, self.recipes.keys().map(String::as_str))
            .help(format!("recipes are looked for as {folder}/<id>.yaml; there: {}", listed(self.recipes.keys())));
            self.tell(message, "matrix.md#agents");
            return None;
        };
        let product = self.desk.product(&path);
        if product.is_none() {
            self.catalogue = Usable::Damaged;
        }
        self.products.insert(id.to_owned(), product.clone());
        product
    }

    // ---- candidate

    pub(super) fn kind(&self) -> Option<CandidateKind> {
        self.written.candidate.as_ref()?.value.kind.as_ref().map(|kind| kind.value)
    }

    fn check_candidate(&mut self, deadlines: &Deadlines) -> Option<crate::checked::Candidate> {
        let candidate = self.written.candidate.as_ref()?;
        let windows = self.kind() == Some(CandidateKind::WindowsUpdate);
        let agent = candidate.value.agent.as_ref().filter(|_| !windows);
        let product = agent.and_then(|agent| self.product(&agent.value.0, agent.span));
        check_candidate(candidate, product.as_ref(), self.file, deadlines, &mut self.desk.messages)
    }

    // ---- drivers

    /// Whom to name when a driver is blamed: from every recipe of the catalogue, used here or not.
    fn driver_owners(&mut self) -> BTreeMap<String, String> {
        let mut owners: BTreeMap<String, (String, Option<Span>)> = BTreeMap::new();
        let named: Vec<Rc<Product>> = self.products.values().flatten().cloned().collect();
        for product in named {
            for (driver, span) in &product.driver_files {
                match owners.get(driver) {
                    Some((vendor, first)) if *vendor != product.vendor => {
                        let found = format!("two vendors claim the driver {}", quote(driver));
                        let mut message = Message::error(Mistake::DriverClaimedTwice, *span, found, "claimed again");
                        if let Some(first) = first {
                            message = message.related(*first, "claimed here first");
                        }
                        self.tell(message, "recipe.md#drivers");
                    }
                    _ => {
                        owners.insert(driver.clone(), (product.vendor.clone(), Some(*span)));
                    }
                }
            }
        }
        for (id, path) in &self.recipes {
            if self.products.contains_key(id) {
                continue;
            }
            if let Some(product) = catalogue::quiet_product(path) {
                for (driver, _) in product.driver_files {
                    owners.entry(driver).or_insert((product.vendor.clone(), None));
                }
            }
        }
        owners.into_iter().map(|(driver, (vendor, _))| (driver, vendor)).collect()
    }
}

fn deadlines(written: &Matrix) -> Deadlines {
    let given = written.policy.as_ref().and_then(|policy| policy.value.deadlines.as_ref()).map(|it| &it.value);
    let or = |deadline: Option<&At<Deadline>>, minutes: u64| {
        deadline.map_or(Seconds::from_secs(minutes * 60), |it| it.value.0)
    };
    Deadlines {
        boot: given.and_then(|it| it.boot.as_ref()).map(|it| it.value.0),
        install: or(given.and_then(|it| it.install.as_ref()), 10),
        reboot: or(given.and_then(|it| it.reboot.as_ref()), 10),
        exercise: or(given.and_then(|it| it.exercise.as_ref()), 10),
        probe: or(given.and_then(|it| it.probe.as_ref()), 2),
        collect: or(given.and_then(|it| it.collect.as_ref()), 5),
    }
}

fn lab_fault_retries(written: &Matrix) -> u32 {
    let given = written.policy.as_ref().and_then(|policy| policy.value.lab_fault_retries.as_ref());
    given.map_or(USUAL_LAB_FAULT_RETRIES, |it| it.value.0)
}

fn scenario(written: &Matrix) -> Scenario {
    let given = written.scenario.as_ref();
    let fallback = written.candidate.as_ref().map(|it| it.span).or(written.matrix.as_ref().map(|it| it.span));
    let span = given.map(|it| it.span).or(fallback).unwrap_or(Span { source: 0, start: 0, end: 0 });
    let keys = given.map(|it| &it.value);
    let dwell = keys.and_then(|it| it.dwell.as_ref());
    let reboots = keys.and_then(|it| it.reboots.as_ref());
    let settle = keys.and_then(|it| it.settle.as_ref());
    let exercise = items(keys.and_then(|it| it.exercise.as_ref()));
    let soak = keys.and_then(|it| it.soak.as_ref());
    Scenario {
        dwell: dwell.map_or(Seconds::from_secs(30), |it| it.value.0),
        reboots: reboots.map_or(1, |it| it.value.0),
        settle: settle.map_or(Seconds::from_secs(30), |it| it.value.0),
        exercise: exercise.iter().map(|it| (it.value.0.clone(), it.span)).collect(),
        soak: soak.map(|it| (it.value.0, it.span)),
        dwell_span: dwell.map_or(span, |it| it.span),
        reboots_span: reboots.map_or(span, |it| it.span),
        span,
    }
}
