//! Cases that are told, each for one promise.

use coexist_cover::{
    CoverError, Effort, Expression, Model, ModelError, Parameter, Predicate, Request, Rule, Strength, explain, plan,
};

use crate::checker::{combinations, every_row, is_valid};

fn grid(width: usize, values: usize) -> Vec<Parameter> {
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
    assert_eq!(explain(&model, &[(9, 1)]), Err(CoverError::Seed { number: 0 }));
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
        Rule { label: "one at least".into(), demand: coexist_cover::Demand::AtLeast(1, installed.clone()) },
        Rule { label: "three at most".into(), demand: coexist_cover::Demand::AtMost(3, installed.clone()) },
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
