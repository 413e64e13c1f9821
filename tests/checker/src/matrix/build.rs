//! From a matrix to a model: parameters, and a rule for each thing that every row keeps.

use std::collections::BTreeMap;
use std::path::Path;

use super::ABSENT;
use super::sentence;
use super::written::{Cells, Image, Matrix, MatrixError, Offer, Order, Recipe, read, wrong};
use crate::model::{Formula, Model, Parameter, Rule, SubModel, Value};

/// A matrix as a model.
pub(crate) struct Built {
    /// Parameters: the image, the settings and the agents, these by name.
    pub(crate) model: Model,
    pub(crate) strength: usize,
    /// Numbers of the parameters that are agents.
    pub(crate) agents: std::ops::Range<usize>,
    /// By name, what bears on rows.
    pub(crate) recipes: BTreeMap<String, Recipe>,
    pub(crate) images: Vec<Image>,
    /// Agents of an ordered combination; nothing where the order is fixed.
    pub(crate) ordered: Option<usize>,
    /// Agents, by parameter, of which the first is installed before the second.
    pub(crate) before: Vec<(usize, usize)>,
    /// Rows that have to be there.
    pub(crate) include: Vec<Vec<usize>>,
}

/// Reads a matrix and what it names.
pub(crate) fn build(path: &Path) -> Result<Built, MatrixError> {
    let matrix: Matrix = read(path)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let place = |own: Option<&String>, usual: &str| folder.join(own.map_or(usual, String::as_str));
    let catalogue = matrix.catalogue.as_ref();
    let recipes_at = place(catalogue.and_then(|it| it.agents.as_ref()), "agents");
    let images_at = place(catalogue.and_then(|it| it.images.as_ref()), "../images");
    let recipe = |agent: &String| Ok((agent.clone(), read(&recipes_at.join(format!("{agent}.yaml")))?));
    let recipes = matrix.agents.from.keys().map(recipe).collect::<Result<_, MatrixError>>()?;
    let image = |image: &String| read(&images_at.join(image).join("image.yaml"));
    let images = matrix.images.iter().map(image).collect::<Result<_, MatrixError>>()?;
    let ordered = match &matrix.order {
        Some(Order::Every(word)) if word == "pairs" => Some(2),
        Some(Order::Every(word)) if word == "triples" => Some(3),
        Some(Order::Every(word)) => return Err(wrong(format!("order: {word:?} is not known"))),
        Some(Order::Fixed(_)) | None => None,
    };
    let first = 1 + matrix.settings.len();
    let mut built = Built {
        model: Model { parameters: parameters(&matrix)?, ..Model::default() },
        strength: matrix.coverage.strength,
        agents: first..first + matrix.agents.from.len(),
        recipes,
        images,
        ordered,
        before: Vec::new(),
        include: Vec::new(),
    };
    built.model.sub_models = built.also(&matrix.coverage.also)?;
    let mut formulas = built.choice(&matrix)?;
    formulas.extend(built.signing(&matrix)?);
    for text in &matrix.constraints {
        formulas.push(sentence::read(&built, text).map_err(|why| wrong(format!("{text:?}: {why}")))?);
    }
    for cells in &matrix.exclude {
        formulas.push(Formula::Not(Box::new(Formula::And(built.cells(cells)?))));
    }
    built.model.rules = formulas.into_iter().enumerate().map(|(at, formula)| Rule { line: at + 1, formula }).collect();
    built.before = built.before(&matrix)?;
    built.include = matrix.include.iter().map(|cells| built.row(cells)).collect::<Result<_, _>>()?;
    Ok(built)
}

fn parameters(matrix: &Matrix) -> Result<Vec<Parameter>, MatrixError> {
    let value = |name: &str, negative| Value { names: vec![name.to_owned()], negative };
    let images = matrix.images.iter().map(|image| value(image, false)).collect();
    let mut parameters = vec![Parameter { name: "image".to_owned(), values: images }];
    for (name, setting) in &matrix.settings {
        let values = setting.values.iter().map(|(name, it)| value(name, it.negative)).collect();
        parameters.push(Parameter { name: name.clone(), values });
    }
    for (name, offer) in &matrix.agents.from {
        let versions = versions(offer.as_ref());
        let values = std::iter::once(ABSENT).chain(versions).map(|version| value(version, false)).collect();
        parameters.push(Parameter { name: name.clone(), values });
    }
    for (at, parameter) in parameters.iter().enumerate() {
        if parameters[..at].iter().any(|other| crate::reader::same(&other.name, &parameter.name)) {
            return Err(wrong(format!("{:?} names two things, which is not read here", parameter.name)));
        }
    }
    Ok(parameters)
}

/// How the versions of an offer stand in rows: without a word where it is the recipe's current one.
fn versions(offer: Option<&Offer>) -> impl Iterator<Item = &str> {
    let named = offer.map_or(&[][..], |offer| &offer.versions);
    named.iter().map(String::as_str).chain(named.is_empty().then_some(""))
}

impl Built {
    pub(crate) fn parameter(&self, name: &str) -> Option<usize> {
        self.model.parameters.iter().position(|parameter| parameter.name == name)
    }

    pub(crate) fn agent(&self, name: &str) -> Result<usize, MatrixError> {
        let found = self.parameter(name).filter(|at| self.agents.contains(at));
        found.ok_or_else(|| wrong(format!("{name:?} is no agent of the choice")))
    }

    /// The values of a parameter for which something is so.
    pub(crate) fn marked(&self, parameter: usize, so: impl Fn(&str) -> bool) -> Formula {
        let values = self.model.parameters[parameter].values.iter();
        Formula::OneOf(parameter, values.map(|value| so(&value.names[0])).collect())
    }

    pub(crate) fn has(&self, agent: usize) -> Formula {
        self.marked(agent, |version| version != ABSENT)
    }

    /// The version that stands for itself, or is the current one.
    pub(crate) fn version<'a>(&'a self, agent: usize, value: &'a str) -> &'a str {
        if value.is_empty() { &self.recipes[&self.model.parameters[agent].name].current } else { value }
    }

    /// Sets of parameters with a strength of their own; `agent` stands for any of them.
    fn also(&self, lists: &[Vec<String>]) -> Result<Vec<SubModel>, MatrixError> {
        let mut sub_models = Vec::new();
        for list in lists {
            let mut sets: Vec<Vec<usize>> = vec![Vec::new()];
            for name in list {
                let choices: Vec<usize> = match self.parameter(name) {
                    Some(one) => vec![one],
                    None if name == "agent" => self.agents.clone().collect(),
                    None => return Err(wrong(format!("coverage: {name:?} is not known"))),
                };
                let longer = |set: Vec<usize>| {
                    let others: Vec<usize> = choices.iter().copied().filter(|it| !set.contains(it)).collect();
                    others.into_iter().map(move |it| [&set[..], &[it]].concat())
                };
                sets = sets.into_iter().flat_map(longer).collect();
            }
            sets.iter_mut().for_each(|set| set.sort_unstable());
            sets.sort();
            sets.dedup();
            sub_models.extend(sets.into_iter().map(|set| SubModel { strength: Some(set.len()), parameters: set }));
        }
        Ok(sub_models)
    }

    /// What the choice of agents and their recipes ask of every row.
    fn choice(&self, matrix: &Matrix) -> Result<Vec<Formula>, MatrixError> {
        let counted = |agents: Vec<usize>, least, most| {
            let of = agents.into_iter().map(|agent| self.has(agent)).collect();
            Formula::Count { of, least, most }
        };
        let all: Vec<usize> = self.agents.clone().collect();
        let (least, most) = (matrix.agents.at_least, matrix.agents.at_most.unwrap_or(all.len()));
        let least = least.unwrap_or(usize::from(matrix.candidate.agent.is_some()));
        let mut formulas = vec![counted(all.clone(), least, most)];
        for names in &matrix.agents.exclusive {
            let agents = names.iter().map(|name| self.agent(name)).collect::<Result<_, _>>()?;
            formulas.push(counted(agents, 0, 1));
        }
        if let Some(product) = &matrix.candidate.agent {
            formulas.push(self.has(self.agent(product)?));
        }
        for (name, offer) in &matrix.agents.from {
            let (agent, recipe) = (self.agent(name)?, &self.recipes[name]);
            let without = || self.marked(agent, |version| version == ABSENT);
            for required in &recipe.requires {
                formulas.push(Formula::Or(vec![without(), self.has(self.agent(required)?)]));
            }
            // A recipe may name products that this matrix does not offer.
            for other in recipe.conflicts.iter().filter_map(|other| self.agent(other).ok()) {
                formulas.push(counted(vec![agent, other], 0, 1));
            }
            for vendor in offer.iter().flat_map(|offer| &offer.with) {
                let of_vendor = |other: &usize| {
                    let recipe = &self.recipes[&self.model.parameters[*other].name];
                    *other != agent && crate::reader::same(&recipe.vendor, vendor)
                };
                let others = all.iter().filter(|other| of_vendor(other)).map(|&other| self.has(other));
                formulas.push(Formula::Or(std::iter::once(without()).chain(others).collect()));
            }
        }
        Ok(formulas)
    }

    /// What the signature of the candidate asks of every row.
    fn signing(&self, matrix: &Matrix) -> Result<Vec<Formula>, MatrixError> {
        let meaning = |means: &str| {
            let setting = matrix.settings.iter().find(|(_, setting)| setting.means.as_deref() == Some(means));
            setting.and_then(|(name, _)| self.parameter(name))
        };
        let is = |means: &str, wanted: &'static str| {
            meaning(means).map(|setting| self.marked(setting, |value| value == wanted))
        };
        match matrix.candidate.signing.as_deref() {
            None | Some("whql") => Ok(Vec::new()),
            Some("test") => Ok(is("secure-boot", "off").into_iter().chain(is("test-signing", "on")).collect()),
            Some("attested") => {
                let server = |name: &str| {
                    let image = matrix.images.iter().position(|image| image == name).map(|at| &self.images[at]);
                    image.is_some_and(|it| it.windows.edition == "server" && it.machine.firmware == "uefi")
                };
                let other = self.marked(0, |image| !server(image));
                let secure = is("secure-boot", "on");
                Ok(secure.map(|on| Formula::Or(vec![other, Formula::Not(Box::new(on))])).into_iter().collect())
            }
            Some(word) => Err(wrong(format!("signing: {word:?} is not known"))),
        }
    }

    /// Agents of which the first is installed before the second: what recipes need, and what the matrix fixes. A fresh
    /// candidate is last, whatever is fixed.
    fn before(&self, matrix: &Matrix) -> Result<Vec<(usize, usize)>, MatrixError> {
        let mut before = Vec::new();
        for agent in self.agents.clone() {
            for required in &self.recipes[&self.model.parameters[agent].name].requires {
                before.push((self.agent(required)?, agent));
            }
        }
        if let Some(Order::Fixed(names)) = &matrix.order {
            let named = names.iter().map(|name| self.agent(name)).collect::<Result<Vec<_>, _>>()?;
            for (at, &first) in named.iter().enumerate() {
                let later = self.agents.clone().filter(|agent| !named[..=at].contains(agent));
                before.extend(later.map(|agent| (first, agent)));
            }
        }
        if let (Some(product), "fresh") = (&matrix.candidate.agent, &*matrix.candidate.kind) {
            let last = self.agent(product)?;
            before.retain(|&(first, _)| first != last);
            before.extend(self.agents.clone().filter(|&agent| agent != last).map(|agent| (agent, last)));
        }
        Ok(before)
    }

    /// What is true of a row that has all of these.
    fn cells(&self, cells: &Cells) -> Result<Vec<Formula>, MatrixError> {
        let mut formulas = Vec::new();
        formulas.extend(cells.image.iter().map(|image| self.marked(0, |value| value == image)));
        for (name, value) in &cells.settings {
            let setting = self.parameter(name).ok_or_else(|| wrong(format!("{name:?} is no setting")))?;
            formulas.push(self.marked(setting, |it| it == value));
        }
        for agent in &cells.agents {
            formulas.push(match agent.split_once('@') {
                None => self.has(self.agent(agent)?),
                Some((name, version)) => {
                    let agent = self.agent(name)?;
                    self.marked(agent, |it| it != ABSENT && self.version(agent, it) == version)
                }
            });
        }
        Ok(formulas)
    }

    /// A row of `include`: what it does not name is not installed.
    fn row(&self, cells: &Cells) -> Result<Vec<usize>, MatrixError> {
        let mut row: Vec<Option<usize>> = vec![None; self.model.parameters.len()];
        for formula in self.cells(cells)? {
            if let Formula::OneOf(parameter, marked) = formula {
                row[parameter] = marked.iter().position(|marked| *marked);
            }
        }
        let value = |(at, value): (usize, Option<usize>)| value.or(self.agents.contains(&at).then_some(0));
        let row = row.into_iter().enumerate().map(value).collect::<Option<_>>();
        row.ok_or_else(|| wrong("a row of include has no value for some setting, or one that is not known"))
    }
}
