//! The agents of cells: sets that the matrix lists, or a choice. What a set must be, wherever it stands.

use coexist_model::CandidateKind;

use crate::checked::matrix::Checker;
use crate::checked::recipe::{twice, unknown_version};
use crate::checked::{AgentSet, Agents, Member, Pinned};
use crate::element::{At, List};
use crate::message::{Message, Mistake};
use crate::scalars::{AgentRef, Name};
use crate::words::quote;

const PAGE: &str = "matrix.md#agents";

impl<'a> Checker<'a> {
    pub(super) fn check_agents(&mut self) -> Agents {
        match (self.written.choice(), &self.written.agents) {
            (Some(choice), Some(agents)) => Agents::Choice(self.check_choice(choice, agents.span)),
            _ => Agents::Sets(self.check_sets()),
        }
    }

    /// Every cell must hold the candidate's product, at another version than the candidate's, and only what can be
    /// installed together.
    pub(super) fn check_presence(&mut self, agents: &Agents) {
        match agents {
            Agents::Sets(sets) => {
                for (set, written) in sets.iter().zip(self.written.sets()) {
                    self.present(set, &written.value);
                    self.together(set, &written.value);
                }
            }
            Agents::Choice(pool) => self.check_pool(pool),
        }
    }

    /// The product that the candidate updates, which every cell must hold; an update of Windows has none.
    pub(super) fn updated(&self) -> Option<&'a At<Name>> {
        let written = self.written;
        let kind = self.kind()?;
        written.candidate.as_ref()?.value.agent.as_ref().filter(|_| kind != CandidateKind::WindowsUpdate)
    }

    /// "no set of this matrix has the agent `x`".
    pub(super) fn nobody(&self, agent: &str) -> String {
        match self.written.choice() {
            Some(_) => format!("this matrix does not offer the agent {}", quote(agent)),
            None => format!("no set of this matrix has the agent {}", quote(agent)),
        }
    }

    /// Whether the candidate is another version of its product.
    pub(super) fn replaces(&self) -> bool {
        matches!(self.kind(), Some(CandidateKind::Upgrade | CandidateKind::Fresh))
    }

    fn check_sets(&mut self) -> Vec<AgentSet> {
        let list = self.written.sets();
        if let Some(agents) = &self.written.agents
            && list.is_empty()
            && agents.value.is_whole()
        {
            let found = "this matrix has no set of agents";
            self.tell(Message::error(Mistake::Empty, agents.span, found, "expected at least one"), PAGE);
        }
        let sets: Vec<AgentSet> = list.iter().map(|set| self.set(set)).collect();
        // A set that lost a member to another mistake is like no other.
        let told =
            |at: usize| list.get(at).is_some_and(|it| it.value.whole && it.value.items.len() == sets[at].members.len());
        for later in (0..sets.len()).filter(|at| told(*at)) {
            let first = (0..later).find(|at| told(*at) && names(&sets[*at]) == names(&sets[later]));
            if let Some(first) = first {
                let found = "this set is in the list twice";
                let mut message = Message::error(Mistake::Duplicate, sets[later].span, found, "again")
                    .related(sets[first].span, "first here");
                let written = |at: usize| list[at].value.items.iter().map(|it| &it.value);
                if !written(first).eq(written(later)) {
                    message = message.help("`order` puts both into the same order");
                }
                self.tell(message, PAGE);
            }
        }
        sets
    }

    /// One ordered set; agents that cannot be used are left out after a message.
    pub(super) fn set(&mut self, written: &At<List<AgentRef>>) -> AgentSet {
        let list = &written.value.items;
        twice(list, |agent| agent.0.0.clone(), ("agent", PAGE), &mut self.desk.messages);
        let windows = self.kind() == Some(CandidateKind::WindowsUpdate);
        if list.is_empty() && written.value.whole && !windows && self.kind().is_some() {
            let message =
                Message::error(Mistake::Empty, written.span, "this set names no agent", "expected at least one")
                    .help("only an update of Windows is tried without any agent");
            self.tell(message, PAGE);
        }
        let mut members: Vec<Member> = list.iter().filter_map(|agent| self.member(agent)).collect();
        self.put_in_order(&mut members);
        AgentSet { members, span: written.span }
    }

    fn member(&mut self, agent: &At<AgentRef>) -> Option<Member> {
        let (id, pinned) = &agent.value.0;
        let product = self.product(id, agent.span)?;
        let version = pinned.as_ref().unwrap_or(&product.current);
        if !product.releases.iter().any(|release| release.version == *version) {
            let known: Vec<&str> = product.releases.iter().map(|it| it.version.as_str()).collect();
            self.tell(unknown_version(version, agent.span, id, &known), PAGE);
            return None;
        }
        Some(Member {
            agent: id.clone(),
            version: version.clone(),
            pinned: if pinned.is_some() { Pinned::Yes } else { Pinned::No },
            span: agent.span,
        })
    }

    pub(super) fn present(&mut self, set: &AgentSet, written: &List<AgentRef>) {
        let Some(candidate) = &self.written.candidate else { return };
        let Some(agent) = self.updated() else { return };
        if written.whole && !written.items.is_empty() && !written.items.iter().any(|it| it.value.0.0 == agent.value.0) {
            let found = format!("the candidate is nobody's product in this set: it has no {}", quote(&agent.value.0));
            let message =
                Message::error(Mistake::CandidateAbsent, set.span, found, "a set without the candidate's product")
                    .related(agent.span, "the candidate updates this product")
                    .help("add the agent, or take the set out: both arms would be the same");
            self.tell(message, "matrix.md#candidate");
        }
        let held = set.members.iter().find(|member| member.agent == agent.value.0);
        if let (true, Some(held), Some(version)) = (self.replaces(), held, &candidate.value.version)
            && held.version == version.value.0
        {
            let found = format!("the baseline of this set holds {} {} already", held.agent, held.version);
            let message = Message::error(Mistake::CandidateNotNew, held.span, found, "both arms would be the same")
                .related(version.span, "the candidate's version")
                .help(format!(
                    "say another version here, such as `{}@…`, or change `current` in the recipe",
                    held.agent
                ));
            self.tell(message, "matrix.md#candidate");
        }
    }
}

fn names(set: &AgentSet) -> Vec<(&str, &str)> {
    set.members.iter().map(|member| (member.agent.as_str(), member.version.as_str())).collect()
}
