//! Cases that are told, each for one promise.

use coexist_cover::{
    CoverError, Demand, Effort, Expression, Model, ModelError, Parameter, Predicate, Request, Rule, Strength, explain,
    measure, most_first, plan,
};

use crate::checker::{combinations, every_row, is_valid};

pub(crate) fn grid(width: usize, values: usize) -> Vec<Parameter> {
    (0..width).map(|p| Parameter::new(format!("p{p}"), (0..values).map(|v| format!("v{v}")))).collect()
}

#[test]
fn contradictory_rules_are_told_without_those_that_have_no_part_in_it() {
    let rules = vec![
        Rule::holds("no part in it", Expression::is(2, 0)),
        Rule::holds("a is 0", Expression::is(0, 0)),
        Rule::holds("a 0 means b 0", Expression::is(0, 0).implies(Expression::is(1, 0))),
        Rule::holds("b is 1", Expression::is(1, 1)),
    ];
    let model = Model::new(grid(3, 2), rules).unwrap();
    let told = plan(&model, &Request::strength(2)).unwrap_err();
    assert_eq!(
        told.to_string(),
        "no row keeps all rules: 3 rules contradict each other: a is 0; a 0 means b 0; b is 1"
    );
}

#[test]
fn a_combination_is_explained_by_the_rules_that_forbid_it() {
    let agents: Vec<Predicate> = (0..3).map(|agent| Predicate::is(agent, 1)).collect();
    let rules = vec![
        Rule::exclusive("one of the three", agents),
        Rule::holds("elsewhere", Expression::is(3, 0).implies(Expression::is(4, 1))),
    ];
    let model = Model::new(grid(5, 2), rules).unwrap();
    assert_eq!(explain(&model, &[(0, 1), (2, 1)]).unwrap(), Some(vec!["one of the three".to_string()]));
    assert_eq!(explain(&model, &[(0, 1), (2, 0)]).unwrap(), None);
    assert_eq!(explain(&model, &[(9, 1)]), Err(CoverError::UnknownValue { parameter: 9, value: 1 }));
}

#[test]
fn the_smallest_of_many_conflicts_is_told() {
    // A chain of eleven, in which every rule is needed, and behind it three rules that do it too.
    let mut rules = vec![Rule::holds("a is 0", Expression::is(0, 0))];
    for link in 0..9 {
        rules.push(Rule::holds(format!("link {link}"), Expression::is(link, 0).implies(Expression::is(link + 1, 0))));
    }
    rules.push(Rule::holds("end is 1", Expression::is(9, 1)));
    rules.push(Rule::holds("x and y", Expression::is(10, 0).implies(Expression::is(11, 1))));
    rules.push(Rule::holds("y and z", Expression::is(11, 1).implies(Expression::is(12, 1))));
    rules.push(Rule::holds("neither x nor z", Expression::All(vec![Expression::is(12, 0), Expression::is(10, 0)])));
    let model = Model::new(grid(13, 2), rules).unwrap();
    let Err(CoverError::Contradiction { rules }) = plan(&model, &Request::strength(2)) else { panic!("it is one") };
    assert_eq!(rules, ["x and y", "y and z", "neither x nor z"]);
}

#[test]
fn a_value_that_no_row_can_hold_is_told() {
    let never = Rule::holds("never", Expression::is(1, 2).negated());
    let made = plan(&Model::new(grid(3, 3), vec![never]).unwrap(), &Request::strength(2)).unwrap();
    assert_eq!(made.impossible, [(1, 2)]);
}

#[test]
fn what_would_take_too_much_memory_is_refused_with_its_size() {
    let model = Model::new(grid(400, 8), Vec::new()).unwrap();
    let told = plan(&model, &Request::strength(4)).unwrap_err();
    assert!(matches!(told, CoverError::TooLarge { strength: 4, combinations: 4_295_049_216_000.., .. }), "{told}");
    assert!(matches!(plan(&model, &Request::strength(7)), Err(CoverError::Strength(7))));
    let huge = Model::new(grid(100, 1000), Vec::new()).unwrap_err();
    assert_eq!(huge, [ModelError::TooMany { what: "values", count: 100_000, limit: 12_288 }]);
}

#[test]
fn the_same_request_gives_the_same_rows_in_any_thread() {
    let exclusive = Rule::exclusive("a or b", vec![Predicate::is(0, 1), Predicate::is(1, 1)]);
    let model = Model::new(grid(8, 3), vec![exclusive]).unwrap();
    let request = Request { effort: Effort::Quick, ..Request::strength(2) };
    let first = plan(&model, &request).unwrap();
    let again: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..3).map(|_| scope.spawn(|| plan(&model, &request).unwrap())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(again.iter().all(|other| *other == first));
}

#[test]
fn replanning_after_one_more_value_keeps_every_row_and_adds_few() {
    let before = plan(&Model::new(grid(10, 4), Vec::new()).unwrap(), &Request::strength(2)).unwrap();
    let mut parameters = grid(10, 4);
    parameters[3] = Parameter::new("p3", (0..5).map(|value| format!("v{value}")));
    let model = Model::new(parameters, Vec::new()).unwrap();
    let seeds = before.rows.iter().map(|row| row.iter().copied().map(Some).collect()).collect();
    let after = plan(&model, &Request { seeds, ..Request::strength(2) }).unwrap();
    assert_eq!(after.rows[..before.rows.len()], before.rows);
    // The new value has to meet four values of each other parameter.
    assert!(after.rows.len() - before.rows.len() <= 4 + 2, "{} rows more", after.rows.len() - before.rows.len());
}

/// A lab like those that are planned for: images, settings, agents of which each two neighbours exclude each other.
pub(crate) fn lab(agents: usize, versions: usize) -> Model {
    let mut parameters = vec![
        Parameter::new("image", (0..7).map(|image| format!("w{image}"))),
        Parameter::new("hvci", ["off", "on"]),
        Parameter::new("vbs", ["off", "on", "locked"]),
        Parameter::new("secureboot", ["off", "on"]),
        Parameter::new("update", ["none", "lcu", "preview"]),
    ];
    let first = parameters.len();
    parameters.extend((0..agents).map(|agent| {
        let versions = (1..=versions).map(|version| format!("v{version}"));
        Parameter::new(format!("agent{agent}"), std::iter::once("none".to_string()).chain(versions))
    }));
    let installed = |agent: usize| Predicate::one_of(first + agent, (1..=versions).collect());
    let mut rules = vec![
        Rule::holds("hvci needs vbs", Expression::is(1, 1).implies(Expression::is(2, 0).negated())),
        Rule::holds("locked needs secure boot", Expression::is(2, 2).implies(Expression::is(3, 1))),
        Rule::holds("agent 0 is not for w0", Expression::is(0, 0).implies(Expression::is(first, 0))),
        Rule { label: "one at least".into(), demand: Demand::AtLeast(1, (0..agents).map(installed).collect()) },
    ];
    rules.extend((0..agents).step_by(2).map(|agent| {
        Rule::exclusive(format!("{agent} or {}", agent + 1), vec![installed(agent), installed(agent + 1)])
    }));
    Model::new(parameters, rules).expect("only what exists is named")
}

#[test]
fn one_more_version_of_an_agent_costs_what_it_has_to() {
    for (agents, versions) in [(8, 3), (12, 4)] {
        let model = lab(agents, versions);
        let before = plan(&model, &Request::strength(2)).unwrap();
        assert!(before.rows.iter().all(|row| is_valid(&model, row)));
        let more = lab(agents, versions + 1);
        let mut parameters = model.parameters().to_vec();
        parameters[6] = more.parameters()[6].clone();
        // The rules of the larger lab, as far as the smaller one has their values.
        let wider = |rule: &Rule| {
            let mut rule = rule.clone();
            if let Demand::AtLeast(_, of) | Demand::AtMost(_, of) = &mut rule.demand {
                let grown = of.iter_mut().filter(|predicate| predicate.parameter == 6);
                grown.for_each(|predicate| predicate.values.push(versions + 1));
            }
            rule
        };
        let model = Model::new(parameters, model.rules().iter().map(wider).collect()).unwrap();
        let seeds: Vec<_> = before.rows.iter().map(|row| row.iter().copied().map(Some).collect()).collect();
        let after = plan(&model, &Request { seeds, ..Request::strength(2) }).unwrap();
        assert_eq!(after.rows[..before.rows.len()], before.rows);
        // Seven images, or the versions of two agents that exclude each other and neither of them.
        let bound = 7.max(2 * versions + 1);
        let new = after.rows.len() - before.rows.len();
        assert!(new <= bound + 2, "{new} new rows for {agents} agents");
    }
}

#[test]
fn the_first_rows_in_order_cover_most() {
    let model = lab(6, 2);
    let made = plan(&model, &Request::strength(2)).unwrap();
    let order = most_first(&model, &Strength::uniform(2), &made.rows).unwrap();
    let mut sorted = order.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, (0..made.rows.len()).collect::<Vec<_>>());
    let covered = |numbers: &[usize]| {
        let rows: Vec<_> = numbers.iter().map(|&number| made.rows[number].clone()).collect();
        measure(&model, &Strength::uniform(2), &rows, 0).unwrap().covered
    };
    for chosen in 0..8 {
        let next = covered(&order[..=chosen]);
        for &other in &order[chosen..] {
            let instead = [&order[..chosen], &[other]].concat();
            assert!(next >= covered(&instead), "row {other} adds more in place {chosen}");
        }
    }
}

#[test]
fn weights_show_where_nothing_else_decides() {
    let mut parameters = grid(3, 2);
    parameters.push(Parameter::new("liked", ["a", "b"]));
    parameters[3].values[1].weight = 50;
    parameters[0] = Parameter::new("p0", (0..10).map(|value| value.to_string()));
    parameters[1] = Parameter::new("p1", (0..10).map(|value| value.to_string()));
    let made = plan(&Model::new(parameters, Vec::new()).unwrap(), &Request::strength(2)).unwrap();
    let liked = made.rows.iter().filter(|row| row[3] == 1).count();
    assert!(liked * 4 > made.rows.len() * 3, "{liked} of {}", made.rows.len());
}

#[test]
fn a_group_constraint_over_many_agents_is_no_obstacle() {
    let mut parameters = grid(24, 5);
    parameters.push(Parameter::new("image", ["one", "two", "three"]));
    let installed: Vec<Predicate> = (0..24).map(|agent| Predicate::one_of(agent, vec![1, 2, 3, 4])).collect();
    let rules = vec![
        Rule { label: "one at least".into(), demand: Demand::AtLeast(1, installed.clone()) },
        Rule { label: "three at most".into(), demand: Demand::AtMost(3, installed.clone()) },
    ];
    let model = Model::new(parameters, rules).unwrap();
    let request = Request { effort: Effort::Quick, ..Request::strength(2) };
    let made = plan(&model, &request).unwrap();
    assert!(made.rows.iter().all(|row| is_valid(&model, row)));
    let agents = |row: &&Vec<usize>| row[..24].iter().filter(|&&version| version > 0).count();
    assert!(made.rows.iter().all(|row| (1..=3).contains(&agents(&row))));
}

#[test]
fn strength_beyond_the_width_is_every_valid_row() {
    let rule = Rule::holds("not both", Expression::is(0, 0).implies(Expression::is(1, 1)));
    let model = Model::new(grid(3, 2), vec![rule]).unwrap();
    let made = plan(&model, &Request::strength(6)).unwrap();
    let every = every_row(&model);
    assert_eq!(made.rows.len(), every.iter().filter(|row| is_valid(&model, row)).count());
    let all = Strength::uniform(3);
    assert_eq!(combinations(&model, &all, &made.rows), combinations(&model, &all, &every));
}
