//! What sentences can speak of: the images, settings and agents of one matrix.

use coexist_model::Edition;

use crate::checked::matrix::Checker;
use crate::checked::{Agents, IncludeRow, ListedImage};
use crate::element::{items, whole};

#[derive(Debug)]
pub(in crate::checked) struct Scope {
    pub(super) images: Vec<ScopeImage>,
    pub(super) settings: Vec<ScopeSetting>,
    pub(super) agents: Vec<ScopeAgent>,
    pub(super) how: How,
    /// Whether every image, setting and agent of the matrix could be read: what is unknown may be one of the others.
    pub(super) images_whole: bool,
    pub(super) settings_whole: bool,
    pub(super) agents_whole: bool,
}

#[derive(Debug)]
pub(super) struct ScopeImage {
    pub(super) id: String,
    pub(super) build: u32,
    pub(super) edition: Edition,
}

#[derive(Debug)]
pub(super) struct ScopeSetting {
    pub(super) name: String,
    pub(super) values: Vec<String>,
}

#[derive(Debug)]
pub(super) struct ScopeAgent {
    pub(super) id: String,
    pub(super) versions: Vec<String>,
}

/// Which agents can be in one cell.
#[derive(Debug)]
pub(super) enum How {
    /// Those of one of these sets, each agent with its version.
    Sets(Vec<Vec<(String, String)>>),
    /// Any of them, and this one in every cell.
    Choice { always: Option<String> },
}

impl Scope {
    pub(in crate::checked) fn has_setting(&self, name: &str) -> bool {
        self.settings.iter().any(|setting| setting.name == name)
    }

    pub(in crate::checked) fn has_agent(&self, id: &str) -> bool {
        self.agents.iter().any(|agent| agent.id == id)
    }

    /// Whether an unknown name is certainly none of this matrix.
    pub(in crate::checked) fn is_whole(&self) -> bool {
        self.settings_whole && self.agents_whole
    }

    /// Every setting and agent.
    pub(in crate::checked) fn names(&self) -> impl Iterator<Item = &str> {
        let settings = self.settings.iter().map(|it| it.name.as_str());
        settings.chain(self.agents.iter().map(|it| it.id.as_str()))
    }

    fn add_agent(&mut self, id: &str, version: &str) {
        let known = self.agents.iter().position(|agent| agent.id == id);
        let at = known.unwrap_or_else(|| {
            self.agents.push(ScopeAgent { id: id.to_owned(), versions: Vec::new() });
            self.agents.len() - 1
        });
        let versions = &mut self.agents[at].versions;
        if !versions.iter().any(|it| it == version) {
            versions.push(version.to_owned());
        }
    }
}

impl Checker<'_> {
    pub(in crate::checked) fn scope(&self, images: &[ListedImage], include: &[IncludeRow], agents: &Agents) -> Scope {
        let mut scope = Scope {
            images: Vec::new(),
            settings: Vec::new(),
            agents: Vec::new(),
            how: How::Choice { always: None },
            images_whole: self.are_images_whole(images, include),
            settings_whole: self.are_settings_whole(),
            agents_whole: self.are_agents_whole(agents),
        };
        for image in images.iter().chain(include.iter().map(|row| &row.image)).map(|it| &it.image) {
            if !scope.images.iter().any(|it| it.id == image.id) {
                let (build, edition) = (image.windows.build, image.windows.edition);
                scope.images.push(ScopeImage { id: image.id.clone(), build, edition });
            }
        }
        for axis in &self.axes {
            let values = axis.values.iter().map(|it| it.setting.value.clone()).collect();
            scope.settings.push(ScopeSetting { name: axis.name.clone(), values });
        }
        match agents {
            Agents::Sets(sets) => {
                let sets = sets.iter().chain(include.iter().map(|row| &row.set));
                let sets: Vec<Vec<(String, String)>> = sets
                    .map(|set| set.members.iter().map(|it| (it.agent.clone(), it.version.clone())).collect())
                    .collect();
                for (id, version) in sets.iter().flatten() {
                    scope.add_agent(id, version);
                }
                scope.how = How::Sets(sets);
            }
            Agents::Choice(pool) => {
                for offer in &pool.offers {
                    for version in &offer.versions {
                        scope.add_agent(&offer.agent, &version.version);
                    }
                }
                scope.how = How::Choice { always: pool.always.as_ref().map(|it| it.agent.clone()) };
            }
        }
        scope
    }

    fn are_images_whole(&self, images: &[ListedImage], include: &[IncludeRow]) -> bool {
        let (listed, rows) = (self.written.images.as_ref(), self.written.include.as_ref());
        whole(listed) && items(listed).len() == images.len() && whole(rows) && items(rows).len() == include.len()
    }

    pub(in crate::checked) fn are_settings_whole(&self) -> bool {
        let Some(settings) = &self.written.settings else { return true };
        let whole = |axis: &crate::written::matrix::Axis| axis.values.as_ref().is_some_and(|it| it.value.whole);
        let counts = self.axes.iter().map(|axis| axis.values.len());
        let written = settings.value.entries.iter().filter_map(|(_, axis)| axis.value.values.as_ref());
        settings.value.whole
            && settings.value.entries.iter().all(|(_, axis)| whole(&axis.value))
            && written.map(|values| values.value.entries.len()).eq(counts)
    }

    fn are_agents_whole(&self, agents: &Agents) -> bool {
        let rows = self.written.include.as_ref();
        let row_whole = |row: &crate::written::matrix::IncludeRow| row.agents.as_ref().is_some_and(|it| it.value.whole);
        let read = self.written.agents.as_ref().is_some_and(|it| it.value.is_whole());
        let used = match agents {
            Agents::Sets(sets) => {
                let written = self.written.sets().iter().map(|set| set.value.items.len());
                written.eq(sets.iter().map(|set| set.members.len()))
            }
            Agents::Choice(pool) => self.offered() == pool.offers.len(),
        };
        read && used && whole(rows) && items(rows).iter().all(|row| row_whole(&row.value))
    }
}
